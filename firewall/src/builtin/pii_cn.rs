//! Rules: pii_cn.

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[];
