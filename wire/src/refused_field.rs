//! A field of the request that an upstream does not take: which one its error names, and the request without it.
//!
//! The safety net below what is known of upstreams. Only optional fields are taken out, only from the outermost object, and
//! never one that the answer's meaning or form rests on. Start at [`read`].

use std::ops::Range;

use bytes::Bytes;
use serde_json::Value;

use crate::body::edit::{self, Edit};
use crate::json::skip::Scanner;
use crate::json::{quote, unquote};
use crate::limits::{ERROR_BODY_BYTES, FIELD_NAME_BYTES, REFUSED_FIELDS};

mod complaint;

use complaint::Named;

/// How a request is mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// A field is taken out.
    Drop(String),
    /// A bound on the output goes by another name.
    Rename {
        /// The name that was refused.
        from: &'static str,
        /// Its name there.
        to: &'static str,
    },
}

/// The names that a bound on the output has in the bodies of OpenAI's dialect (`max_output_tokens`: of the Responses API).
const BOUNDS: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];

/// What is never taken out: without it the answer would be to another question, in another form, or without a bound.
const NEEDED: [&str; 35] = [
    "model",
    "messages",
    "input",
    "contents",
    "prompt",
    "system",
    "systemInstruction",
    "system_instruction",
    "instructions",
    "stream",
    "tools",
    "functions",
    "tool_choice",
    "function_call",
    "toolConfig",
    "tool_config",
    "mcp_servers",
    "response_format",
    "text",
    "output_config",
    "output_format",
    "modalities",
    "audio",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens_to_sample",
    "generationConfig",
    "generation_config",
    "inferenceConfig",
    "guardrailConfig",
    "previous_response_id",
    "conversation",
    "background",
    "cachedContent",
];

/// The mends that the error body of a 400 or 422 calls for, where `sent` was asked and `done` was mended before; at most
/// [`REFUSED_FIELDS`] in all.
///
/// None when the error is about anything else, too: asking again would only give the next refusal.
#[must_use]
pub fn read(error: &[u8], sent: &[u8], done: &[Mend]) -> Vec<Mend> {
    if error.len() > ERROR_BODY_BYTES {
        return Vec::new();
    }
    let Ok(value) = serde_json::from_slice::<Value>(error) else { return Vec::new() };
    let named = complaint::named(&value);
    if named.is_empty() {
        return Vec::new();
    }
    let members = members(sent);
    let mut found = Vec::new();
    for named in named {
        let Some(mend) = mend(&named, &members) else { return Vec::new() };
        if done.iter().any(|done| done.touches(mend.refused())) {
            return Vec::new();
        }
        if !found.contains(&mend) {
            found.push(mend);
        }
    }
    found.truncate(REFUSED_FIELDS.saturating_sub(done.len()));
    found
}

/// How a request with these members is mended of what was named.
fn mend(named: &Named, members: &[Member]) -> Option<Mend> {
    let has = |name: &str| members.iter().any(|member| member.name == name);
    // Some upstreams name their own field for one that was sent in the style of the dialect.
    let name = if has(&named.field) { named.field.clone() } else { snake(&named.field) };
    if !has(&name) {
        return None;
    }
    if let Some(from) = BOUNDS.into_iter().find(|bound| *bound == name) {
        let to = match (&named.instead, from) {
            _ if named.value_only => return None,
            (Some(instead), _) => BOUNDS.into_iter().find(|bound| bound == instead)?,
            (None, "max_tokens") => "max_completion_tokens",
            (None, "max_completion_tokens") => "max_tokens",
            (None, _) => return None,
        };
        return (!has(to)).then_some(Mend::Rename { from, to });
    }
    let is_word = name.len() <= FIELD_NAME_BYTES && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    (is_word && !NEEDED.contains(&name.as_str())).then_some(Mend::Drop(name))
}

/// `presencePenalty` as `presence_penalty`.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

impl Mend {
    /// The field that was refused.
    #[must_use]
    pub fn refused(&self) -> &str {
        match self {
            Self::Drop(name) => name,
            Self::Rename { from, .. } => from,
        }
    }

    /// The field that the upstream does not get to see in any form.
    #[must_use]
    pub fn dropped(&self) -> Option<&str> {
        match self {
            Self::Drop(name) => Some(name),
            Self::Rename { .. } => None,
        }
    }

    fn touches(&self, name: &str) -> bool {
        self.refused() == name || matches!(self, Self::Rename { to, .. } if *to == name)
    }

    /// The body mended; the same bytes where it has no such field.
    #[must_use]
    pub fn apply(&self, body: &Bytes) -> Bytes {
        let mut body = body.clone();
        // A field may be there twice.
        while let Some(edit) = self.edit(&body) {
            let Ok(edited) = edit::apply(&body, vec![edit]) else { break };
            body = edited;
        }
        body
    }

    fn edit(&self, body: &Bytes) -> Option<Edit> {
        let member = members(body).into_iter().find(|member| member.name == self.refused())?;
        Some(match self {
            Self::Drop(_) => Edit::replace(member.cut, Vec::new()),
            Self::Rename { to, .. } => Edit::replace(member.key, quote(to)),
        })
    }
}

/// A member of a body's outermost object.
struct Member {
    name: String,
    /// Its key with the quotes.
    key: Range<usize>,
    /// What goes with it: key, value and one comma.
    cut: Range<usize>,
}

/// The members of the outermost object; none where `body` is no sound JSON object.
fn members(body: &[u8]) -> Vec<Member> {
    let mut found = Vec::new();
    if scan(body, &mut found).is_none() {
        found.clear();
    }
    found
}

fn scan(body: &[u8], found: &mut Vec<Member>) -> Option<()> {
    let mut s = Scanner::new(body);
    s.blanks();
    if s.peek()? != b'{' {
        return None;
    }
    s.at += 1;
    s.blanks();
    if s.peek()? == b'}' {
        return Some(());
    }
    let mut comma = None;
    loop {
        s.blanks();
        let start = s.at;
        let key = s.key().ok()?;
        let key = start..key.end + 1;
        let name = unquote(body.get(key.clone())?)?;
        s.value(1).ok()?;
        let end = s.at;
        s.blanks();
        let next = s.peek()?;
        let cut = match (next, comma) {
            (b',', _) => start..s.at + 1,
            (_, Some(comma)) => comma..end,
            (_, None) => start..end,
        };
        found.push(Member { name, key, cut });
        match next {
            b',' => comma = Some(s.at),
            b'}' => return Some(()),
            _ => return None,
        }
        s.at += 1;
    }
}

#[cfg(test)]
mod tests;
