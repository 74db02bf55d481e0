//! Two weeks of made-up calls, the same ones for the same day: so that reports and charts have something to show.
//!
//! The last call lies before today's midnight (UTC), so that nothing of it counts against today's budgets.

use std::collections::BTreeMap;

use fluxa_domain::entry::{AttemptRow, CostState, Entry};
use fluxa_domain::id::CallId;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::time::Micros;
use fluxa_domain::usage::{Usage, UsageState};

/// Days of history.
pub const DAYS: i64 = 14;
/// Calls on a busy day; weekends have fewer.
const CALLS_A_DAY: u64 = 48;
const DAY: i64 = 24 * Micros::PER_HOUR;

/// A made-up model: name, provider, dollars for a million tokens in and out (in cents).
struct Made {
    model: &'static str,
    provider: &'static str,
    dialect: &'static str,
    op: &'static str,
    input_cents: i64,
    output_cents: i64,
    share: u64,
}

const MODELS: &[Made] = &[
    Made { model: "gpt-4o", provider: "openai", dialect: "openai", op: "chat", input_cents: 250, output_cents: 1_000, share: 30 },
    Made { model: "gpt-4o-mini", provider: "openai", dialect: "openai", op: "chat", input_cents: 15, output_cents: 60, share: 35 },
    Made {
        model: "claude-sonnet-4-5",
        provider: "anthropic",
        dialect: "anthropic",
        op: "messages",
        input_cents: 300,
        output_cents: 1_500,
        share: 20,
    },
    Made { model: "deepseek-chat", provider: "deepseek", dialect: "openai", op: "chat", input_cents: 28, output_cents: 42, share: 10 },
    Made { model: "echo", provider: "echo", dialect: "openai", op: "chat", input_cents: 100, output_cents: 200, share: 5 },
];

/// Keys of the history: name and team. They are no keys that open anything.
const KEYS: &[(&str, &str)] = &[("support-bot", "support"), ("code-review", "platform"), ("search", "platform"), ("demo", "demo")];

/// A reproducible sequence of numbers (splitmix64); nothing here is a secret.
struct Dice(u64);

impl Dice {
    const fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}

/// The history before `now`. `demo_key_id` is the public id of the key `demo`, so that its page is not empty.
#[must_use]
pub fn entries(now: Micros, demo_key_id: &str) -> Vec<Entry> {
    let today = now.0.div_euclid(DAY);
    let mut out = Vec::new();
    for day in today - DAYS..today {
        let mut dice = Dice(day.unsigned_abs());
        // Day 0 of the epoch was a Thursday.
        let weekend = matches!((day + 3).rem_euclid(7), 5 | 6);
        let calls = if weekend { CALLS_A_DAY / 4 } else { CALLS_A_DAY } + dice.roll(10);
        let mut moments: Vec<i64> = (0..calls).map(|_| moment(day, &mut dice)).collect();
        moments.sort_unstable();
        out.extend(moments.into_iter().map(|at| entry(Micros(at), demo_key_id, &mut dice)));
    }
    out
}

/// A moment of the day, mostly between 7 and 19 o'clock.
fn moment(day: i64, dice: &mut Dice) -> i64 {
    let hour = if dice.roll(10) < 8 { 7 + dice.roll(12) } else { dice.roll(24) };
    let micros = i64::try_from(dice.roll(Micros::PER_HOUR.unsigned_abs())).unwrap_or(0);
    day * DAY + i64::try_from(hour).unwrap_or(0) * Micros::PER_HOUR + micros
}

