//! Prices that an administrator adds.

use super::FieldError;
use crate::price::{MAX_RATE, PriceRow, Rate};

/// Longest provider or model id in bytes.
const MAX_ID_BYTES: usize = 256;
/// Most tiers, service tiers or windows of one row.
const MAX_SETS: usize = 32;

/// Checks a price row: ids present, every price 0 to [`MAX_RATE`], off-peak windows inside the day.
///
/// # Errors
/// The first field that is not allowed.
pub fn price_row(row: &PriceRow) -> Result<(), FieldError> {
    for (field, id) in [("provider", &row.provider), ("model", &row.model)] {
        if id.is_empty() || id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
            return Err(FieldError::new(field, format!("must have 1 to {MAX_ID_BYTES} bytes without control characters")));
        }
    }
    for (field, amount) in [("per_request", row.per_request), ("per_image", row.per_image), ("per_search", row.per_search)] {
        if !(0..=MAX_RATE.0).contains(&amount.0) {
            return Err(FieldError::new(field, "is negative or absurd"));
        }
    }
    let off_peak = row.off_peak.as_ref();
    let windows = off_peak.map_or(0, |off_peak| off_peak.windows.len());
    if row.tiers.len() > MAX_SETS || row.service_tiers.len() > MAX_SETS || windows > MAX_SETS {
        return Err(FieldError::new("tiers", format!("must be at most {MAX_SETS}")));
    }
    let sets = row.tiers.iter().map(|tier| ("tiers", &tier.rates));
    let sets = sets.chain(row.service_tiers.values().map(|rates| ("service_tiers", rates)));
    let sets = sets.chain(off_peak.map(|off_peak| ("off_peak", &off_peak.rates)));
    for (field, rates) in sets.chain([("rates", &row.rates)]) {
        if rates.all().any(|rate| !(Rate::ZERO..=MAX_RATE).contains(&rate)) {
            return Err(FieldError::new(field, "holds a negative or absurd price"));
        }
    }
    for window in off_peak.iter().flat_map(|off_peak| &off_peak.windows) {
        let days = !window.weekdays.is_empty() && window.weekdays.iter().all(|day| (1..=7).contains(day));
        if !days || window.from_minute >= window.to_minute || window.to_minute > 1_440 {
            return Err(FieldError::new("off_peak", "must have weekdays 1 to 7 and minutes 0 to 1440 in order"));
        }
    }
    Ok(())
}
