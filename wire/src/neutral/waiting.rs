//! Calls of tools that wait for their results: each is found by its id, by its tool's name or in its turn, and only once.
//!
//! A request may hold ten thousand calls answered in any order, so none is searched for one by one.

use std::collections::{HashMap, VecDeque};

/// What waits, in order.
#[derive(Clone, Debug)]
pub(crate) struct Waiting<T> {
    list: Vec<Option<T>>,
    ids: HashMap<String, VecDeque<usize>>,
    names: HashMap<String, VecDeque<usize>>,
    /// Nothing before this place waits.
    first: usize,
    left: usize,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { list: Vec::new(), ids: HashMap::new(), names: HashMap::new(), first: 0, left: 0 }
    }
}

impl<T> Waiting<T> {
    /// One more, behind all others.
    pub(crate) fn push(&mut self, id: &str, name: &str, value: T) {
        let at = self.list.len();
        self.list.push(Some(value));
        self.left += 1;
        for (places, key) in [(&mut self.ids, id), (&mut self.names, name)] {
            match places.get_mut(key) {
                Some(places) => places.push_back(at),
                None => {
                    places.insert(key.to_owned(), VecDeque::from([at]));
                }
            }
        }
    }

    /// The first with this id.
    pub(crate) fn by_id(&mut self, id: &str) -> Option<T> {
        let at = first_of(self.ids.get_mut(id)?, &self.list)?;
        self.take(at)
    }

    /// The first with this name.
    pub(crate) fn by_name(&mut self, name: &str) -> Option<T> {
        let at = first_of(self.names.get_mut(name)?, &self.list)?;
        self.take(at)
    }

    /// The first of all.
    pub(crate) fn first(&mut self) -> Option<T> {
        while self.list.get(self.first).is_some_and(Option::is_none) {
            self.first += 1;
        }
        self.take(self.first)
    }

    /// Nothing waits.
    pub(crate) const fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// What still waits, in order.
    pub(crate) fn rest(self) -> impl Iterator<Item = T> {
        self.list.into_iter().flatten()
    }

    fn take(&mut self, at: usize) -> Option<T> {
        let taken = self.list.get_mut(at)?.take();
        self.left -= usize::from(taken.is_some());
        taken
    }
}

/// The first place that still waits; the others are forgotten.
fn first_of<T>(places: &mut VecDeque<usize>, list: &[Option<T>]) -> Option<usize> {
    loop {
        let at = places.pop_front()?;
        if list.get(at).is_some_and(Option::is_some) {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_once_by_id_by_name_and_in_turn() {
        let mut waiting = Waiting::default();
        for (value, (id, name)) in [("a", "x"), ("b", "y"), ("a", "y"), ("c", "x"), ("", "x")].into_iter().enumerate() {
            waiting.push(id, name, value);
        }
        assert_eq!(waiting.by_id("a"), Some(0));
        assert_eq!(waiting.by_id("a"), Some(2));
        assert_eq!(waiting.by_id("a"), None);
        assert_eq!(waiting.by_name("y"), Some(1));
        assert_eq!(waiting.by_name("y"), None);
        assert_eq!(waiting.by_name("z"), None);
        assert_eq!(waiting.first(), Some(3));
        assert!(!waiting.is_empty());
        assert_eq!(waiting.clone().rest().collect::<Vec<_>>(), [4]);
        assert_eq!(waiting.by_id(""), Some(4));
        assert!(waiting.is_empty() && waiting.first().is_none());
    }
}
