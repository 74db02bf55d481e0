//! Names of tools that a vendor does not take, and the way back.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// Which names a vendor takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameRule {
    /// Characters at most.
    pub chars: usize,
    /// What it takes besides ASCII letters and digits.
    pub punctuation: &'static str,
    /// The first character must be a letter or an underscore.
    pub starts_with_letter: bool,
}

/// The names that were changed for a vendor: what it was told, and what the client says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameMap {
    /// By the client's name.
    sent: HashMap<String, String>,
    /// By what the vendor was told.
    own: HashMap<String, String>,
}

impl NameMap {
    /// The name for the vendor; the same for the same name, and different for different ones.
    pub fn fit(&mut self, name: &str, rule: NameRule) -> String {
        if let Some(sent) = self.sent.get(name) {
            return sent.clone();
        }
        if rule.takes(name) && !self.own.contains_key(name) {
            return name.to_owned();
        }
        let sent = rule.fitted(name);
        self.sent.insert(name.to_owned(), sent.clone());
        self.own.entry(sent.clone()).or_insert_with(|| name.to_owned());
        sent
    }

    /// The client's name for what the vendor says.
    #[must_use]
    pub fn back<'n>(&'n self, sent: &'n str) -> &'n str {
        self.own.get(sent).map_or(sent, String::as_str)
    }

    /// No name was changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }
}

impl NameRule {
    fn takes(self, name: &str) -> bool {
        let good = |c: char| c.is_ascii_alphanumeric() || self.punctuation.contains(c);
        let first = name.chars().next();
        name.len() <= self.chars
            && name.chars().all(good)
            && first.is_some_and(|c| !self.starts_with_letter || c.is_ascii_alphabetic() || c == '_')
    }

    /// As much of the name as fits, and eight hex digits of its digest, so that two names stay two.
    fn fitted(self, name: &str) -> String {
        let digest = Sha256::digest(name.as_bytes());
        let digits: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let mut out = String::new();
        for c in name.chars() {
            let good = c.is_ascii_alphanumeric() || self.punctuation.contains(c);
            out.push(if good { c } else { '_' });
        }
        if self.starts_with_letter && !out.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            out.insert(0, '_');
        }
        out.truncate(self.chars.saturating_sub(digits.len() + 1));
        format!("{out}_{digits}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: NameRule = NameRule { chars: 64, punctuation: "_-", starts_with_letter: false };

    #[test]
    fn long_and_odd_names_come_back() {
        let mut map = NameMap::default();
        let long = "mcp__server__".repeat(8);
        for name in ["plain", long.as_str(), "with.dot", "with/dot", "wéird", "ends_here"] {
            let sent = map.fit(name, RULE);
            assert!(RULE.takes(&sent), "{sent}");
            assert_eq!(map.back(&sent), name);
            assert_eq!(map.fit(name, RULE), sent);
        }
        assert_ne!(map.fit("with.dot", RULE), map.fit("with/dot", RULE));
        assert_eq!(map.fit("plain", RULE), "plain");
        assert!(map.fit("9lives", NameRule { starts_with_letter: true, ..RULE }).starts_with("_9lives_"));
    }
}
