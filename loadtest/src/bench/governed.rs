//! The lane of a governed cluster: what a call costs the gateway, Redis and Postgres when key, team and organization are limited,
//! and how many commands Redis sees before the vendor is asked.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
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

/// What a closed loop through all gateways cost, a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) per_second: f64,
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
    let loads: Vec<Process> = gateways.iter().map(|(contestant, _)| lab.start_load(contestant, &arguments)).collect::<Result<_>>()?;
    thread::sleep(lengths.warm_up);
    let before = Point::now(lab, servers, gateways)?;
    thread::sleep(lengths.window);
    let after = Point::now(lab, servers, gateways)?;
    for (load, (contestant, _)) in loads.into_iter().zip(gateways) {
        let report: load::Report = serde_json::from_str(&load.output()?)?;
        note_errors(contestant, "closed loop", &report.main.errors, sample);
    }
    let calls = after.calls - before.calls;
    ensure!(calls > 0.0, "nothing reached the mock through the cluster");
    let work = after.work.since(before.work);
    Ok(Cost {
        per_second: calls / (after.at - before.at).as_secs_f64(),
        gateway_us: (after.gateways_us - before.gateways_us) / calls,
        redis_us: work.redis_us / calls,
        postgres_us: work.postgres_us / calls,
        scripts: work.scripts / calls,
    })
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
    for (name, heard, when) in [
        ("cluster_redis_before", &before, "while the vendor had not answered"),
        ("cluster_redis_after", &after, "when they were settled"),
    ] {
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

/// All meters at one moment.
struct Point {
    at: Instant,
    calls: f64,
    gateways_us: f64,
    work: Work,
}

impl Point {
    fn now(lab: &Lab, servers: &Servers, gateways: &[(&Contestant, &Process)]) -> Result<Self> {
        let work = servers.work()?;
        let gateways_us = gateways.iter().map(|(_, process)| process.cpu_us()).sum::<u64>() as f64;
        Ok(Self { at: Instant::now(), calls: lab.bill()?.requests as f64, gateways_us, work })
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