fn entry(at: Micros, demo_key_id: &str, dice: &mut Dice) -> Entry {
    let made = pick(dice);
    let (name, team) = KEYS.get(usize::try_from(dice.roll(4)).unwrap_or(0)).copied().unwrap_or(("demo", "demo"));
    let mut random = [0; 10];
    for byte in &mut random {
        *byte = u8::try_from(dice.roll(256)).unwrap_or(0);
    }
    let id = CallId::new(at, random);
    // Of a hundred calls, three are over a rate limit, two find the provider broken and one is out of budget.
    let (status, error) = match dice.roll(100) {
        0..3 => (429, "rate_limit_exceeded"),
        3..5 => (502, "upstream_error"),
        5 => (402, "budget_exceeded"),
        _ => (200, ""),
    };
    let usage = if status == 200 { tokens(dice) } else { Usage::default() };
    let stream = dice.roll(10) < 6;
    let latency_ms = if status == 429 || status == 402 { 1 } else { 350 + usage.output * 9 + dice.roll(400) };
    let reached = matches!(status, 200 | 502);
    let attempt = AttemptRow {
        provider: made.provider.into(),
        model: made.model.into(),
        status,
        ms: latency_ms,
        why: if status == 502 { "status".into() } else { String::new() },
    };
    Entry {
        firewall: Vec::new(),
        id,
        request_id: id.to_string(),
        at,
        key_id: if name == "demo" { demo_key_id.to_owned() } else { format!("past-{name}") },
        key_name: name.to_owned(),
        team: team.to_owned(),
        organization: String::new(),
        tags: BTreeMap::new(),
        model: made.model.to_owned(),
        provider: if reached { made.provider.to_owned() } else { String::new() },
        upstream_model: if reached { made.model.to_owned() } else { String::new() },
        dialect_in: made.dialect.to_owned(),
        dialect_out: if reached { made.dialect.to_owned() } else { String::new() },
        op: made.op.to_owned(),
        stream,
        status,
        usage,
        usage_state: UsageState::Reported,
        cost: cost(made, &usage),
        cost_state: CostState::Exact,
        price_version: if status == 200 { String::from("demo") } else { String::new() },
        ttfb_ms: (status == 200).then_some(if stream { 180 + latency_ms % 300 } else { latency_ms }),
        latency_ms,
        attempts: if reached { vec![attempt] } else { Vec::new() },
        finish: if status == 200 { String::from("stop") } else { String::new() },
        error: error.to_owned(),
        client_closed: false,
        abandoned: false,
        cached: false,
        request_body: None,
        response_body: None,
    }
}

fn pick(dice: &mut Dice) -> &'static Made {
    let mut roll = dice.roll(MODELS.iter().map(|made| made.share).sum());
    for made in MODELS {
        if roll < made.share {
            return made;
        }
        roll -= made.share;
    }
    const { &MODELS[0] }
}

fn tokens(dice: &mut Dice) -> Usage {
    let input = 200 + dice.roll(3_000);
    let cached = if dice.roll(3) == 0 { input / 2 } else { 0 };
    Usage { input_uncached: input - cached, cache_read: cached, output: 50 + dice.roll(700), ..Usage::default() }
}

/// Cents a million tokens are ten nano-dollars a token.
fn cost(made: &Made, usage: &Usage) -> NanoUsd {
    let count = |tokens: u64| i64::try_from(tokens).unwrap_or(0);
    NanoUsd(count(usage.input_total()) * made.input_cents * 10 + count(usage.output) * made.output_cents * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_is_the_same_each_time_and_ends_before_today() {
        let now = Micros::from_rfc3339("2026-11-22T10:00:00Z").unwrap();
        let midnight = Micros::from_rfc3339("2026-11-22T00:00:00Z").unwrap();
        let first = entries(now, "AbCd1234");
        assert_eq!(first, entries(Micros(now.0 + 1_000_000), "AbCd1234"));
        assert!(first.len() > 400 && first.len() < 900, "{}", first.len());
        assert!(first.iter().all(|entry| entry.at < midnight && entry.at.0 >= midnight.0 - DAYS * DAY));
        let mut ids: Vec<CallId> = first.iter().map(|entry| entry.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), first.len());
    }

    #[test]
    fn it_has_something_of_everything() {
        let all = entries(Micros(1_800_000_000_000_000), "AbCd1234");
        for made in MODELS {
            assert!(all.iter().any(|entry| entry.model == made.model), "{}", made.model);
        }
        for status in [200, 402, 429, 502] {
            assert!(all.iter().any(|entry| entry.status == status), "{status}");
        }
        assert!(all.iter().all(|entry| (entry.status == 200) == (entry.cost > NanoUsd::ZERO)));
        assert!(all.iter().any(|entry| entry.key_id == "AbCd1234"));
    }
}
