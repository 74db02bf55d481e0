//! One text of an answer that comes in pieces: what may go on to the client, and what has to wait.

use crate::call::{Blocked, CallFirewall, Inspected};
use crate::view::Form;

/// One text of an answer on its way: a message, a thought, the arguments of one tool call.
#[derive(Debug, Default)]
pub struct Channel {
    form: Form,
    held: String,
}

impl Channel {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, held: String::new() }
    }

    /// Takes the next piece and appends to `out` what may go on.
    ///
    /// # Errors
    /// When the text may not go on. What is in `out` may.
    pub fn push(&mut self, call: &mut CallFirewall, piece: &str, out: &mut String) -> Result<(), Blocked> {
        let _ = (call, out);
        self.held.push_str(piece);
        Ok(())
    }

    /// The text has ended: appends what was held.
    ///
    /// # Errors
    /// When it may not go on.
    pub fn finish(&mut self, call: &mut CallFirewall, out: &mut String) -> Result<(), Blocked> {
        let held = std::mem::take(&mut self.held);
        match call.response(&held, self.form) {
            Inspected::Same => out.push_str(&held),
            Inspected::Edited(text) => out.push_str(&text),
            Inspected::Blocked => return Err(Blocked),
        }
        Ok(())
    }

    /// Bytes that wait.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held.len()
    }
}
