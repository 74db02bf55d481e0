//! The scenarios as rows, and how one is played: load, fault, rest, check.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{
    Options,
    checker::{Finding, judge},
    faults,
    fleet::{Fleet, Plan, Told},
    lab::Lab,
    report::Line,
};

/// After the load: how long until everything must be in order. Expiry (5 s), the sweep (15 s), recording (5 s), and a busy machine.
const REST: Duration = Duration::from_secs(90);
/// Between two looks at the books.
const LOOK: Duration = Duration::from_secs(1);

/// One scenario.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its id in the matrix.
    pub id: &'static str,
    /// What is broken.
    pub fault: &'static str,
    /// Seconds of load.
    pub seconds: u64,
    /// What may be overspent, in nano-dollars: 0 where the counters are always there; a lease for each gateway where they are away.
    pub lease_nanos: i64,
    /// Every call must be answered; a refused connection is tried elsewhere.
    pub no_failures: bool,
    /// How it is played.
    pub how: How,
}

/// What is different in a scenario besides its fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Nothing.
    Plain,
    /// Redis has a replica.
    Standby,
    /// Clients leave in the middle.
    Leaving,
    /// Budgets that end soon, eight gateways, 128 clients at each.
    Tight,
}

/// A gateway's share while the counters are away: 1 % of half a dollar.
const LEASE: i64 = 5_000_000;

const fn plain(id: &'static str, fault: &'static str, seconds: u64) -> Scenario {
    Scenario { id, fault, seconds, lease_nanos: 0, no_failures: false, how: How::Plain }
}

/// All of them, in the order in which they are played.
pub const SCENARIOS: [Scenario; 19] = [
    Scenario { lease_nanos: LEASE, ..plain("F-01", "Redis killed, back empty", 30) },
    Scenario { lease_nanos: LEASE, ..plain("F-02", "Redis answers 500 ms late, then stands still", 30) },
    Scenario { lease_nanos: LEASE, how: How::Standby, ..plain("F-03", "Redis fails over to a replica that lags", 30) },
    Scenario { lease_nanos: LEASE, ..plain("F-04", "FLUSHALL at random", 30) },
    Scenario { no_failures: true, ..plain("F-05", "SCRIPT FLUSH under load", 20) },
    Scenario { no_failures: true, ..plain("F-10", "Postgres crashes, back later; a gateway restarts meanwhile", 40) },
    Scenario { no_failures: true, ..plain("F-11", "LOCK TABLE ledger for 30 s", 40) },
    Scenario { no_failures: true, ..plain("F-12", "Postgres read-only", 30) },
    Scenario { no_failures: true, ..plain("F-20", "revocations, first told, then with every PUBLISH swallowed", 60) },
    Scenario { no_failures: true, ..plain("F-22", "admin killed", 20) },
    plain("F-30", "30 kills of gateways, with and without their disk", 60),
    Scenario { no_failures: true, ..plain("F-31", "rolling SIGTERM of all gateways", 40) },
    plain("F-42", "the vendor resets in the middle", 20),
    plain("F-44", "the vendor answers 429", 20),
    Scenario { how: How::Leaving, ..plain("F-50", "clients leave in the middle", 20) },
    Scenario { how: How::Tight, ..plain("STRICT", "budgets end under 8 gateways and 128 clients at each", 30) },
    Scenario { lease_nanos: LEASE, how: How::Standby, ..plain("SOUP", "everything, at random", 60) },
    plain("NONE", "nothing", 10),
    plain("F-30D", "a gateway killed with its disk, once", 20),
];

/// Plays one scenario in a lab of its own.
pub(super) async fn play(scenario: &Scenario, options: &Options, say: &dyn Fn(&str)) -> Result<Line> {
    let tight = scenario.how == How::Tight;
    let replicas = if tight { 8 } else { options.replicas };
    let mut lab = Lab::start(&options.fluxa, replicas, options.seed, scenario.how, scenario.no_failures).await?;
    let seconds = options.seconds.unwrap_or(scenario.seconds);
    let fleet = Fleet::start(plan(scenario, &lab, options.seed));
    let (start, mut notes) = (Instant::now(), Vec::new());
    let broken = faults::play(scenario.id, &mut lab, Duration::from_secs(seconds), options.seed, &mut notes).await;
    if broken.is_ok() {
        tokio::time::sleep(Duration::from_secs(seconds).saturating_sub(start.elapsed())).await;
    }
    say(&format!("{}: {} calls; all is healed, the load ends", scenario.id, fleet.done()));
    let healed = faults::heal(&mut lab).await;
    let told = fleet.stop().await?;
    broken?;
    healed?;
    let (found, recovery) = rest(&lab, &told, say).await?;
    let amplification = matches!(scenario.id, "F-44").then(|| lab.mock.bill().requests as f64 / told.len().max(1) as f64);
    let line = Line::of(scenario, replicas as i64, lab.kills, &told, found, recovery, amplification, notes);
    if options.keep && !line.missed.is_empty() {
        say(&format!("{}: the logs are in {}", scenario.id, lab.keep().display()));
    }
    Ok(line)
}

fn plan(scenario: &Scenario, lab: &Lab, seed: u64) -> Plan {
    let tight = scenario.how == How::Tight;
    let keys = lab.keys.iter().filter(|(name, _)| !tight || !matches!(name.as_str(), "free" | "rated")).cloned().collect();
    Plan {
        gateways: lab.gateways.iter().map(|gateway| gateway.addr).collect(),
        keys,
        clients: if tight { 128 * lab.gateways.len() } else { 24 },
        streams_per_mille: if scenario.how == How::Leaving { 1000 } else { 400 },
        leave_per_mille: if scenario.how == How::Leaving { 500 } else { 10 },
        pause: if tight { Duration::from_millis(500) } else { Duration::from_millis(40) },
        seed,
    }
}

/// Looks at the books until they are in order, or for as long as that may take.
async fn rest(lab: &Lab, told: &[Told], say: &dyn Fn(&str)) -> Result<(Finding, Option<Duration>)> {
    let start = Instant::now();
    loop {
        let books = lab.books(told)?;
        let found = judge(&books);
        let quiet = found.is_exact() && books.waiting == 0;
        if quiet || start.elapsed() > REST {
            return Ok((found, quiet.then(|| start.elapsed())));
        }
        say(&format!(
            "resting {:.0} s: lost {}, doubled {}, open {}, drifted {}, mistold {}, waiting {}",
            start.elapsed().as_secs_f64(),
            found.lost,
            found.doubled,
            found.phantom,
            found.drifted,
            found.mistold,
            books.waiting
        ));
        tokio::time::sleep(LOOK).await;
    }
}
