//! The comparison with nginx: the same mock, the same load, the same core, in interleaved rounds. Start at [`run`].
//!
//! The gateway has core 0, mock and load share core 1. CPU is the user and system time of the gateway's processes in
//! the middle of a closed loop, divided by the requests that reached the mock in the same window.
//!
//! Beside it: a gateway of a cluster ([`Lanes`]), [`replicas()`] of it, and one before very many keys ([`scale()`]).

mod contestant;
mod governed;
mod lab;
mod measure;
mod process;
mod replicas;
mod results;
mod scale;
mod servers;
mod site;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};

use crate::client::{Target, fetch};
use contestant::Contestant;
use lab::Lab;
use measure::Lengths;
pub use replicas::{ReplicasPlan, ReplicasResults, ReplicasRow, replicas};
pub use results::{Figure, Results};
use results::{Sample, figures};
pub use scale::{ScalePlan, ScaleResults, scale};
use site::Site;

/// Cores needed: one for the gateway, one for mock and load.
const CORES: usize = 2;

/// What runs beside nginx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lanes {
    /// Both.
    All,
    /// `fluxa serve` alone: no Postgres, no Redis.
    Embedded,
    /// A gateway of a cluster alone, with its Postgres and its Redis, and the small prompt.
    Cluster,
}

/// What to compare.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The fluxa binary; nginx alone without it.
    pub fluxa: Option<PathBuf>,
    /// Which of them.
    pub lanes: Lanes,
    /// Short windows and fewer streams: to see that it works, not for figures.
    pub quick: bool,
    /// Rounds; each figure is their median.
    pub rounds: usize,
    /// Leave the many streams out.
    pub skip_streams: bool,
    /// Keep the folder with configuration and logs.
    pub keep: bool,
}

/// Runs the comparison; `tell` gets a line for each step.
pub fn run(plan: &Plan, tell: impl Fn(&str)) -> Result<Results> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    ensure!(cores >= CORES, "{CORES} cores are needed, one of them for the gateway alone; here is {cores}");
    // Children inherit it, so it is raised before any of them starts.
    crate::streams::raise_file_limit()?;
    let lab = Lab::open(std::env::current_exe().context("no path of this program")?)?;
    let [nginx_addr, fluxa_addr, telemetry_addr] = lab::free_addrs()?;
    let mut contestants = vec![contestant::nginx(lab.dir(), nginx_addr, lab.mock_addr())?];
    if let Some(binary) = plan.fluxa.as_ref().filter(|_| plan.lanes != Lanes::Cluster) {
        let fluxa = contestant::fluxa(binary, lab.dir(), fluxa_addr, telemetry_addr, lab.mock_addr())?;
        contestants.push(with_key(&lab, fluxa)?);
    }
    let cluster = plan.fluxa.as_ref().filter(|_| plan.lanes != Lanes::Embedded).map(|binary| Cluster::open(binary, &lab)).transpose()?;
    let mut governed = Sample::default();
    let lengths = if plan.quick { Lengths::quick() } else { Lengths::full() };
    let mut samples = vec![Sample::default(); contestants.len()];
    for round in 0..plan.rounds {
        for (contestant, sample) in contestants.iter().zip(&mut samples) {
            tell(&format!("round {} of {}: {}", round + 1, plan.rounds, contestant.name));
            let (process, cold) = lab.start(contestant)?;
            sample.add("first_answer_ms", cold.answer_ms);
            if let Some(ms) = cold.health_ms {
                sample.add("health_ms", ms);
            }
            match plan.lanes {
                Lanes::Cluster => measure::small(&lab, contestant, &process, lengths, sample)?,
                _ => measure::round(&lab, contestant, &process, lengths, sample)?,
            }
        }
        if let Some(Cluster { site, gateway }) = &cluster {
            tell(&format!("round {} of {}: {}", round + 1, plan.rounds, gateway.name));
            let (process, _) = lab.start(gateway)?;
            governed::round(&lab, &site.servers, gateway, &process, lengths, &mut governed)?;
            if round == 0 {
                governed::held(&lab, &site.servers, gateway, &mut governed)?;
            }
        }
    }
    if !plan.skip_streams && plan.lanes != Lanes::Cluster {
        for (contestant, sample) in contestants.iter().zip(&mut samples) {
            tell(&format!("many streams: {}", contestant.name));
            let (process, _) = lab.start(contestant)?;
            measure::many_streams(&lab, contestant, &process, lengths, sample)?;
        }
    }
    for (contestant, sample) in contestants.iter().zip(&mut samples) {
        if let Some(bytes) = contestant.binary_bytes {
            sample.add("binary_mib", bytes as f64 / f64::from(1 << 20));
        }
    }
    let mut samples = samples.into_iter();
    let (nginx, mut fluxa) = (samples.next().unwrap_or_default(), samples.next().unwrap_or_default());
    fluxa.absorb("", governed);
    let mut notes = [nginx.notes.clone(), fluxa.notes.clone()].concat();
    notes.dedup();
    if plan.keep {
        notes.push(format!("configuration and logs are in {}", lab.keep().display()));
    }
    Ok(Results {
        machine: machine(),
        finished_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs()),
        rounds: plan.rounds,
        figures: figures(&nginx, &fluxa),
        notes,
    })
}

/// Tells a mock vendor how to behave, through its `/__config`.
pub async fn set_mock(mock: &Target, options: &str) -> Result<()> {
    let config = Target { path: "/__config".to_owned(), ..mock.clone() };
    let (status, body) = fetch(config.addr, &config.post(&[], options)).await?;
    ensure!(status == 200, "the mock vendor says {status}: {}", String::from_utf8_lossy(&body));
    Ok(())
}

/// A cluster with one gateway.
struct Cluster {
    site: Site,
    gateway: Contestant,
}

impl Cluster {
    fn open(binary: &Path, lab: &Lab) -> Result<Self> {
        let site = Site::open(binary, lab)?;
        let key = site.furnish(lab, 1)?.remove(0).secret;
        let gateway = site.gateway(0, &key)?;
        Ok(Self { site, gateway })
    }
}

/// With its database made and its key in it, so that a timed start finds both.
fn with_key(lab: &Lab, fluxa: Contestant) -> Result<Contestant> {
    let (_process, _) = lab.start(&fluxa)?;
    let key = lab.make_key(&fluxa)?;
    Ok(Contestant { key, ..fluxa })
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).and_then(|line| line.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = Command::new("uname").arg("-r").output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let load = read("/proc/loadavg").split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    format!("{model}, {cores} cores, Linux {}, load average {load} at the end", kernel.unwrap_or_default())
}
