//! Asks as the scripts keep them: MessagePack, which Redis' `cmsgpack` reads.
//!
//! Never done here: reading it; only scripts do.

use fluxa_domain::budget::Unit;
use fluxa_domain::id::CallId;
use fluxa_domain::time::Micros;

use crate::shared::counters::{BudgetAsk, ReserveAsk, ScopeAsk};

/// A limit or an end that is not there.
const NONE: i64 = -1;

/// `[at, nanos, tokens, rate tokens, counts, scopes]`.
pub(super) fn ask(ask: &ReserveAsk) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + 96 * ask.scopes.len());
    head(&mut out, ask.now, [ask.nanos, ask.tokens, ask.rate_tokens.max(0), i64::from(ask.counts_request)]);
    array(&mut out, ask.scopes.len());
    ask.scopes.iter().for_each(|one| scope(&mut out, one));
    out
}

/// The same for a call that is only known by its settlement: a moment and names.
pub(super) fn settled(at: Micros, scopes: &[String]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + 32 * scopes.len());
    head(&mut out, at, [0; 4]);
    array(&mut out, scopes.len());
    for name in scopes {
        array(&mut out, 4);
        text(&mut out, name);
        (0..3).for_each(|_| number(&mut out, NONE));
    }
    out
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

fn head(out: &mut Vec<u8>, at: Micros, numbers: [i64; 4]) {
    array(out, 6);
    number(out, at.0);
    numbers.into_iter().for_each(|one| number(out, one));
}

fn scope(out: &mut Vec<u8>, ask: &ScopeAsk) {
    array(out, 4 + 4 * ask.budgets.len());
    text(out, &ask.scope);
    for limit in [ask.rpm, ask.tpm, ask.concurrency] {
        number(out, limit.map_or(NONE, |limit| i64::try_from(limit).unwrap_or(i64::MAX)));
    }
    for BudgetAsk { window: bounds, unit, limit, .. } in &ask.budgets {
        text(out, &window(*unit, &bounds.id));
        number(out, bounds.starts_at.0);
        number(out, bounds.ends_at.map_or(NONE, |end| end.0));
        number(out, *limit);
    }
}

fn array(out: &mut Vec<u8>, length: usize) {
    out.push(0xdd);
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn number(out: &mut Vec<u8>, value: i64) {
    match u8::try_from(value) {
        Ok(small) if small < 0x80 => out.push(small),
        _ => {
            out.push(0xd3);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

fn text(out: &mut Vec<u8>, value: &str) {
    out.push(0xdb);
    out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(value.as_bytes());
}
