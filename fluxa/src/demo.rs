//! `fluxa demo`: what a newcomer without any provider key begins with.
//!
//! An echo in this process, its price, two keys (one of them nearly broke) and two weeks of made-up usage. Everything
//! goes through the same doors as real configuration and real calls. Start at [`first_start`].

use std::collections::BTreeMap;
use std::net::SocketAddr;

use fluxa_domain::budget::BudgetMode;
use fluxa_domain::change::Change;
use fluxa_domain::key::{KeyLimits, KeyRecord};
use fluxa_domain::money::NanoUsd;
use fluxa_domain::price::{PriceRow, Rate, Rates};
use fluxa_domain::provider::{ProviderRecord, ProviderSecrets, Timeouts};
use fluxa_domain::secret::Secret;
use fluxa_domain::time::Micros;

use crate::config::error::At;
use crate::config::seeds::SeedKey;
use crate::seed::{Random, issue};

pub mod echo;
pub mod history;

/// The provider's name, its kind and its model.
pub const ECHO: &str = "echo";
/// The key to play with.
pub const KEY: &str = "demo";
/// The key that is soon out of money.
pub const TINY_KEY: &str = "demo-tiny";
/// The database, unless one is named: beside the caller, so that it is seen and easily deleted.
pub const DATABASE: &str = "./fluxa-demo.db";

/// What `demo` changes in the defaults: its own database, lines for people.
pub const DEFAULTS: &[(&str, &str)] = &[("database.path", DATABASE), ("logging.format", "pretty")];

/// A dollar for a million tokens of input.
const INPUT: Rate = Rate(1_000_000_000);
/// Two dollars for a million tokens of output.
const OUTPUT: Rate = Rate(2_000_000_000);
/// A day of playing cannot cost more than this made-up dollar.
const DAILY: NanoUsd = NanoUsd(NanoUsd::PER_USD);
/// A fifth of a cent a call, so that a handful of words is seen in a report and in a budget.
const PER_CALL: NanoUsd = NanoUsd(2_000_000);
/// A balanced key reserves the likely cost of a call (0.003 dollars with 512 tokens of output): one call fits, a second
/// one does not fit beside what the first one has spent.
const TINY: NanoUsd = NanoUsd(4_000_000);

/// The changes of a first start, and the keys to show once.
#[must_use]
pub fn first_start(echo: SocketAddr, now: Micros, pepper: &[u8; 32], random: Random<'_>) -> (Vec<Change>, Vec<(String, Secret<String>)>) {
    let mut changes = vec![
        Change::CreateProvider { record: provider(echo, now), secrets: ProviderSecrets::default() },
        Change::AddPrices { rows: vec![price()] },
    ];
    let mut made = Vec::new();
    let daily = KeyLimits { budget_usd_daily: Some(DAILY), ..KeyLimits::default() };
    let tiny = KeyLimits { budget_usd_daily: Some(TINY), ..KeyLimits::default() };
    for (name, limits, mode) in [(KEY, daily, BudgetMode::Strict), (TINY_KEY, tiny, BudgetMode::Balanced)] {
        let seed = SeedKey { record: key(name, limits, mode), fixed: None, at: At::default() };
        let (change, text) = issue(&seed, now, pepper, random);
        changes.push(change);
        made.extend(text.map(|text| (name.to_owned(), text)));
    }
    (changes, made)
}

/// The change of every later start: the echo listens on another port each time.
#[must_use]
pub fn later_start(echo: SocketAddr, stored: &ProviderRecord, now: Micros) -> Change {
    let record = ProviderRecord { created_at: stored.created_at, enabled: stored.enabled, ..provider(echo, now) };
    Change::UpdateProvider { record, secrets: None }
}

fn provider(echo: SocketAddr, now: Micros) -> ProviderRecord {
    ProviderRecord {
        name: String::from(ECHO),
        kind: String::from(ECHO),
        base_url: Some(format!("http://{echo}/v1")),
        anthropic_base_url: Some(format!("http://{echo}")),
        headers: BTreeMap::new(),
        timeouts: Timeouts::default(),
        api_version: None,
        deployments: BTreeMap::new(),
        region: None,
        max_concurrency: None,
        probe_every_s: None,
        enabled: true,
        created_at: now,
        updated_at: now,
    }
}

fn price() -> PriceRow {
    PriceRow {
        provider: String::from(ECHO),
        model: String::from(ECHO),
        mode: String::from("chat"),
        version: String::from("demo"),
        // Old enough for the made-up usage too.
        valid_from: Micros(0),
        rates: Rates { input: INPUT, output: OUTPUT, ..Rates::default() },
        per_request: PER_CALL,
        context: Some(128_000),
        max_output: Some(4_096),
        source: String::from("demo"),
        ..PriceRow::default()
    }
}

fn key(name: &str, limits: KeyLimits, budget_mode: BudgetMode) -> KeyRecord {
    KeyRecord {
        firewall_policy: None,
        id: String::new(),
        name: name.to_owned(),
        models: Vec::new(),
        limits,
        model_limits: BTreeMap::new(),
        on_store_error: None,
        cache: None,
        budget_mode,
        budget_clamp: false,
        time_zone: String::from("UTC"),
        show_spend: true,
        expires_at: None,
        ip_allowlist: Vec::new(),
        enabled: true,
        team: Some(String::from("demo")),
        tags: BTreeMap::new(),
        last4: String::new(),
        created_at: Micros(0),
        updated_at: Micros(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo() -> SocketAddr {
        "127.0.0.1:4321".parse().unwrap()
    }

    #[test]
    fn a_first_start_makes_a_provider_a_price_and_two_keys() {
        let mut next = 0;
        let mut random = |bytes: &mut [u8]| {
            next += 1;
            bytes.fill(next);
        };
        let (changes, made) = first_start(echo(), Micros(7), &[1; 32], &mut random);
        let actions: Vec<&str> = changes.iter().map(Change::action).collect();
        assert_eq!(actions, ["provider.create", "price.add", "key.issue", "key.issue"]);
        let names: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [KEY, TINY_KEY]);
        assert_ne!(made[0].1, made[1].1);
    }

    #[test]
    fn a_later_start_only_moves_the_echo() {
        let stored = ProviderRecord { enabled: false, ..provider(echo(), Micros(1)) };
        let Change::UpdateProvider { record, secrets } = later_start("127.0.0.1:9".parse().unwrap(), &stored, Micros(2)) else { panic!() };
        assert_eq!((record.base_url.as_deref(), record.enabled, record.created_at), (Some("http://127.0.0.1:9/v1"), false, Micros(1)));
        assert!(secrets.is_none());
    }

    #[test]
    fn the_tiny_key_can_pay_for_one_call_and_not_for_two() {
        use fluxa_domain::price::{bound, charge};
        use fluxa_domain::usage::Usage;
        let row = price();
        for words in [3, 200] {
            let reserved = bound(&row, words * 2, 512).unwrap();
            let usage = Usage { input_uncached: words, output: words + 2, ..Usage::default() };
            let spent = charge(&row, &usage, None, Micros(1)).unwrap();
            assert!(reserved <= TINY && reserved.0 + spent.0 > TINY.0, "{reserved} {spent}");
        }
    }

    #[test]
    fn the_defaults_are_settings() {
        for (path, _) in DEFAULTS {
            assert!(crate::config::settings::spec(path).is_some(), "{path}");
        }
    }
}
