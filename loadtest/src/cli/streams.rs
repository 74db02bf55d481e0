//! `fluxa-loadtest streams`.

use std::{rc::Rc, time::Duration};

use anyhow::{Result, ensure};
use clap::Args;
use fluxa_loadtest::{
    client::Target,
    streams::{self, Plan, Progress, raise_file_limit},
};

use super::{AskArgs, ShowArgs, block_on, complain, say, say_json, shared, table, with_progress};

/// Files this process needs besides one for each stream.
const OTHER_FILES: u64 = 64;

/// Arguments of `streams`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  fluxa-loadtest streams --url http://127.0.0.1:8080/v1/chat/completions --key vk-… --mock http://127.0.0.1:9100 --count 1000
  fluxa-loadtest streams --url http://127.0.0.1:9100/v1/chat/completions --count 9900

The streams must come from the mock vendor, which numbers and stamps their events.")]
pub(crate) struct StreamsArgs {
    #[command(flatten)]
    ask: AskArgs,
    /// Streams open at once.
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// Events of each stream.
    #[arg(long, default_value_t = 20)]
    events: u64,
    /// Time between two events of a stream, in milliseconds.
    #[arg(long, default_value_t = 1000)]
    interval_ms: u64,
    /// Streams opened a second.
    #[arg(long, default_value_t = 2000.0)]
    open_rate: f64,
    #[command(flatten)]
    show: ShowArgs,
}

impl StreamsArgs {
    pub(crate) fn run(mut self) -> Result<()> {
        /// Beyond the time the events themselves take.
        const PATIENCE: Duration = Duration::from_secs(60);
        ensure!(self.open_rate > 0.0, "open rate must be above 0");
        let files = raise_file_limit()?;
        if !self.show.json {
            complain(&format!("limit of open files: {files}"));
        }
        let most = files.saturating_sub(OTHER_FILES);
        if self.count > most {
            complain(&format!("{} streams do not fit: opening {most}", self.count));
            self.count = most;
        }
        let options = format!(
            "events={};interval_ms={};stamp=1;honour_max_tokens=0;{}",
            self.events,
            self.interval_ms,
            self.ask.x_mock.take().unwrap_or_default()
        );
        self.ask.x_mock = Some(options.clone());
        let target = Target::parse(&self.ask.url)?;
        let length = Duration::from_millis(self.interval_ms * self.events);
        let plan = Plan {
            request: self.ask.request(&target, true),
            target,
            count: self.count,
            open_rate: self.open_rate,
            events: self.events,
            timeout: length + PATIENCE,
        };
        let total = length + Duration::from_secs_f64(self.count as f64 / self.open_rate);
        let report = block_on(async {
            self.ask.set_mock(&options).await?;
            let progress: Rc<Progress> = shared();
            let message = || {
                let (open, done) = progress.now();
                format!("{open} open, {done} ended")
            };
            Ok(with_progress(&self.show, total, message, streams::run(plan, Rc::clone(&progress))).await)
        })?;
        if self.show.json {
            return say_json(&report);
        }
        say(&table(&format!("{} of {} streams whole, {} open at once", report.intact, report.streams, report.most_open), &report.counts));
        Ok(())
    }
}
