//! The price table: which row prices a call.

use std::collections::HashMap;
use std::sync::Arc;

use super::PriceRow;
use crate::time::Micros;
use crate::vendors::{self, VENDORS};

/// All prices that are known. Immutable: a change makes a new one.
#[derive(Clone, Debug, Default)]
pub struct PriceTable {
    /// Model id → who lists it.
    models: HashMap<Box<str>, Vec<Listing>>,
}

/// One provider's rows for one model.
#[derive(Clone, Debug)]
struct Listing {
    provider: Box<str>,
    /// Added by an administrator, so that it wins over a built-in one.
    added: bool,
    /// Newest `valid_from` first; of equals, the one added last first.
    rows: Vec<Arc<PriceRow>>,
}

impl Listing {
    fn at(&self, at: Micros) -> Option<&Arc<PriceRow>> {
        self.rows.iter().find(|row| row.valid_from <= at)
    }
}

impl PriceTable {
    /// Builds the table from the built-in rows and those that administrators added, in the order they were added.
    #[must_use]
    pub fn new<R: Into<Arc<PriceRow>>>(builtin: impl Iterator<Item = R>, added: Vec<PriceRow>) -> Self {
        let mut table = Self::default();
        for row in builtin {
            table.insert(row.into(), false);
        }
        for row in added {
            table.insert(Arc::new(row), true);
        }
        table
    }

    fn insert(&mut self, row: Arc<PriceRow>, added: bool) {
        let listings = self.models.entry(row.model.as_str().into()).or_default();
        let found = listings.iter().position(|listing| listing.added == added && *listing.provider == *row.provider);
        match found.and_then(|at| listings.get_mut(at)) {
            Some(listing) => {
                let at = listing.rows.partition_point(|other| other.valid_from > row.valid_from);
                listing.rows.insert(at, row);
            }
            None => listings.push(Listing { provider: row.provider.as_str().into(), added, rows: vec![row] }),
        }
    }

    /// The row that prices `upstream_model` at a provider of kind `provider_kind` named `provider_name`, at `at`.
    ///
    /// Tried in order, each with rows added by administrators (by the provider's name, its kind, then `*`) before
    /// built-in ones: the exact id; the id without a date suffix (`-2026-11-22`, `-20261122`, `@…`), without
    /// Bedrock's region prefix (`eu.`), an OpenRouter variant (`:nitro`) or a resource path; the provider's row for
    /// every model; then the id at any other provider, first-party vendors first (never the built-in price of
    /// another vendor for a vendor that runs models locally).
    #[must_use]
    pub fn find(&self, provider_kind: &str, provider_name: &str, upstream_model: &str, at: Micros) -> Option<&Arc<PriceRow>> {
        let spellings = spellings(provider_kind, upstream_model);
        spellings
            .iter()
            .chain(&["*"])
            .find_map(|model| self.find_at(provider_kind, provider_name, model, at))
            .or_else(|| spellings.iter().find_map(|model| self.find_elsewhere(provider_kind, model, at)))
    }

    fn find_at(&self, kind: &str, name: &str, model: &str, at: Micros) -> Option<&Arc<PriceRow>> {
        let listings = self.models.get(model)?;
        [(true, name), (true, kind), (true, "*"), (false, kind), (false, "*")].iter().find_map(|(added, provider)| {
            listings.iter().filter(|listing| listing.added == *added && *listing.provider == **provider).find_map(|listing| listing.at(at))
        })
    }

    fn find_elsewhere(&self, kind: &str, model: &str, at: Micros) -> Option<&Arc<PriceRow>> {
        let local = vendors::vendor(kind).is_some_and(|vendor| vendor.key_optional);
        let listings = self.models.get(model)?;
        listings
            .iter()
            .filter(|listing| listing.added || !local)
            .filter_map(|listing| Some((listing, listing.at(at)?)))
            .min_by_key(|(listing, _)| (!listing.added, rank(&listing.provider)))
            .map(|(_, row)| row)
    }

    /// The providers (kinds or, in added rows, names) that list `model`, best first: vendors of their own models
    /// before resellers, then in the order of [`VENDORS`].
    #[must_use]
    pub fn owner(&self, model: &str) -> Vec<&str> {
        for spelling in spellings("", model) {
            let Some(listings) = self.models.get(spelling) else { continue };
            let mut owners: Vec<&str> = listings.iter().map(|listing| &*listing.provider).filter(|provider| *provider != "*").collect();
            owners.sort_by_key(|provider| rank(provider));
            owners.dedup();
            if !owners.is_empty() {
                return owners;
            }
        }
        Vec::new()
    }

    /// Every row, in no particular order.
    pub fn rows(&self) -> impl Iterator<Item = &Arc<PriceRow>> {
        self.models.values().flatten().flat_map(|listing| &listing.rows)
    }
}

/// Resellers after first-party vendors, unknown names (an administrator's own) before both.
fn rank(provider: &str) -> (u8, usize) {
    match VENDORS.iter().position(|vendor| vendor.kind == provider) {
        Some(at) => (1 + u8::from(VENDORS.get(at).is_some_and(|vendor| vendor.resells)), at),
        None => (0, 0),
    }
}

/// The id as given, then ever shorter forms of it, without repetition.
fn spellings<'a>(kind: &str, model: &'a str) -> Vec<&'a str> {
    let mut out = vec![model];
    let mut push = |model: &'a str| {
        if !model.is_empty() && !out.contains(&model) {
            out.push(model);
        }
    };
    let mut rest = model;
    if let Some((_, last)) = rest.rsplit_once("models/") {
        rest = last;
        push(rest);
    }
    if kind == "openrouter"
        && let Some((base, _)) = rest.rsplit_once(':')
    {
        rest = base;
        push(rest);
    }
    push(without_date(rest));
    if kind == "bedrock"
        && let Some(base) = REGION_PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix))
    {
        push(base);
        push(without_date(base));
    }
    out
}

/// Prefixes of Bedrock's cross-region inference profiles.
const REGION_PREFIXES: [&str; 9] = ["us.", "eu.", "apac.", "jp.", "au.", "ca.", "global.", "us-gov.", "sa."];

/// `model` without `@…`, `-YYYY-MM-DD` or `-YYYYMMDD` at its end.
fn without_date(model: &str) -> &str {
    if let Some((base, date)) = model.rsplit_once('@')
        && date.bytes().all(|b| b.is_ascii_digit() || b == b'-')
    {
        return base;
    }
    for shape in ["-dddd-dd-dd", "-dddddddd"] {
        let Some((base, end)) = model.len().checked_sub(shape.len()).and_then(|at| model.split_at_checked(at)) else { continue };
        if end.bytes().zip(shape.bytes()).all(|(b, s)| if s == b'd' { b.is_ascii_digit() } else { b == s }) && end.contains("-20") {
            return base;
        }
    }
    model
}
