//! Why generation ended. Source: protocol specification §0, stop reasons.

/// Why generation ended, in words that every dialect can be told in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stop {
    /// The model was done.
    #[default]
    Done,
    /// A stop sequence of the client was met.
    Sequence,
    /// The bound on the output was reached.
    Length,
    /// The context window was full.
    Context,
    /// The model wants tools to be run.
    Tools,
    /// A filter stopped it, or the model refused.
    Filter,
    /// The vendor paused a long turn; the client may send it back to go on.
    Pause,
    /// The model produced something malformed (a broken tool call).
    Malformed,
}

impl Stop {
    /// The reason for an answer that holds tool calls: several vendors say "stop" there.
    #[must_use]
    pub const fn with_calls(self) -> Self {
        match self {
            Self::Done | Self::Sequence => Self::Tools,
            other => other,
        }
    }

    /// What was being said may have been cut off in the middle.
    #[must_use]
    pub const fn cuts(self) -> bool {
        matches!(self, Self::Length | Self::Context | Self::Filter)
    }
}
