//! The lane of a governed cluster: what a call costs the gateway, Redis and Postgres when key, team and organization are limited,
//! and how many commands Redis sees before the vendor is asked.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, bail, ensure};

use super::{
    contestant::Contestant,
    lab::Lab,
    measure::{ANSWER, CONNECTIONS, Lengths, added, mb, note_errors},
    process::Process,
    results::Sample,
    servers::{Servers, Work},
};
use crate::load;

/// Calls that are held at the vendor while commands are counted.
const HELD: u64 = 200;

/// What a closed loop through all gateways cost, a call. CPU is of the whole loop and of what follows until every row is in
/// Postgres and gone from Redis. What all parts do when nothing is asked is in it too, which is little.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// Calls a second in the window.
    pub(super) per_second: f64,
    /// CPU of the gateways in the window alone, in which later work of earlier calls is only in part.
    pub(super) window_us: f64,
    pub(super) gateway_us: f64,
    pub(super) redis_us: f64,
    pub(super) postgres_us: f64,
    pub(super) scripts: f64,
}

/// The measurements of a round.
pub(super) fn round(
    lab: &Lab,
    servers: &Servers,
    contestant: &Contestant,
    process: &Process,
    lengths: Lengths,
    sample: &mut Sample,
) -> Result<()> {
    let cost = closed(lab, servers, &[(contestant, process)], lengths, sample)?;
    for (name, value) in [
        ("cluster_cpu_us", cost.gateway_us),
        ("cluster_window_cpu_us", cost.window_us),
        ("cluster_per_second", cost.per_second),
        ("cluster_redis_cpu_us", cost.redis_us),
        ("cluster_postgres_cpu_us", cost.postgres_us),
        ("cluster_redis_scripts", cost.scripts),
        ("cluster_rss_c64_mb", mb(process.rss_bytes())),
    ] {
        sample.add(name, value);
    }
    let mut open = Sample::default();
    added(lab, contestant, lengths, "small", &mut open)?;
    sample.absorb("cluster_", open);
    Ok(())
}

/// One closed loop, its connections spread over the gateways.
pub(super) fn closed(
    lab: &Lab,
    servers: &Servers,
    gateways: &[(&Contestant, &Process)],
    lengths: Lengths,
    sample: &mut Sample,
) -> Result<Cost> {
    /// The load goes on a little after the window, so that the window sees nothing of its end.
    const AFTER: Duration = Duration::from_millis(300);
    ensure!(!gateways.is_empty(), "no gateway");
    lab.set_mock(&format!("reset;record=0;honour_max_tokens=0;{ANSWER}"))?;
    let duration = (lengths.warm_up + lengths.window + AFTER).as_secs_f64().to_string();
    let connections = (CONNECTIONS / gateways.len()).max(1).to_string();
    let mock = lab.mock_url();
    let arguments =
        ["load", "--mode", "closed", "--connections", &connections, "--duration", &duration, "--mock", &mock, "--prompt", "small"];
    drained(servers)?;
    let begin = Point::now(lab, servers, gateways)?;
    let loads: Vec<Process> = gateways.iter().map(|(contestant, _)| lab.start_load(contestant, &arguments)).collect::<Result<_>>()?;
    thread::sleep(lengths.warm_up);
    let before = Point::now(lab, servers, gateways)?;
    thread::sleep(lengths.window);
    let after = Point::now(lab, servers, gateways)?;
    for (load, (contestant, _)) in loads.into_iter().zip(gateways) {
        let report: load::Report = serde_json::from_str(&load.output()?)?;
        note_errors(contestant, "closed loop", &report.main.errors, sample);
    }
    drained(servers)?;
    let end = Point::now(lab, servers, gateways)?;
    let (calls, window) = (end.calls - begin.calls, after.calls - before.calls);
    ensure!(calls > 0.0 && window > 0.0, "nothing reached the mock through the cluster");
    let whole = end.since(&begin);
    Ok(Cost {
        per_second: window / after.since(&before).seconds,
        window_us: after.since(&before).gateways_us / window,
        gateway_us: whole.gateways_us / calls,
        redis_us: whole.work.redis_us / calls,
        postgres_us: whole.work.postgres_us / calls,
        scripts: whole.work.scripts / calls,
    })
}

