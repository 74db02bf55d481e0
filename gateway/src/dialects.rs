//! Which machine speaks which dialect.

use fluxa_domain::dialect::{Dialect, Op};
use fluxa_wire::client::ClientDialect;
use fluxa_wire::upstream::UpstreamDialect;

/// What reads requests of a client and writes answers to it; nothing for operations that are never translated.
pub(crate) fn client(dialect: Dialect, op: Op) -> Option<&'static dyn ClientDialect> {
    Some(match (dialect, op) {
        (Dialect::OpenAi, Op::Chat) => &fluxa_wire::client::chat::OpenAiChat,
        (Dialect::OpenAi, Op::Responses) => &fluxa_wire::client::responses::OpenAiResponses,
        (Dialect::Anthropic, Op::Messages | Op::CountTokens) => &fluxa_wire::client::anthropic::Anthropic,
        (Dialect::Gemini, Op::GenerateContent | Op::CountTokens) => &fluxa_wire::client::gemini::Gemini,
        _ => return None,
    })
}

/// What writes requests to a vendor and reads its answers.
pub(crate) fn upstream(dialect: Dialect) -> &'static dyn UpstreamDialect {
    match dialect {
        Dialect::OpenAi => &fluxa_wire::upstream::openai::OpenAi,
        Dialect::Anthropic => &fluxa_wire::upstream::anthropic::Anthropic,
        Dialect::Gemini => &fluxa_wire::upstream::gemini::Gemini,
        Dialect::Bedrock => &fluxa_wire::upstream::bedrock::Bedrock,
    }
}

/// The operation under which a vendor of this dialect answers a translated call: what its answers are read as.
pub(crate) const fn translated_op(dialect: Dialect) -> Op {
    match dialect {
        Dialect::OpenAi | Dialect::Bedrock => Op::Chat,
        Dialect::Anthropic => Op::Messages,
        Dialect::Gemini => Op::GenerateContent,
    }
}
