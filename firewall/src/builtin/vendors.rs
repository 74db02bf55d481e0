//! Rules: vendors.

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[];
