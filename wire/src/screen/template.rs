//! An event of a stream with a place for a text: what a censor lets out late is told in it.

/// The event around the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// The `event:` line's name; none where it is empty.
    event: Vec<u8>,
    before: String,
    after: String,
    /// The event has a number of its own, the last of its members.
    numbered: bool,
}

impl Template {
    pub(super) fn new(event: &[u8], before: String, after: &str) -> Self {
        Self { event: event.to_vec(), before, after: after.to_owned(), numbered: false }
    }

    /// An event that is numbered; `after` leaves its last brace out.
    pub(super) fn numbered(event: &[u8], before: String, after: &str) -> Self {
        Self { numbered: true, ..Self::new(event, before, after) }
    }

    /// Whether it takes a number.
    pub(super) const fn is_numbered(&self) -> bool {
        self.numbered
    }

    /// The name of the event.
    pub(super) fn event(&self) -> &[u8] {
        &self.event
    }

    /// The event's data.
    pub(super) fn data(&self, text: &str, number: u64) -> String {
        let quoted = crate::json::quote(text);
        let number = if self.numbered { format!(",\"sequence_number\":{number}}}") } else { String::new() };
        [&self.before, quoted.as_str(), &self.after, &number].concat()
    }
}
