//! Why something may be left out without being named: the only list of silent losses there is.

/// A feature (by the name of its row) that is left out without a word, and why that is right.
pub(super) struct Reason {
    pub(super) feature: &'static str,
    /// For these cells only: part of `messages to Gemini`. Empty for all.
    pub(super) between: &'static str,
    pub(super) why: &'static str,
}

const fn because(feature: &'static str, between: &'static str, why: &'static str) -> Reason {
    Reason { feature, between, why }
}

/// Of requests.
pub(super) const ASKED: &[Reason] = &[
    because(
        "how closely a picture is looked at",
        "to ",
        "Claude always looks as closely as it can: less was asked for to save tokens, and more there is not.",
    ),
    because(
        "the title of a PDF",
        "to Gemini",
        "Gemini's documents have no titles; the document itself is there. Titles of text documents stand before the text.",
    ),
    because(
        "thoughts shown",
        "to ",
        "OpenAI's chat completions never show thoughts, other servers show them unasked, and Claude's are shown wherever it thinks: to be shown thoughts is not to ask for them.",
    ),
    because(
        "Claude's signed thoughts, sent back",
        "to ",
        "a signature means nothing to another vendor, and unsigned thoughts of another model are no part of the conversation: the words and calls after them are.",
    ),
    because("Claude's hidden thoughts, sent back", "to ", "as with signed thoughts."),
    because("Gemini's signed call, sent back", "to ", "the call itself goes out everywhere; its signature means something to Gemini only."),
    because("cache marks", "to ", "they only save money: OpenAI, Gemini and servers like OpenAI's cache by themselves."),
    because("cache key", "to ", "it only saves money."),
    because("user", "to ", "Gemini and Converse have no word for it; it is for the vendor's own accounts and says nothing to the model."),
    because("metadata", "to ", "it is kept beside the call and says nothing to the model."),
    because(
        "`store`",
        "to ",
        "an instruction for whoever keeps the answer: the gateway obeys it itself for responses, and keeps no other answers.",
    ),
    because("service tier", "messages to like OpenAI", "the usual tier is what everybody gets unasked."),
];

/// Of answers; there is no header that could name what is left out of one.
pub(super) const TOLD: &[Reason] = &[
    because(
        "the signature of words",
        "to messages",
        "a block of words has no place for it there, and Gemini does not insist on having it back.",
    ),
    because("log-probabilities", "to messages", "a client of this dialect cannot ask for them."),
    because("a second answer", "to ", "a client of these dialects cannot ask for it."),
    because("stopped: a stop sequence, and which", "to ", "only Anthropic's dialect tells it; to others the answer is done."),
    because(
        "stopped: paused by the vendor",
        "to ",
        "only Anthropic's dialect knows it; to others the answer is done, and the client may ask on.",
    ),
    because("stopped: a malformed call", "to ", "only Gemini's dialect knows it; to others the answer is done, without the call."),
    because("tokens written to a cache", "to generateContent", "they are counted with the prompt; there is no number of their own."),
    because(
        "the answer's id",
        "to ",
        "ids of these dialects have a form of their own: one is made from the call's, which `x-fluxa-id` tells.",
    ),
    because("the service tier", "to generateContent", "there is no word for it in answers."),
    because("the fingerprint", "to ", "only chat completions have it."),
];

/// The reason for a cell, if it needs one; nothing where it is missing.
pub(super) fn of(list: &'static [Reason], cell: &str, feature: &str) -> Option<&'static Reason> {
    list.iter().find(|reason| reason.feature == feature && cell.contains(reason.between))
}
