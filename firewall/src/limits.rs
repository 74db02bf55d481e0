//! How far a rule sees. All bounds are bytes of the text as rules see it (after [`crate::view`] has evened it out).

/// The longest stretch that a pattern may match; what runs on beyond it is a [`crate::rule::Tail`].
pub const MATCH_BYTES: usize = 256;
/// What a rule sees of the text before a match: words that speak for it or against it.
pub const BEFORE_BYTES: usize = 96;
/// The largest pattern of the operator's own, compiled.
pub const PATTERN_BYTES: usize = 1024 * 1024;
/// Words of one keyword list.
pub const KEYWORDS: usize = 100_000;
