//! What a call costs, and what it cannot exceed.

use jiff::Timestamp;

use super::{OffPeak, PriceRow, Rate, Rates};
use crate::money::NanoUsd;
use crate::time::Micros;
use crate::usage::Usage;

/// Rates are per this many tokens.
const TOKENS_PER_RATE: i128 = 1_000_000;

/// The cost of `usage` by `row` at `at`, exact, rounded up to a nano-dollar once at the end.
///
/// Which prices apply: those of the vendor's `service_tier` where the row has them, else those of the time of
/// day, else the base. For a prompt longer than a tier's threshold the tier's apply to the whole request; if a
/// service tier applies too, the dearer of both is taken, class by class, as no source states the product.
///
/// `None` when the amount does not fit or the row holds a negative price.
#[must_use]
pub fn charge(row: &PriceRow, usage: &Usage, service_tier: Option<&str>, at: Micros) -> Option<NanoUsd> {
    let rates = applicable(row, usage.input_total(), service_tier, at);
    let input_audio = usage.input_audio.min(usage.input_uncached);
    let output_audio = usage.output_audio.min(usage.output);
    let reasoning = usage.reasoning.min(usage.output - output_audio);
    let lines = [
        (usage.input_uncached - input_audio, rates.input),
        (input_audio, rates.input_audio),
        (usage.cache_read, rates.cache_read),
        (usage.cache_write_5m, rates.cache_write_5m),
        (usage.cache_write_1h, rates.cache_write_1h),
        (usage.output - output_audio - reasoning, rates.output),
        (reasoning, rates.output_reasoning),
        (output_audio, rates.output_audio),
    ];
    total(row, &lines, usage.images, usage.searches)
}

/// The most that `input_tokens` and `output_tokens` can cost by `row`, however they split into cached, audio or
/// reasoning tokens, at any time of day and in any service tier.
///
/// Includes the price of the call itself and, where searches are priced, of one search; no images.
/// `None` when the amount does not fit.
#[must_use]
pub fn bound(row: &PriceRow, input_tokens: u64, output_tokens: u64) -> Option<NanoUsd> {
    let sets = row.service_tiers.values().chain(base_sets(row, input_tokens));
    bound_over(row, sets, input_tokens, output_tokens)
}

/// Like [`bound`], for a call that is known to be served in `service_tier` (`None`: the standard one).
///
/// Smaller than [`bound`] where a model has dearer service tiers, but only right if the vendor cannot choose another.
#[must_use]
pub fn bound_in(row: &PriceRow, input_tokens: u64, output_tokens: u64, service_tier: Option<&str>) -> Option<NanoUsd> {
    let service = service_tier.and_then(|name| row.service_tiers.get(name));
    bound_over(row, service.into_iter().chain(base_sets(row, input_tokens)), input_tokens, output_tokens)
}

/// The price of each class, absent ones filled in.
#[derive(Clone, Copy)]
struct Full {
    input: Rate,
    input_audio: Rate,
    cache_read: Rate,
    cache_write_5m: Rate,
    cache_write_1h: Rate,
    output: Rate,
    output_reasoning: Rate,
    output_audio: Rate,
}

impl From<&Rates> for Full {
    fn from(rates: &Rates) -> Self {
        let cache_write_5m = rates.cache_write_5m.unwrap_or(rates.input);
        Self {
            input: rates.input,
            input_audio: rates.input_audio.unwrap_or(rates.input),
            cache_read: rates.cache_read.unwrap_or(rates.input),
            cache_write_5m,
            cache_write_1h: rates.cache_write_1h.unwrap_or(rates.input),
            output: rates.output,
            output_reasoning: rates.output_reasoning.unwrap_or(rates.output),
            output_audio: rates.output_audio.unwrap_or(rates.output),
        }
    }
}

