//! What a whole answer tells. One walk, no tree. Start at [`answer`].

use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::usage::Usage;

use crate::facts::AnswerFacts;
use crate::json::skip;
use crate::json::walk::elements;
use crate::tap::{Tap, Whole};

/// An answer with a good status that is not in the protocol: nothing, a page, garbage, half a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream's answer is not in its protocol: {what}")]
pub struct NotProtocol {
    /// What it is instead.
    pub what: &'static str,
}

/// Reads the facts of a whole answer whose status was good.
///
/// # Errors
///
/// When it is not an answer of this operation.
pub fn answer(dialect: Dialect, op: Op, body: &[u8]) -> Result<AnswerFacts, NotProtocol> {
    let text = body.trim_ascii();
    match text.first() {
        None => return Err(NotProtocol { what: "empty body" }),
        Some(b'{') => {}
        Some(b'<') => return Err(NotProtocol { what: "a page" }),
        // Lists are answers of some operations, but hold no facts.
        Some(b'[') if op == Op::Other || dialect == Dialect::Gemini => {}
        Some(_) => return Err(NotProtocol { what: "no json object" }),
    }
    let mut tap = Tap::new(dialect, op);
    // A stream that was not asked for as events is a list of chunks.
    let seen = if text.starts_with(b"[") {
        let known = elements(text).fold(op == Op::Other, |known, chunk| tap.whole(chunk).known || known);
        Whole { sound: skip::check(text).is_ok(), known }
    } else {
        // One walk finds the facts and the end; the client's parser judges the rest, as it would without us.
        tap.whole(text)
    };
    if !seen.sound {
        return Err(NotProtocol { what: "broken json" });
    }
    let known = seen.known;
    let mut facts = tap.facts;
    if !known && op.generates_text() && facts.error.is_none() {
        return Err(NotProtocol { what: "json without an answer" });
    }
    if op != Op::Images && !op.generates_text() {
        facts.images = 0;
    }
    // A rerank that is billed by the search tells no tokens: then there is no usage to report.
    if op == Op::Rerank && facts.usage.is_some_and(|usage| usage.total() == 0) {
        facts.usage = None;
    }
    if op == Op::Images && facts.images > 0 && !facts.absurd {
        facts.usage.get_or_insert_with(Usage::default).images = facts.images;
    }
    Ok(facts)
}

#[cfg(test)]
mod tests;
