//! Parts of the protocol that can be left out one at a time, to see that the simulator notices.
//!
//! Each is a rule that somebody might forget when writing a script or a node. Start at [`Rules::all`].

/// Which rules are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// A row goes to the ledger only when its settle was answered, or is from then on asked `again`.
    pub(crate) append_after_settle: bool,
    /// A settle that is asked again makes the windows cold instead of charging them: its row may be in the ledger.
    pub(crate) again_chills: bool,
    /// A finished row takes the place of a draft (abandoned, estimated) that the ledger has of the same call.
    pub(crate) final_replaces_draft: bool,
    /// Who finds the finished row in the ledger while it writes a draft tells the counters the real charge.
    pub(crate) sweeper_corrects: bool,
    /// `recorded` says whether it was the draft, and leaves alone what has been settled since.
    pub(crate) recorded_says_which: bool,
    /// `recorded` leaves open reservations alone (they come back with a failover to older data).
    pub(crate) recorded_keeps_open: bool,
    /// A node that sees another epoch settles all again that it has not recorded.
    pub(crate) resettle_on_epoch: bool,
    /// A reservation or extension that arrives long after it was sent does nothing.
    pub(crate) stale_refused: bool,
    /// A settle charges all scopes of its row that are counted, not only those that were limited when the call began.
    pub(crate) settle_charges_row_scopes: bool,
    /// Giving back an expired reservation is a settle of nothing, which stays known until it is recorded.
    pub(crate) release_is_settle: bool,
    /// The journal keeps a row until its settle is answered, even when the ledger has it.
    pub(crate) journal_until_settled: bool,
}

impl Rules {
    /// The whole protocol.
    pub(crate) const fn all() -> Self {
        Self {
            append_after_settle: true,
            again_chills: true,
            final_replaces_draft: true,
            sweeper_corrects: true,
            recorded_says_which: true,
            recorded_keeps_open: true,
            resettle_on_epoch: true,
            stale_refused: true,
            settle_charges_row_scopes: true,
            release_is_settle: true,
            journal_until_settled: true,
        }
    }
}
