//! `fluxa-loadtest vendor`.

use anyhow::{Context, Result};
use clap::Args;
use fluxa_loadtest::{
    streams::raise_file_limit,
    vendor::{Mock, MockConfig},
};

use super::{block_on, say};

/// Arguments of `vendor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  fluxa-loadtest vendor --port 9100
  fluxa-loadtest vendor --port 9100 --delay-ms 20 --set 'events=100;interval_ms=10'
  curl -s 127.0.0.1:9100/v1/chat/completions -d '{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}'
  curl -s 127.0.0.1:9100/v1/messages -H 'x-mock: status=529' -d '{}'
  curl -s '127.0.0.1:9100/v1beta/models/gemini-3:generateContent?key=any' -d '{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hello\"}]}]}'
  curl -s 127.0.0.1:9100/__bill          what it would charge
  curl -s 127.0.0.1:9100/__log           every request it saw; ?model=NAME for those of a model
  curl -s 127.0.0.1:9100/__config -d 'status=429;retry_after_s=2'
  curl -s 127.0.0.1:9100/__config -d reset

Options of --set, of the x-mock header and of /__config are the fields of MockConfig:
  delay_ms interval_ms events text_bytes answer_bytes answer stamp chunk_bytes burst usage usage_unasked
  prompt_tokens completion_tokens cached_tokens cache_write_tokens reasoning_tokens honour_max_tokens
  status error_code error_message retry_after_s fail_first abort_after_bytes stall_headers stall_after_events
  error_after_events html garbage tool tool_arguments agent tangled strict reasoning_back models record reset")]
pub(crate) struct VendorArgs {
    /// Port on 127.0.0.1; 0 lets the system choose.
    #[arg(long, default_value_t = 9100)]
    port: u16,
    /// Time to the head of each answer, in milliseconds.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Other options, as key=value;key=value.
    #[arg(long, default_value = "", value_name = "KEY=VALUE;…")]
    set: String,
    /// Keep no record of each request; totals are counted all the same.
    #[arg(long)]
    no_record: bool,
}

impl VendorArgs {
    pub(crate) fn run(self) -> Result<()> {
        let mut config = MockConfig { port: self.port, delay_ms: self.delay_ms, record: !self.no_record, ..MockConfig::default() };
        config.apply(&self.set)?;
        block_on(async {
            let files = raise_file_limit()?;
            let mock = Mock::start(config).await.with_context(|| format!("cannot listen on 127.0.0.1:{}", self.port))?;
            say(&format!("mock vendor on {} ({files} open files)", mock.base_url()));
            mock.run().await;
            Ok(())
        })
    }
}
