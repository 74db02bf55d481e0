//! What goes to the vendor: the body, and what of path, query and headers goes with it.

use bytes::Bytes;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_firewall::{Form, Inspected};
use fluxa_wire::leaf::{Edited, Fate, Leaf};
use hyper::http::request::Parts;

use super::{Guard, text};
use crate::pass_path;

/// A request as the guard sees it.
pub(crate) struct Asked<'a> {
    pub(crate) parts: &'a Parts,
    /// The path below `/v1/`, as it was sent.
    pub(crate) path: &'a str,
    pub(crate) dialect: Dialect,
    pub(crate) op: Op,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a Bytes,
    pub(crate) model: &'a str,
    /// The operator's routes name this model: it is no text of the client's.
    pub(crate) model_is_known: bool,
}

impl Guard {
    /// What the body becomes; nothing where it stays. Where something is found that may not go on, or stands where it cannot be
    /// changed, or where texts cannot be found, the call ends.
    ///
    /// # Errors
    /// [`RefusalKind::ContentBlocked`].
    pub(crate) fn request(&mut self, asked: &Asked<'_>) -> Result<Option<Bytes>, Refusal> {
        let judged = self.judge_request(asked);
        self.asked = self.firewall.hits();
        self.blocked |= judged.is_err();
        judged
    }

    fn judge_request(&mut self, asked: &Asked<'_>) -> Result<Option<Bytes>, Refusal> {
        if self.plans.request.is_none() {
            return Ok(None);
        }
        self.reserve(asked);
        self.around_the_body(asked)?;
        let firewall = &mut self.firewall;
        let mut see = |leaf: Leaf<'_>| {
            // The gateway chooses by it, and writes its own in its place; it is looked at by itself.
            if leaf.field == "model" && leaf.text == asked.model {
                return Fate::Keep;
            }
            match firewall.request(leaf.text, text::form(leaf.kind)) {
                Inspected::Same => Fate::Keep,
                Inspected::Edited(text) => Fate::Replace(text),
                Inspected::Blocked => Fate::Stop,
            }
        };
        match text::each(asked.content_type, asked.body, &mut see) {
            Ok(Edited::Same) => Ok(None),
            Ok(Edited::Changed(body)) => Ok(Some(body)),
            Ok(Edited::Stopped) => Err(self.refusal("the request holds what may not leave")),
            Err(text::Unreadable) if self.firewall.enforces_requests() => {
                let text = "the firewall cannot read this body, so it is not passed on: send JSON, a form or UTF-8 text";
                Err(Refusal::new(RefusalKind::ContentBlocked, text))
            }
            Err(text::Unreadable) => Ok(None),
        }
    }

    /// Notes the stand-ins that the client wrote itself, wherever it did: none of them is given to a value.
    fn reserve(&mut self, asked: &Asked<'_>) {
        // Most bodies have none, and their texts need not be looked for.
        if !self.firewall.gives_stand_ins() || !may_hold_stand_ins(asked.body) {
            return;
        }
        let mut see = |leaf: Leaf<'_>| {
            self.firewall.reserve(leaf.text);
            Fate::Keep
        };
        // What cannot be read is judged by who reads it next.
        let _ = text::each(asked.content_type, asked.body, &mut see);
    }

    /// What goes along and cannot be changed.
    fn around_the_body(&mut self, asked: &Asked<'_>) -> Result<(), Refusal> {
        if !asked.model_is_known {
            self.fixed(asked.model, "the name of the model")?;
        }
        if matches!(asked.op, Op::Other | Op::Images | Op::Audio) {
            for part in asked.path.split('/') {
                self.decoded(part, "the path")?;
            }
        }
        if let Some(query) = asked.parts.uri.query() {
            for part in pass_path::without_key(query).split('&').flat_map(|pair| pair.splitn(2, '=')) {
                self.decoded(part, "the query")?;
            }
        }
        // With its boundary, which stands in the body, too.
        self.fixed(asked.content_type, "the content type")?;
        for (_, value) in crate::head::passed_on(&asked.parts.headers, asked.dialect) {
            // A value in another charset is searched for what is ASCII in it.
            self.fixed(&String::from_utf8_lossy(value.as_bytes()), "a header")?;
        }
        Ok(())
    }

    /// A part of an address, as each of those who read it on its way may read it.
    fn decoded(&mut self, part: &str, place: &'static str) -> Result<(), Refusal> {
        let once = pass_path::decode(part);
        self.fixed(&once, place)?;
        if once.contains('+') {
            self.fixed(&once.replace('+', " "), place)?;
        }
        if once != part && once.contains('%') {
            self.fixed(&pass_path::decode(&once), place)?;
        }
        Ok(())
    }

    fn fixed(&mut self, text: &str, place: &'static str) -> Result<(), Refusal> {
        match self.firewall.request(text, Form::Plain) {
            Inspected::Same => Ok(()),
            Inspected::Edited(_) | Inspected::Blocked => Err(self.refusal(&format!("{place} holds what may not leave"))),
        }
    }

    /// What the ledger row may say of a text that a client chose: the model it named, a tag.
    pub(crate) fn for_the_row(&mut self, said: &str) -> String {
        match self.firewall.request_again(said, Form::Plain) {
            Inspected::Same => said.to_owned(),
            Inspected::Edited(text) => text,
            Inspected::Blocked => String::new(),
        }
    }

    /// The body of a request with its stand-ins read back: what is kept of a conversation outlives them.
    pub(crate) fn given_back(&self, body: &Bytes) -> Option<Bytes> {
        if !self.has_stand_ins() {
            return None;
        }
        let mut see = |leaf: Leaf<'_>| self.firewall.give_back(leaf.text, text::form(leaf.kind)).map_or(Fate::Keep, Fate::Replace);
        match fluxa_wire::leaf::json(body, &mut see) {
            Ok(Edited::Changed(body)) => Some(body),
            Ok(Edited::Same | Edited::Stopped) | Err(_) => None,
        }
    }

    /// A refusal that names the rules, never what they found.
    pub(super) fn refusal(&self, what: &str) -> Refusal {
        let mut rules: Vec<String> = self.firewall.blocked_by().into_iter().map(str::to_owned).collect();
        if rules.is_empty() {
            rules =
                self.firewall.hits().into_iter().filter(|hit| matches!(&*hit.action, "mask" | "pseudonym")).map(|hit| hit.rule).collect();
        }
        rules.sort_unstable();
        rules.dedup();
        Refusal::new(RefusalKind::ContentBlocked, format!("{what}: {}", rules.join(", ")))
    }
}

/// Whether a body may hold a stand-in: `_1>` in whatever way its letters and brackets are written.
fn may_hold_stand_ins(body: &[u8]) -> bool {
    memchr::memchr_iter(b'_', body).any(|at| body.get(at + 1).is_some_and(u8::is_ascii_digit))
        || memchr::memmem::find(body, b"\\u").is_some()
        || memchr::memchr(b'%', body).is_some()
        || memchr::memmem::find(body, b"base64").is_some()
}
