//! One text of an answer that comes in pieces: what may go on to the client, and what has to wait.

use crate::call::{Blocked, CallFirewall};
use crate::flow::Flow;
use crate::view::Form;

/// One text of an answer on its way: a message, a thought, the arguments of one tool call.
#[derive(Debug, Default)]
pub struct Channel {
    form: Form,
    flow: Flow,
    /// What went through the rules and may begin a stand-in.
    returning: String,
    blocked: bool,
}

impl Channel {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, flow: Flow::new(form, false), ..Self::default() }
    }

    /// Takes the next piece and appends to `out` what may go on.
    ///
    /// # Errors
    /// When the text may not go on. What is in `out` may.
    pub fn push(&mut self, call: &mut CallFirewall, piece: &str, out: &mut String) -> Result<(), Blocked> {
        self.step(call, piece, false, out)
    }

    /// The text has ended: appends what was held.
    ///
    /// # Errors
    /// When it may not go on.
    pub fn finish(&mut self, call: &mut CallFirewall, out: &mut String) -> Result<(), Blocked> {
        self.step(call, "", true, out)
    }

    /// Bytes that wait.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.flow.held_bytes() + self.returning.len()
    }

    fn step(&mut self, call: &mut CallFirewall, piece: &str, last: bool, out: &mut String) -> Result<(), Blocked> {
        if self.blocked {
            return Err(Blocked);
        }
        let returns = !call.pseudonyms().is_empty();
        let passed = match call.answers() {
            None if returns => {
                self.returning.push_str(piece);
                Ok(())
            }
            None => {
                out.push_str(piece);
                Ok(())
            }
            Some(plan) => self.flow.push(call, &plan, piece, last, if returns { &mut self.returning } else { out }),
        };
        if returns && !self.returning.is_empty() {
            let (taken, _) = call.pseudonyms().give(&self.returning, self.form, last, out);
            self.returning.drain(..taken);
        }
        self.blocked = passed.is_err();
        passed
    }
}