impl Full {
    /// The dearer of both, class by class.
    fn max(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            input_audio: self.input_audio.max(other.input_audio),
            cache_read: self.cache_read.max(other.cache_read),
            cache_write_5m: self.cache_write_5m.max(other.cache_write_5m),
            cache_write_1h: self.cache_write_1h.max(other.cache_write_1h),
            output: self.output.max(other.output),
            output_reasoning: self.output_reasoning.max(other.output_reasoning),
            output_audio: self.output_audio.max(other.output_audio),
        }
    }

    fn dearest_input(&self) -> Rate {
        self.input.max(self.input_audio).max(self.cache_read).max(self.cache_write_5m).max(self.cache_write_1h)
    }

    fn dearest_output(&self) -> Rate {
        self.output.max(self.output_reasoning).max(self.output_audio)
    }
}

fn applicable(row: &PriceRow, input_total: u64, service_tier: Option<&str>, at: Micros) -> Full {
    let service = service_tier.and_then(|name| row.service_tiers.get(name)).map(Full::from);
    let tier = row
        .tiers
        .iter()
        .filter(|tier| tier.above_input_tokens < input_total)
        .max_by_key(|tier| tier.above_input_tokens)
        .map(|tier| Full::from(&tier.rates));
    match (service, tier) {
        (Some(service), Some(tier)) => service.max(tier),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => {
            let off_peak = row.off_peak.as_ref().filter(|off_peak| is_off_peak(off_peak, at));
            Full::from(off_peak.map_or(&row.rates, |off_peak| &off_peak.rates))
        }
    }
}

fn is_off_peak(off_peak: &OffPeak, at: Micros) -> bool {
    let Ok(moment) = Timestamp::from_microsecond(at.0) else { return false };
    let utc = jiff::tz::Offset::UTC.to_datetime(moment);
    let minute = u16::from(utc.hour().unsigned_abs()) * 60 + u16::from(utc.minute().unsigned_abs());
    let weekday = utc.weekday().to_monday_one_offset().unsigned_abs();
    off_peak.windows.iter().any(|w| w.weekdays.contains(&weekday) && w.from_minute <= minute && minute < w.to_minute)
}

/// The base, the off-peak and every tier's prices that a prompt of at most `input_tokens` can meet.
fn base_sets(row: &PriceRow, input_tokens: u64) -> impl Iterator<Item = &Rates> {
    let tiers = row.tiers.iter().filter(move |tier| tier.above_input_tokens < input_tokens).map(|tier| &tier.rates);
    tiers.chain([&row.rates]).chain(row.off_peak.as_ref().map(|off_peak| &off_peak.rates))
}

fn bound_over<'a>(row: &PriceRow, sets: impl Iterator<Item = &'a Rates>, input_tokens: u64, output_tokens: u64) -> Option<NanoUsd> {
    let (mut input, mut output) = (Rate::ZERO, Rate::ZERO);
    for set in sets {
        if set.all().any(|rate| rate < Rate::ZERO) {
            return None;
        }
        let full = Full::from(set);
        input = input.max(full.dearest_input());
        output = output.max(full.dearest_output());
    }
    let searches = u64::from(row.per_search > NanoUsd::ZERO);
    total(row, &[(input_tokens, input), (output_tokens, output)], 0, searches)
}

fn total(row: &PriceRow, lines: &[(u64, Rate)], images: u64, searches: u64) -> Option<NanoUsd> {
    let mut nanos_per_million: i128 = 0;
    for (tokens, rate) in lines {
        if *rate < Rate::ZERO {
            return None;
        }
        nanos_per_million = nanos_per_million.checked_add(i128::from(*tokens).checked_mul(i128::from(rate.0))?)?;
    }
    let mut nanos = nanos_per_million.checked_add(TOKENS_PER_RATE - 1)?.div_euclid(TOKENS_PER_RATE);
    for (count, each) in [(1, row.per_request), (images, row.per_image), (searches, row.per_search)] {
        if each < NanoUsd::ZERO {
            return None;
        }
        nanos = nanos.checked_add(i128::from(count).checked_mul(i128::from(each.0))?)?;
    }
    i64::try_from(nanos).ok().map(NanoUsd)
}
