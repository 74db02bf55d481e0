//! What scripts answer: a code, the server's time, the epoch, and what else there is, in order.
//!
//! The invariant: an answer of another shape is an error, never a guess.

use fluxa_domain::id::CallId;
use redis::Value;

use crate::shared::counters::{Over, OverWhat, RateStanding, ReserveAsk, Reserved, Standing};
use crate::shared::redis::link::Fault;

/// An answer that is read from front to back.
#[derive(Debug)]
pub(super) struct Reply {
    values: std::vec::IntoIter<Value>,
}

impl Reply {
    /// # Errors
    /// [`Fault::Refused`] when it is no list.
    pub(super) fn new(value: Value) -> Result<Self, Fault> {
        match value {
            Value::Array(values) => Ok(Self { values: values.into_iter() }),
            other => Err(strange(&other)),
        }
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.values.len() == 0
    }

    /// # Errors
    /// [`Fault::Refused`] when the next value is no integer.
    pub(super) fn int(&mut self) -> Result<i64, Fault> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(number),
            other => Err(strange(&other)),
        }
    }

    /// # Errors
    /// [`Fault::Refused`] when the next value is no text.
    pub(super) fn text(&mut self) -> Result<String, Fault> {
        match self.values.next() {
            Some(Value::BulkString(bytes)) => String::from_utf8(bytes).map_err(|error| strange(&error)),
            Some(Value::SimpleString(text)) => Ok(text),
            other => Err(strange(&other)),
        }
    }

    /// # Errors
    /// [`Fault::Refused`] when the next value is no id.
    pub(super) fn id(&mut self) -> Result<CallId, Fault> {
        let text = self.text()?;
        CallId::parse(&text).ok_or_else(|| strange(&text))
    }

    /// # Errors
    /// [`Fault::Refused`] when the next value is no list.
    pub(super) fn list(&mut self) -> Result<Self, Fault> {
        self.values.next().map_or_else(|| Err(strange(&"nothing")), Self::new)
    }

    fn rate(&mut self) -> Result<Option<RateStanding>, Fault> {
        let [limit, remaining, reset_s] = [self.int()?, self.int()?, self.int()?];
        let count = |number| u64::try_from(number).unwrap_or(0);
        Ok((limit >= 0).then(|| RateStanding { limit: count(limit), remaining: count(remaining), reset_s: count(reset_s) }))
    }

    /// Where a granted call stands; nothing where it has no rates.
    ///
    /// # Errors
    /// [`Fault::Refused`] when it is of another shape.
    pub(super) fn standing(&mut self) -> Result<Standing, Fault> {
        if self.is_empty() {
            return Ok(Standing::default());
        }
        Ok(Standing { rpm: self.rate()?, tpm: self.rate()?, degraded: false })
    }

    /// Which limit of `ask` refused.
    ///
    /// # Errors
    /// [`Fault::Refused`] when it is of another shape.
    pub(super) fn over(&mut self, ask: &ReserveAsk) -> Result<Reserved, Fault> {
        let place = self.int()?;
        let scope = usize::try_from(place).ok().and_then(|at| ask.scopes.get(at)).ok_or_else(|| strange(&place))?;
        let (kind, retry, at, spent, reserved) = (self.int()?, self.int()?, self.int()?, self.int()?, self.int()?);
        let budget = || usize::try_from(at).ok().and_then(|at| scope.budgets.get(at)).ok_or_else(|| strange(&at));
        let (what, resets_at, affordable) = match kind {
            1 => {
                let budget = budget()?;
                let left = budget.limit.saturating_sub(spent).saturating_sub(reserved);
                let what = OverWhat::Budget { period: budget.period, unit: budget.unit, limit: budget.limit, spent, reserved };
                (what, budget.window.ends_at, Some(left.max(0)))
            }
            2 => (OverWhat::Concurrency, None, None),
            3 => (OverWhat::Requests, None, None),
            4 => (OverWhat::Tokens, None, None),
            other => return Err(strange(&other)),
        };
        let (rpm, tpm) = (self.rate()?, self.rate()?);
        let scope = scope.scope.clone();
        Ok(Reserved::Refused(Over { scope, what, retry_after_s: u64::try_from(retry).ok(), resets_at, rpm, tpm, affordable }))
    }
}

/// An answer that no script of ours gives.
pub(super) fn strange(what: &impl std::fmt::Debug) -> Fault {
    Fault::Refused(format!("a strange answer: {what:?}"))
}
