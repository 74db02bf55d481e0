//! Looking without changing anything: standings, audits, and rows that wait.
//!
//! Never done here: what a row means; it is text.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fluxa_domain::id::CallId;
use redis::{Cmd, Value};

use super::keys::Keys;
use super::reply::{Reply, strange};
use super::warm::{Unrecorded, unrecorded};
use super::{RedisCounters, pack};
use crate::shared::counters::{BudgetStanding, Inspection, ScopeStanding, UnrecordedCharge, WaitingRow};
use crate::shared::redis::link::Fault;

/// Rows of one answer: an answer should not take longer than a command may.
const PAGE: usize = 1_000;

impl RedisCounters {
    /// Where a scope stands, and its unrecorded calls when they are asked for.
    pub(super) async fn look_at(
        &self,
        organization: &str,
        scope: &str,
        calls: bool,
    ) -> Result<Option<(ScopeStanding, Vec<Unrecorded>)>, Fault> {
        let keys = Keys::of(organization);
        let arguments = if calls { vec![b"1".to_vec()] } else { Vec::new() };
        let mut rest = self.run(organization, &self.scripts.standing, &[&keys.epoch(), &keys.scope(scope)], &arguments).await?.rest;
        if rest.is_empty() {
            return Ok(None);
        }
        let mut count = || rest.int().map(|number| u64::try_from(number).unwrap_or(0));
        let (in_flight, requests, tokens) = (count()?, count()?, count()?);
        let unrecorded = unrecorded(rest.list()?)?;
        let mut budgets = Vec::new();
        while !rest.is_empty() {
            let (name, spent, reserved) = (rest.text()?, rest.int()?, rest.int()?);
            let (unit, window_id) = pack::unit_and_id(&name);
            budgets.push(BudgetStanding { window_id: window_id.to_owned(), unit, spent, reserved });
        }
        Ok(Some((ScopeStanding { in_flight, requests, tokens, budgets }, unrecorded)))
    }

    /// Everything of an organisation, in several steps: exact when nothing is counted meanwhile.
    pub(super) async fn look_at_all(&self, organization: &str) -> Result<Inspection, Fault> {
        let keys = Keys::of(organization);
        let mut rest = self.run(organization, &self.scripts.open, &[&keys.epoch()], &[]).await?.rest;
        let (mut names, mut calls) = (rest.list()?, rest.list()?);
        let mut found = Inspection { rows: u64::try_from(rest.int()?).unwrap_or(0), ..Inspection::default() };
        while !calls.is_empty() {
            let mut call = calls.list()?;
            let (id, nanos, tokens, mut list) = (call.id()?, call.int()?, call.int()?, call.list()?);
            let mut scopes = Vec::new();
            while !list.is_empty() {
                scopes.push(list.text()?);
            }
            found.open.push((id, scopes, nanos, tokens));
        }
        let mut unrecorded = BTreeSet::new();
        while !names.is_empty() {
            let name = names.text()?;
            if let Some((standing, calls)) = self.look_at(organization, &name, true).await? {
                unrecorded.extend(calls.iter().map(|call| call.id));
                found.charges.extend(calls.into_iter().map(|Unrecorded { id, at, charged }| UnrecordedCharge {
                    scope: name.clone(),
                    id,
                    at,
                    nanos: charged.nanos,
                    tokens: charged.tokens,
                }));
                found.scopes.push((name, standing));
            }
        }
        let mut from = String::from("-");
        loop {
            let page = self.rows(&keys, &from, "+", PAGE).await?;
            unrecorded.extend(page.iter().map(|(_, id, _)| *id));
            match page.last() {
                Some((entry, ..)) if page.len() == PAGE => from = format!("({entry}"),
                _ => break,
            }
        }
        found.unrecorded.extend(unrecorded);
        Ok(found)
    }

    /// Rows of all organisations that came more than `age` ago.
    pub(super) async fn waiting_rows(&self, age: Duration, limit: usize) -> Result<Vec<WaitingRow>, Fault> {
        let age_us = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        let mut found: Vec<((u64, u64), WaitingRow)> = Vec::new();
        for name in self.organizations().await? {
            let keys = Keys::of(&name);
            let to = self.server_time().await?.saturating_sub(age_us).div_euclid(1_000);
            let organization: Arc<str> = name.as_str().into();
            for (entry, id, json) in self.rows(&keys, "-", &to.max(0).to_string(), limit).await? {
                found.push((order(&entry), WaitingRow { id, organization: Arc::clone(&organization), json }));
            }
        }
        found.sort_by_key(|(order, _)| *order);
        found.truncate(limit);
        Ok(found.into_iter().map(|(_, row)| row).collect())
    }

    async fn server_time(&self) -> Result<i64, Fault> {
        if let Some(time) = &self.given {
            return Ok(time.load(Ordering::Acquire));
        }
        let Value::Array(parts) = self.link.command(&redis::cmd("TIME")).await? else { return Err(strange(&"no time")) };
        let numbers: Vec<i64> = parts
            .iter()
            .filter_map(|part| match part {
                Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
                Value::Int(number) => Some(*number),
                _ => None,
            })
            .collect();
        let [seconds, micros] = numbers.as_slice() else { return Err(strange(&parts)) };
        Ok(seconds.saturating_mul(1_000_000).saturating_add(*micros))
    }

    /// Entry, call and text of some rows, oldest first.
    async fn rows(&self, keys: &Keys, from: &str, to: &str, limit: usize) -> Result<Vec<(String, CallId, String)>, Fault> {
        let mut range = Cmd::new();
        range.arg("XRANGE").arg(keys.stream()).arg(from).arg(to).arg("COUNT").arg(limit);
        let mut entries = Reply::new(self.link.patient(&range).await?)?;
        let mut rows = Vec::new();
        while !entries.is_empty() {
            let mut entry = entries.list()?;
            let (name, mut fields) = (entry.text()?, entry.list()?);
            fields.text()?;
            let id = fields.id()?;
            fields.text()?;
            rows.push((name, id, fields.text()?));
        }
        Ok(rows)
    }
}

/// `1700000000000-3` as numbers.
fn order(entry: &str) -> (u64, u64) {
    let (millis, place) = entry.split_once('-').unwrap_or((entry, "0"));
    (millis.parse().unwrap_or(0), place.parse().unwrap_or(0))
}