/// Waits until no row waits in Redis any more: each is in Postgres then, and every counter is settled.
fn drained(servers: &Servers) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(120);
    until(PATIENCE, "the rows to leave redis", || Ok(servers.waiting_rows()? == 0))
}

/// Counts the commands of calls that are held at the vendor, so that nothing of what follows the answer is among them; then those
/// of the same calls to their end.
pub(super) fn held(lab: &Lab, servers: &Servers, contestant: &Contestant, sample: &mut Sample) -> Result<()> {
    /// Long enough for all calls to arrive on a slow machine.
    const HOLD: &str = "delay_ms=5000";
    /// Each connection has time for one call only.
    const DURATION: &str = "0.2";
    const PATIENCE: Duration = Duration::from_secs(20);
    lab.set_mock(&format!("reset;record=0;{HOLD}"))?;
    let earlier = lab.bill()?;
    servers.listen()?;
    let (count, mock) = (HELD.to_string(), lab.mock_url());
    let load = lab.start_load(
        contestant,
        &["load", "--mode", "closed", "--connections", &count, "--duration", DURATION, "--mock", &mock, "--x-mock", HOLD],
    )?;
    let arrived = || Ok::<_, anyhow::Error>(lab.bill()?.requests - earlier.requests);
    until(PATIENCE, "the calls to arrive", || Ok(arrived()? >= HELD))?;
    let before = servers.heard()?;
    let bill = lab.bill()?;
    ensure!(bill.finished == earlier.finished && arrived()? == HELD, "some calls ended while commands were counted: {bill:?}");
    let report: load::Report = serde_json::from_str(&load.output()?)?;
    note_errors(contestant, "held calls", &report.main.errors, sample);
    // Settled a moment after the answer.
    until(PATIENCE, "the calls to be settled", || Ok(per_call(&servers.heard()?).0 > per_call(&before).0))?;
    let after = servers.heard()?;
    servers.deafen()?;
    for (name, heard, when) in
        [("cluster_redis_before", &before, "while the vendor had not answered"), ("cluster_redis_after", &after, "when they were settled")]
    {
        let (calls, others) = per_call(heard);
        sample.add(name, calls);
        sample.note(format!("of {HELD} held calls Redis had seen {calls} commands each {when}; beside them {others} of no call"));
    }
    Ok(())
}

/// Commands a call, of those that come with every call; and how many others came, which do not.
fn per_call(heard: &BTreeMap<String, u64>) -> (f64, u64) {
    let (with, without): (Vec<u64>, Vec<u64>) = heard.values().partition(|count| **count * 2 >= HELD);
    (with.iter().sum::<u64>() as f64 / HELD as f64, without.iter().sum())
}

fn until(patience: Duration, what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !done()? {
        if start.elapsed() > patience {
            bail!("waited in vain for {what}");
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// All meters at one moment, or between two.
struct Point {
    seconds: f64,
    calls: f64,
    gateways_us: f64,
    work: Work,
}

impl Point {
    fn now(lab: &Lab, servers: &Servers, gateways: &[(&Contestant, &Process)]) -> Result<Self> {
        let work = servers.work()?;
        let gateways_us = gateways.iter().map(|(_, process)| process.cpu_us()).sum::<u64>() as f64;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        Ok(Self { seconds, calls: lab.bill()?.requests as f64, gateways_us, work })
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            seconds: self.seconds - earlier.seconds,
            calls: self.calls - earlier.calls,
            gateways_us: self.gateways_us - earlier.gateways_us,
            work: self.work.since(earlier.work),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_calls_are_told_from_the_others() {
        let heard = [("script a", 200), ("script b", 199), ("ping", 3), ("info", 2)].map(|(kind, count)| (kind.to_owned(), count));
        assert_eq!(per_call(&BTreeMap::from(heard)), (399.0 / 200.0, 5));
    }
}
