//! Connection strings, URLs with passwords, headers that carry credentials.
//!
//! A finding spans all of `scheme://user:password@host:port`: a mask leaves no half of it. Passwords that manuals use (`password`,
//! `secret`) are shown as alerts by rows of their own; templates (`${PASSWORD}`, `<password>`) are no findings.

use crate::builtin::join;
use crate::rule::Rule;

mod headers;
mod strings;
mod urls;

const TABLES: [&[Rule]; 3] = [urls::RULES, strings::RULES, headers::RULES];

pub(super) const RULES: &[Rule] = &join::<{ super::count(&TABLES) }>(&TABLES);
