//! Tokens of a text without a tokenizer: what is likely, and what cannot be exceeded.
//!
//! A gateway for 28 vendors has no tokenizer for each. Budgets therefore reserve a bound that
//! holds for all of them, and rate limits count what is likely until the vendor reports.
//! Never done here: reading bodies; the counts come from `wire`. Start at [`bound_tokens`].

/// What was counted in the texts of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextCount {
    /// Bytes below 128.
    pub ascii_bytes: u64,
    /// Characters (not bytes) of 128 and above.
    pub non_ascii_chars: u64,
}

/// Tokens that every message may add for its role and its delimiters. OpenAI's chat format adds 3 to 4,
/// Llama's 4 to 6, and a name one more; 8 holds for all of them.
pub const PER_MESSAGE: u64 = 8;

/// Tokens that a request may add besides its messages: beginning of text, the primed answer, the
/// preamble that announces tools or today's date.
pub const PER_REQUEST: u64 = 32;

/// Tokens as they come in English prose and code (about 4 bytes a token) and in CJK (about 1 a character).
#[must_use]
pub const fn likely_tokens(c: TextCount) -> u64 {
    c.ascii_bytes.div_ceil(4).saturating_add(c.non_ascii_chars)
}

/// Tokens that prose, code, markup and base64 do not exceed, for `c` in `messages` messages.
///
/// One token for every two bytes of ASCII (base64 on the worst tokenizers), two for every other character (rare
/// Chinese characters on byte-level tokenizers), plus the chat format's own. Schemas of tools count as text.
///
/// Not a bound for two kinds of text: long runs of digits (and UUIDs, digests) on the tokenizers that make each digit
/// a token, where [`bound_tokens_with_digits`] holds, and scripts that old byte-level tokenizers cut into bytes (up
/// to three tokens a character, four for an emoji).
#[must_use]
pub const fn bound_tokens(c: TextCount, messages: u64) -> u64 {
    c.ascii_bytes
        .div_ceil(2)
        .saturating_add(c.non_ascii_chars.saturating_mul(2))
        .saturating_add(messages.saturating_mul(PER_MESSAGE))
        .saturating_add(PER_REQUEST)
}

/// Like [`bound_tokens`], with `digits` of the ASCII bytes known to be digits: several vendors' tokenizers make each
/// a token, and each may also cut the text around it into one more piece for every two digits. Never more than a
/// token for each ASCII byte.
#[must_use]
pub const fn bound_tokens_with_digits(c: TextCount, digits: u64, messages: u64) -> u64 {
    let digits = if digits < c.ascii_bytes { digits } else { c.ascii_bytes };
    let ascii = (c.ascii_bytes - digits).div_ceil(2).saturating_add(digits).saturating_add(digits.div_ceil(2));
    let ascii = if ascii < c.ascii_bytes { ascii } else { c.ascii_bytes };
    bound_tokens(TextCount { ascii_bytes: 0, non_ascii_chars: c.non_ascii_chars }, messages).saturating_add(ascii)
}

#[cfg(test)]
mod tests;
