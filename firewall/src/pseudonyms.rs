//! Stand-ins that the client gets its values back for. They live as long as their call and are written nowhere.

use std::collections::HashMap;

/// The stand-ins of one call.
#[derive(Default)]
pub struct Pseudonyms {
    by_value: HashMap<(String, String), usize>,
    /// Stand-in and value.
    all: Vec<(String, String)>,
    counts: HashMap<String, usize>,
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pseudonyms").field("count", &self.all.len()).finish_non_exhaustive()
    }
}

impl Pseudonyms {
    /// The stand-in for a value: `<EMAIL_1>`; the same value has the same one.
    pub fn stand_in(&mut self, label: &str, value: &str) -> &str {
        let next = self.all.len();
        let at = *self.by_value.entry((label.to_owned(), value.to_owned())).or_insert(next);
        if at == next {
            let count = self.counts.entry(label.to_owned()).or_insert(0);
            *count += 1;
            self.all.push((format!("<{label}_{count}>"), value.to_owned()));
        }
        self.all.get(at).map_or("", |(stand_in, _)| stand_in)
    }

    /// None have been made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Stand-ins and what they stand for.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all.iter().map(|(stand_in, value)| (stand_in.as_str(), value.as_str()))
    }
}
