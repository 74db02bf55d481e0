//! How many rows a second the ledger takes, with the sums that are kept beside them.
//!
//! `cargo bench -p fluxa-store --bench ledger` writes batches as a gateway does, one after the other, to SQLite in a temporary
//! folder and to a throw-away Postgres, for few callers and for many: rows of many callers touch many sums.
#![expect(clippy::print_stdout, reason = "it is what a benchmark is for")]

use std::error::Error;
use std::time::Instant;

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::time::Micros;
use fluxa_domain::usage::Usage;
use fluxa_loadtest::backends::Postgres;
use fluxa_store::{Finished, PostgresOptions, Sealer, Store, StoreOptions};

type Failure = Box<dyn Error>;

/// Rows of a batch, and batches of a round.
const SHAPES: [(usize, usize); 3] = [(1, 300), (100, 30), (1_000, 8)];

/// Rounds; the best one counts, and the median says how quiet the machine was.
const ROUNDS: usize = 5;

/// Keys and models.
const CALLERS: [(usize, usize); 3] = [(3, 1), (50, 3), (500, 5)];

/// 2026-11-22T10:00:00Z.
const START: i64 = 1_795_341_600_000_000;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    println!("rows a second: best of {ROUNDS} rounds / median");
    let headings: Vec<String> = SHAPES.iter().map(|(batch, _)| format!("{:>17}", format!("batches of {batch}"))).collect();
    println!("{:<34}{}", "", headings.join(" "));
    let folder = tempfile::tempdir()?;
    let postgres = Postgres::start()?;
    for (keys, models) in CALLERS {
        let file = StoreOptions::Sqlite { path: folder.path().join(format!("{keys}.db")) };
        let server = StoreOptions::Postgres(PostgresOptions::new(postgres.database()?.as_str()));
        for (engine, options) in [("SQLite", file), ("Postgres", server)] {
            let store = Store::open(options, Sealer::new([9; 32])).await?;
            let mut columns = Vec::new();
            let mut next = 0;
            for (batch, batches) in SHAPES {
                let mut speeds = Vec::new();
                for _ in 0..ROUNDS {
                    let rows: Vec<Vec<Finished>> = (0..batches)
                        .map(|at| (0..batch).map(|n| Finished::new(entry(next + at * batch + n, keys, models))).collect())
                        .collect();
                    next += batch * batches;
                    let began = Instant::now();
                    for one in &rows {
                        if store.append_finished(one).await? != one.len() {
                            return Err("a row was there before".into());
                        }
                    }
                    speeds.push((batch * batches) as f64 / began.elapsed().as_secs_f64());
                }
                speeds.sort_by(|one, other| other.total_cmp(one));
                let at = |place: usize| speeds.get(place).copied().unwrap_or_default();
                columns.push(format!("{:>8.0} /{:>7.0}", at(0), at(ROUNDS / 2)));
            }
            println!("{:<34}{}", format!("{engine}, {keys} keys, {models} models"), columns.join(" "));
            store.close().await;
        }
    }
    Ok(())
}

/// A call like most are. Which key and model it is of looks random and is not.
fn entry(n: usize, keys: usize, models: usize) -> Entry {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let at = Micros(START + i64::try_from(n).unwrap_or_default() * 1_000);
    Entry {
        key_id: format!("key_{:026}", mixed % keys),
        key_name: format!("key {}", mixed % keys),
        team: format!("team {}", mixed % keys % 10),
        organization: String::from("acme"),
        model: format!("model-{}", mixed / keys % models),
        provider: String::from("openai"),
        op: String::from("chat"),
        status: 200,
        usage: Usage { input_uncached: 400, output: 80, ..Usage::default() },
        cost: NanoUsd(1_234_567),
        latency_ms: 812,
        ..Entry::new(CallId::new(at, std::array::from_fn(|place| n.to_be_bytes().get(place).copied().unwrap_or(1))), at)
    }
}
