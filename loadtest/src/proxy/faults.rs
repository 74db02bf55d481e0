//! What a proxy does to its connections, and the words for it: `delay=500,20 throttle=1000 rst=4096 …`.

use std::{fmt::Write as _, str::FromStr};

use anyhow::{Context as _, Error, bail};

/// Everything that may be wrong with a way. The default does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Milliseconds before each piece is passed on.
    pub delay_ms: u64,
    /// At most so many more, at random.
    pub jitter_ms: u64,
    /// How many of 1000 pieces are delayed; 0 means all.
    pub delay_per_mille: u64,
    /// Bytes a second in each direction; 0 is no bound.
    pub throttle_bytes: u64,
    /// Nothing moves, everything stays open, and all of it comes later.
    pub stall: bool,
    /// All is read and nothing is passed on.
    pub blackhole: bool,
    /// New connections are closed at once.
    pub refuse: bool,
    /// The connection is reset when so many bytes have come from the target.
    pub rst_after_bytes: Option<u64>,
    /// The connection is closed in order when so many bytes have come from the target.
    pub fin_after_bytes: Option<u64>,
    /// So many bytes from the target, at random places, are other ones: one in each piece until they are used up.
    pub corrupt_bytes: u64,
    /// Every byte is a write of its own.
    pub split: bool,
    /// Messages that Redis pushes to its subscribers are swallowed.
    pub swallow_messages: bool,
}

impl FromStr for Faults {
    type Err = Error;

    /// Words, apart by spaces: `clear`, `delay=MS,JITTER,PER_MILLE`, `throttle=BYTES`, `stall`, `blackhole`, `refuse`, `rst=BYTES`, `fin=BYTES`,
    /// `corrupt=BYTES`, `split`, `swallow`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut faults = Self::default();
        for word in text.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let number = || value.parse::<u64>().with_context(|| format!("{name} wants a number, not {value:?}"));
            match name {
                "clear" => faults = Self::default(),
                "delay" => {
                    let mut numbers = value.split(',').map(|part| part.parse::<u64>().with_context(|| format!("{part:?} is no number")));
                    faults.delay_ms = numbers.next().context("delay wants milliseconds")??;
                    faults.jitter_ms = numbers.next().transpose()?.unwrap_or(0);
                    faults.delay_per_mille = numbers.next().transpose()?.unwrap_or(0);
                }
                "throttle" => faults.throttle_bytes = number()?,
                "stall" => faults.stall = true,
                "blackhole" => faults.blackhole = true,
                "refuse" => faults.refuse = true,
                "rst" => faults.rst_after_bytes = Some(number()?),
                "fin" => faults.fin_after_bytes = Some(number()?),
                "corrupt" => faults.corrupt_bytes = number()?,
                "split" => faults.split = true,
                "swallow" => faults.swallow_messages = true,
                _ => bail!("{word:?} is no fault"),
            }
        }
        Ok(faults)
    }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        if self.delay_ms + self.jitter_ms > 0 {
            let _ = write!(text, "delay={},{},{} ", self.delay_ms, self.jitter_ms, self.delay_per_mille);
        }
        for (name, value) in [("throttle", self.throttle_bytes), ("corrupt", self.corrupt_bytes)] {
            if value > 0 {
                let _ = write!(text, "{name}={value} ");
            }
        }
        for (name, value) in [("rst", self.rst_after_bytes), ("fin", self.fin_after_bytes)] {
            if let Some(value) = value {
                let _ = write!(text, "{name}={value} ");
            }
        }
        let flags = [
            ("stall", self.stall),
            ("blackhole", self.blackhole),
            ("refuse", self.refuse),
            ("split", self.split),
            ("swallow", self.swallow_messages),
        ];
        for (name, _) in flags.iter().filter(|(_, on)| *on) {
            let _ = write!(text, "{name} ");
        }
        f.write_str(if text.is_empty() { "clear" } else { text.trim_end() })
    }
}
