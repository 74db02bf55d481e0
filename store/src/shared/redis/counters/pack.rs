//! Asks as the scripts keep them: what Redis' `struct` reads, in the order that `note.lua` tells.
//!
//! Never done here: reading it; only scripts do.

use fluxa_domain::budget::Unit;
use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;

use crate::shared::counters::{BudgetAsk, ReserveAsk, ScopeAsk, Settlement};

/// A limit or an end that is not there.
const NONE: i64 = -1;

/// The note of an open call: no second yet, an ask, and the draft of its row behind it.
pub(super) fn ask(ask: &ReserveAsk) -> Vec<u8> {
    let draft = ask.draft.as_deref().unwrap_or_default();
    let mut out = Packed::new(ask.scopes.len(), draft.len());
    out.head(ask.now, [ask.nanos, ask.tokens, ask.rate_tokens.max(0), i64::from(ask.counts_request)], ask.scopes.len());
    ask.scopes.iter().for_each(|one| out.scope(one));
    out.finish(draft)
}

/// The same for a call that is only known by its settlement: a moment and names.
pub(super) fn settled(at: Micros, scopes: &[String]) -> Vec<u8> {
    let mut out = Packed::new(scopes.len(), 0);
    out.head(at, [0; 4], scopes.len());
    for name in scopes {
        out.text(name);
        (0..3).for_each(|_| out.number(NONE));
        out.number(0);
    }
    out.finish("")
}

/// The numbers of a settlement, with the most rows of the stream.
pub(super) fn numbers(settlement: &Settlement, stream_rows: u64) -> Vec<u8> {
    let rows = i64::try_from(stream_rows).unwrap_or(i64::MAX);
    let Settlement { at, nanos, tokens, rate_tokens, .. } = settlement;
    [at.0, *nanos, *tokens, (*rate_tokens).max(0), rows].into_iter().flat_map(number).collect()
}

/// A call's id in keys and sets.
pub(super) fn id(id: CallId) -> String {
    id.0.simple().to_string()
}

/// The name of a window in its scope: a letter for the unit, and the id.
pub(super) fn window(unit: Unit, id: &str) -> String {
    let letter = match unit {
        Unit::NanoUsd => 'n',
        Unit::Tokens => 't',
    };
    format!("{letter}{id}")
}

/// The unit and id that [`window`] was given.
pub(super) fn unit_and_id(name: &str) -> (Unit, &str) {
    match name.strip_prefix('t') {
        Some(id) => (Unit::Tokens, id),
        None => (Unit::NanoUsd, name.get(1..).unwrap_or_default()),
    }
}

/// As Lua has it: exact below 2^53, which all amounts are.
const fn number(value: i64) -> [u8; 8] {
    (value as f64).to_le_bytes()
}

/// Values, and the format that `struct` reads them by.
struct Packed {
    format: Vec<u8>,
    values: Vec<u8>,
}

impl Packed {
    fn new(scopes: usize, draft: usize) -> Self {
        let mut format = Vec::with_capacity(64 + 160 * scopes + draft);
        format.extend_from_slice(b"o0000000000<");
        Self { format, values: Vec::with_capacity(64 + 128 * scopes) }
    }

    fn head(&mut self, at: Micros, numbers: [i64; 4], scopes: usize) {
        self.number(at.0);
        numbers.into_iter().for_each(|one| self.number(one));
        self.count(scopes);
    }

    fn scope(&mut self, ask: &ScopeAsk) {
        self.text(&ask.scope);
        for limit in [ask.rpm, ask.tpm, ask.concurrency] {
            self.number(limit.map_or(NONE, |limit| i64::try_from(limit).unwrap_or(i64::MAX)));
        }
        self.count(ask.budgets.len());
        for BudgetAsk { window: bounds, unit, limit, .. } in &ask.budgets {
            self.text(&window(*unit, &bounds.id));
            self.number(bounds.starts_at.0);
            self.number(bounds.ends_at.map_or(NONE, |end| end.0));
            self.number(*limit);
        }
    }

    fn count(&mut self, value: usize) {
        self.number(i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn number(&mut self, value: i64) {
        self.format.push(b'd');
        self.values.extend_from_slice(&number(value));
    }

    /// Its length and its bytes.
    fn text(&mut self, value: &str) {
        self.format.extend_from_slice(b"I4c0");
        self.values.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.values.extend_from_slice(value.as_bytes());
    }

    fn finish(self, draft: &str) -> Vec<u8> {
        let mut out = self.format;
        out.push(0);
        out.extend_from_slice(&self.values);
        out.extend_from_slice(draft.as_bytes());
        out
    }
}
