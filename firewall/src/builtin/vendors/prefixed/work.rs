//! Marked tokens of services for money and work.

use super::marked;
use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[marked(
    "easypost_key",
    "EasyPost API key",
    &["EZAK", "EZTK"],
    r"EZ[AT]K[A-Za-z0-9]{54}",
    &["EZAK6t7Y8f58e5NGg1m5mxk4rHgM5ZQy7wY1nHz77sDO5Wq0s4b090ISX6"],
    &["EZAKname"],
)];
