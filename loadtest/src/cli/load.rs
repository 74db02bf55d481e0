//! `fluxa-loadtest load`.

use std::{rc::Rc, time::Duration};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use fluxa_loadtest::{
    client::Target,
    load::{self, Mode, Plan, Progress, Report, Side},
};

use super::{AskArgs, ShowArgs, block_on, row, say, say_json, shared, table, with_progress};

/// Arguments of `load`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  fluxa-loadtest load --url http://127.0.0.1:8080/v1/chat/completions --key vk-… --rate 200 --duration 10
  fluxa-loadtest load --url … --key … --mode closed --connections 64 --prompt large
  fluxa-loadtest load --url … --key … --baseline-url http://127.0.0.1:9100/v1/chat/completions
      the added latency: the mock vendor is asked directly in between, in the same run
  fluxa-loadtest load --url … --key … --stream --events 100 --mock http://127.0.0.1:9100 --x-mock 'interval_ms=10'

In open mode latency is counted from when a request was due. The first tenth of a run is not counted.")]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// Requests a second to each target, in open mode.
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// Seconds for which requests are sent.
    #[arg(long, default_value_t = 10.0)]
    duration: f64,
    /// On a schedule, or each connection as fast as it is answered.
    #[arg(long, value_enum, default_value = "open")]
    mode: ModeArg,
    /// Connections to each target.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Ask for event streams.
    #[arg(long)]
    stream: bool,
    /// Events that each stream must have; asks the mock for that many numbered ones.
    #[arg(long)]
    events: Option<u64>,
    /// A second address, usually the vendor itself: the report has the difference.
    #[arg(long, value_name = "URL")]
    baseline_url: Option<String>,
    /// Seconds that one answer may take.
    #[arg(long, default_value_t = 30.0)]
    timeout: f64,
    #[command(flatten)]
    show: ShowArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeArg {
    Open,
    Closed,
}

impl LoadArgs {
    pub(crate) fn run(mut self) -> Result<()> {
        ensure!(self.rate > 0.0 && self.duration > 0.0 && self.connections > 0, "rate, duration and connections must be above 0");
        if let Some(events) = self.events {
            let rest = self.ask.x_mock.take().unwrap_or_default();
            self.ask.x_mock = Some(format!("events={events};honour_max_tokens=0;{rest}"));
        }
        let main = self.side(&Target::parse(&self.ask.url)?);
        let baseline = self.baseline_url.as_deref().map(Target::parse).transpose()?.map(|target| self.side(&target));
        let plan = Plan {
            mode: match self.mode {
                ModeArg::Open => Mode::Open { rate: self.rate },
                ModeArg::Closed => Mode::Closed,
            },
            duration: Duration::from_secs_f64(self.duration),
            connections: self.connections,
            stream: self.stream,
            events: self.events,
            timeout: Duration::from_secs_f64(self.timeout),
            main,
            baseline,
        };
        let report = block_on(async {
            self.ask.set_mock(self.ask.x_mock.as_deref().unwrap_or_default()).await?;
            let progress: Rc<Progress> = shared();
            let message = || {
                let (done, failed) = progress.now();
                format!("{done} answered, {failed} failed")
            };
            Ok(with_progress(&self.show, plan.duration, message, load::run(plan.clone(), Rc::clone(&progress))).await)
        })?;
        if self.show.json { say_json(&report) } else { show(&report) }
    }

    fn side(&self, target: &Target) -> Side {
        Side { target: target.clone(), request: self.ask.request(target, self.stream) }
    }
}

fn show(report: &Report) -> Result<()> {
    say(&table("measured", &report.main));
    if let Some(baseline) = &report.baseline {
        say(&table("baseline", baseline));
    }
    if let Some(added) = &report.added {
        say(&row("added", added));
    }
    if let Some(added) = &report.added_first {
        say(&row("added to first", added));
    }
    Ok(())
}
