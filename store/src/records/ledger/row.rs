//! An entry as a row: its JSON, and columns for what is searched for.

use fluxa_domain::entry::Entry;
use fluxa_domain::id::CallId;
use fluxa_domain::money::NanoUsd;
use fluxa_domain::time::Micros;
use fluxa_domain::usage::Usage;

use super::json;
use crate::error::StoreError;
use crate::records::from_json;
use crate::sql::Rows;

/// Largest count of tokens that a row holds. A vendor that reports more is replaced by our own estimate long before; the bound
/// is here because sums of 64-bit integers must not overflow: SQLite would turn them into floats.
const MAX_COUNT: i64 = 1 << 48;

/// Largest cost of one call, a million dollars, for the same reason.
const MAX_COST_NANOS: i64 = 1_000_000 * NanoUsd::PER_USD;

/// Rows of one statement on SQLite: more of them are not faster.
const ROWS_PER_STATEMENT: usize = 100;

/// A finished call with its JSON, written once for the journal and for the ledger.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The call.
    pub entry: Entry,
    /// The entry as it is kept.
    pub(crate) json: String,
}

impl Finished {
    /// Writes the JSON of `entry`.
    #[must_use]
    pub fn new(entry: Entry) -> Self {
        let json = to_json(&entry);
        Self { entry, json }
    }

    /// The entry as it is kept: what goes beside the counters until the ledger has it.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Reads what [`Finished::json`] gave.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it is no entry.
    pub fn from_json(json: String) -> Result<Self, StoreError> {
        Ok(Self { entry: read(&json)?, json })
    }
}

/// Rows for the ledger; those whose id is there are passed over.
pub(crate) const fn rows() -> Rows {
    let head = "INSERT INTO ledger (id, request_id, key_id, team, model, provider, status, failed, stream, abandoned, entry)";
    Rows::new(head, 11, "ON CONFLICT (id) DO NOTHING", ROWS_PER_STATEMENT)
}

/// Adds one entry's values.
pub(crate) fn bind(row: &mut Rows, finished: &Finished) {
    let Finished { entry, json } = finished;
    let own = entry.id.to_string();
    row.push_bind(id_bytes(entry.id));
    row.push_bind((entry.request_id != own).then(|| entry.request_id.clone()));
    row.push_bind(entry.key_id.clone());
    row.push_bind(entry.team.clone());
    row.push_bind(entry.model.clone());
    row.push_bind(entry.provider.clone());
    row.push_bind(i64::from(entry.status));
    row.push_bind(i64::from(entry.status >= 400 || !entry.error.is_empty()));
    row.push_bind(i64::from(entry.stream));
    row.push_bind(i64::from(entry.abandoned));
    row.push_bind(json.clone());
}

/// The id as the table keeps it.
pub(crate) fn id_bytes(id: CallId) -> Vec<u8> {
    id.0.as_bytes().to_vec()
}

/// The least id of a call that came in at `at` or later, by the millisecond.
pub(crate) fn first_id(at: Micros) -> Vec<u8> {
    let millis = u64::try_from(at.0.div_euclid(1_000)).unwrap_or(0);
    let mut bytes = millis.to_be_bytes().get(2..).unwrap_or_default().to_vec();
    bytes.resize(16, 0);
    bytes
}

/// Reads an entry from its JSON.
pub(crate) fn read(text: &str) -> Result<Entry, StoreError> {
    from_json(|| String::from("a ledger row"), text)
}

fn to_json(entry: &Entry) -> String {
    // Counts and costs are bounded in the row as they are in the sums.
    let (usage, cost) = (usage(counts(&entry.usage)), NanoUsd(cost(entry)));
    if usage != entry.usage || cost != entry.cost {
        return to_json(&Entry { usage, cost, ..entry.clone() });
    }
    json::write(entry)
}

/// The ten counts of a usage, in the order of the columns.
pub(crate) fn counts(usage: &Usage) -> [i64; 10] {
    [
        count(usage.input_uncached),
        count(usage.cache_read),
        count(usage.cache_write_5m),
        count(usage.cache_write_1h),
        count(usage.output),
        count(usage.reasoning),
        count(usage.input_audio),
        count(usage.output_audio),
        count(usage.images),
        count(usage.searches),
    ]
}

/// A usage from ten counts in the order of the columns.
pub(crate) fn usage(counts: [i64; 10]) -> Usage {
    let [input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, output_audio, images, searches] =
        counts.map(|count| u64::try_from(count).unwrap_or(0));
    Usage { input_uncached, cache_read, cache_write_5m, cache_write_1h, output, reasoning, input_audio, output_audio, images, searches }
}

/// The cost as the row and all sums count it, in nano-dollars.
pub(crate) fn cost(entry: &Entry) -> i64 {
    entry.cost.0.clamp(0, MAX_COST_NANOS)
}

/// The tokens as budgets count them: in and out.
pub(crate) fn tokens(entry: &Entry) -> i64 {
    let [input, read, write_5m, write_1h, output, ..] = counts(&entry.usage);
    input + read + write_5m + write_1h + output
}

fn count(value: u64) -> i64 {
    i64::try_from(value).map_or(MAX_COUNT, |value| value.min(MAX_COUNT))
}
