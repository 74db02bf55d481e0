//! How far a rule sees. All bounds are bytes of the text as rules see it (after [`crate::view`] has evened it out).

/// The longest stretch that a pattern may match; what runs on beyond it is a [`crate::rule::Tail`].
pub const MATCH_BYTES: usize = 256;
/// What a rule sees of the text before a match: words that speak for it or against it.
pub const BEFORE_BYTES: usize = 96;
/// As far as a group of digits is followed: no number has more digits and separators, and more numbers may stand in a row.
pub const DIGIT_GROUP_BYTES: usize = 40;
/// How far behind its beginning a stretch that is masked gets its name and its hash from: what is longer must be named before its
/// end is known. Bytes of the text that was sent.
pub const NAMED_BYTES: usize = 256;
/// The longest number of a JSON document that becomes a string as a whole.
pub const TOKEN_BYTES: usize = 256;
/// The largest pattern of the operator's own, compiled.
pub const PATTERN_BYTES: usize = 1024 * 1024;
/// Words of one keyword list.
pub const KEYWORDS: usize = 100_000;
/// The longest word of a keyword list, in bytes.
pub const KEYWORD_BYTES: usize = 256;
