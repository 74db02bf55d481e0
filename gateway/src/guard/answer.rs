//! What comes back whole.

use bytes::{Bytes, BytesMut};
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_firewall::{CallFirewall, Form, Inspected};
use fluxa_wire::leaf::{Edited, Fate, Leaf};
use fluxa_wire::relay::Framing;
use hyper::header::{HeaderMap, HeaderName};

use super::stream::{End, Strands};
use super::{Guard, text};

/// What a whole answer is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape<'a> {
    /// A document of this content type.
    Document(&'a str),
    /// A stream in the client's dialect, all of it.
    Stream(Dialect, Op, Framing),
}

/// Whether a body of this kind may hold text: what is heard or looked at does not.
pub(crate) fn is_text(op: Op, media: &str) -> bool {
    let seen_or_heard = ["audio/", "image/", "video/"].iter().any(|kind| media.starts_with(kind));
    !(seen_or_heard || op == Op::Audio && matches!(media, "" | "application/octet-stream"))
}

impl Guard {
    /// What a whole answer becomes for the client, and what is written down of it where content is stored (`stores`): there, stand-ins
    /// stay that the client gets values for.
    ///
    /// # Errors
    /// [`RefusalKind::ContentBlocked`]: it holds what may not reach the client, or cannot be read.
    pub(crate) fn answer(&mut self, shape: Shape<'_>, body: Bytes, stores: bool) -> Result<(Bytes, Bytes), Refusal> {
        if !self.watches_answers() {
            return Ok((body.clone(), body));
        }
        let passed = match pass(&mut self.firewall, shape, &body) {
            Ok(passed) => passed,
            Err(Why::Blocked) => {
                self.blocked = true;
                return Err(self.refusal("the answer holds what may not be passed on"));
            }
            Err(Why::Unreadable) if self.enforces_answers() => {
                self.blocked = true;
                return Err(unreadable());
            }
            Err(Why::Unreadable) => body.clone(),
        };
        let stored = if stores && self.has_stand_ins() {
            // Not even a copy is better than one with the values in it.
            pass(&mut self.for_the_books(), shape, &body).unwrap_or_default()
        } else {
            passed.clone()
        };
        Ok((passed, stored))
    }

    /// Takes out of a vendor's headers those with something in them that may not be passed on.
    pub(crate) fn headers(&mut self, headers: &mut HeaderMap) {
        if !self.watches_answers() {
            return;
        }
        let found = headers.iter().filter(|(_, value)| {
            let text = String::from_utf8_lossy(value.as_bytes());
            self.firewall.response(&text, Form::Plain) != Inspected::Same
        });
        let names: Vec<HeaderName> = found.map(|(name, _)| name.clone()).collect();
        for name in names {
            headers.remove(name);
        }
    }

    /// A refusal that quotes a vendor's words.
    pub(crate) fn words(&mut self, refusal: &mut Refusal) {
        if !self.watches_answers() {
            return;
        }
        match self.firewall.response(&refusal.message, Form::Plain) {
            Inspected::Same => {}
            Inspected::Edited(text) => refusal.message = text.into(),
            Inspected::Blocked => refusal.message = "the provider's words may not be passed on".into(),
        }
    }
}

/// An answer that would have to be read and cannot be.
pub(crate) fn unreadable() -> Refusal {
    let text = "the firewall cannot read the provider's answer, so it is not passed on";
    Refusal::new(RefusalKind::ContentBlocked, text).with_status(502)
}

enum Why {
    Blocked,
    Unreadable,
}

fn pass(firewall: &mut CallFirewall, shape: Shape<'_>, body: &Bytes) -> Result<Bytes, Why> {
    match shape {
        Shape::Document(content_type) => {
            let mut see = |leaf: Leaf<'_>| match firewall.response(leaf.text, text::form(leaf.kind)) {
                Inspected::Same => Fate::Keep,
                Inspected::Edited(text) => Fate::Replace(text),
                Inspected::Blocked => Fate::Stop,
            };
            match text::each(content_type, body, &mut see) {
                Ok(Edited::Same) => Ok(body.clone()),
                Ok(Edited::Changed(body)) => Ok(body),
                Ok(Edited::Stopped) => Err(Why::Blocked),
                Err(text::Unreadable) => Err(Why::Unreadable),
            }
        }
        Shape::Stream(dialect, op, framing) => {
            let mut strands = Strands::new(dialect, op, framing);
            let mut out = BytesMut::with_capacity(body.len());
            let pushed = strands.push(firewall, body, &mut out).and_then(|()| strands.finish(firewall, &mut out));
            match pushed {
                Ok(()) => Ok(out.freeze()),
                Err(End::Blocked) => Err(Why::Blocked),
                Err(End::Broken) => Err(Why::Unreadable),
            }
        }
    }
}
