//! The query of a request: only parameters that the route declares, each once.

use axum::extract::Query as Pairs;
use fluxa_domain::time::Micros;
use http::Uri;

use crate::problem::{FieldFault, Problem};

/// Rows of a page when the client names no number.
const DEFAULT_LIMIT: u32 = 50;
/// Rows of a page at most: the contract's number.
pub(crate) const MAX_LIMIT: u32 = 500;
/// The longest value of a parameter; longer ones are no name of ours.
const MAX_VALUE_BYTES: usize = 1_024;

/// A parameter that a route takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) about: &'static str,
}

/// The parameters of one request. Empty values count as absent.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// Where in a list a page begins, and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageAsk {
    /// Rows at most.
    pub(crate) limit: u32,
    /// The cursor of the former page.
    pub(crate) cursor: Option<String>,
}

impl Query {
    /// Reads the query of `uri`; what `allowed` does not name is refused by name.
    pub(crate) fn read(uri: &Uri, allowed: &[&[Param]]) -> Result<Self, Problem> {
        let Pairs(pairs) = Pairs::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| Problem::new(http::StatusCode::BAD_REQUEST, "malformed_query", "the query is not form-encoded text"))?;
        let mut faults = Vec::new();
        for (at, (name, value)) in pairs.iter().enumerate() {
            let mut fault = |message: String| faults.push(FieldFault { field: name.chars().take(64).collect(), message });
            if !allowed.iter().any(|params| params.iter().any(|param| param.name == name)) {
                let known: Vec<_> = allowed.iter().flat_map(|params| params.iter().map(|param| param.name)).collect();
                fault(if known.is_empty() {
                    String::from("unknown parameter; there are none here")
                } else {
                    format!("unknown parameter; known are {}", known.join(", "))
                });
            } else if pairs.iter().take(at).any(|(earlier, _)| earlier == name) {
                fault(String::from("appears twice"));
            } else if value.len() > MAX_VALUE_BYTES {
                fault(format!("must be at most {MAX_VALUE_BYTES} bytes"));
            }
        }
        if faults.is_empty() { Ok(Self { pairs }) } else { Err(Problem::fields(faults)) }
    }

    /// A parameter's text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(pair, value)| pair == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A parameter's text, owned.
    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// A parameter that `read` understands, or a fault with `expect`.
    pub(crate) fn parsed<T>(&self, name: &str, expect: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        self.text(name).map(|text| read(text).ok_or_else(|| Problem::field(name, expect))).transpose()
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.parsed(name, "must be true or false", |text| text.parse().ok())
    }

    /// A moment, or a date (its first instant, UTC).
    fn from(&self) -> Result<Option<Micros>, Problem> {
        self.parsed("from", MOMENT, |text| date(text).or_else(|| moment(text)))
    }

    /// A moment, exclusive, or a date, which is included whole.
    fn to(&self) -> Result<Option<Micros>, Problem> {
        self.parsed("to", MOMENT, |text| date(text).map(|day| day.plus_seconds(86_400)).or_else(|| moment(text)))
    }

    /// `from` and `to`, in this order.
    pub(crate) fn span(&self) -> Result<(Option<Micros>, Option<Micros>), Problem> {
        let (from, to) = (self.from()?, self.to()?);
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(Problem::field("to", "must not be before from"));
        }
        Ok((from, to))
    }

    /// `limit` and `cursor`.
    pub(crate) fn page(&self) -> Result<PageAsk, Problem> {
        let expect = format!("must be a number from 1 to {MAX_LIMIT}");
        let limit =
            self.parsed("limit", &expect, |text| text.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n)))?.unwrap_or(DEFAULT_LIMIT);
        Ok(PageAsk { limit, cursor: self.owned("cursor") })
    }
}

const MOMENT: &str = "must be a date like 2026-11-22 or a moment like 2026-11-22T10:00:00Z (RFC 3339)";

/// A moment; the `+` of an offset arrives as a space when the client did not encode it.
fn moment(text: &str) -> Option<Micros> {
    Micros::from_rfc3339(text).or_else(|| Micros::from_rfc3339(&text.replace(' ', "+")))
}

fn date(text: &str) -> Option<Micros> {
    (text.len() == 10).then(|| Micros::from_rfc3339(&format!("{text}T00:00:00Z"))).flatten()
}

/// One page of a list that is in memory already, ordered by `name`; the cursor is the last name, in hex.
pub(crate) fn page_by_name<T>(mut rows: Vec<T>, name: impl Fn(&T) -> &str, ask: &PageAsk) -> Result<(Vec<T>, Option<String>), Problem> {
    rows.sort_by(|a, b| name(a).cmp(name(b)));
    if let Some(cursor) = &ask.cursor {
        let after = from_hex(cursor).ok_or_else(|| Problem::field("cursor", "is not a cursor of this list"))?;
        rows.retain(|row| name(row) > after.as_str());
    }
    let limit = usize::try_from(ask.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(|row| to_hex(name(row))) } else { None };
    Ok((rows, next))
}

fn to_hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(hex: &str) -> Option<String> {
    if !hex.len().is_multiple_of(2) || !hex.is_ascii() {
        return None;
    }
    let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect::<Option<Vec<_>>>()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: &[Param] = &[Param { name: "from", about: "" }, Param { name: "to", about: "" }, Param { name: "limit", about: "" }];

    fn query(text: &str) -> Result<Query, Problem> {
        Query::read(&format!("/admin/x?{text}").parse().unwrap(), &[PARAMS])
    }

    #[test]
    fn dates_and_moments_are_read() {
        let q = query("from=2026-11-22&to=2026-11-22").unwrap();
        assert_eq!(q.to().unwrap().unwrap().0 - q.from().unwrap().unwrap().0, 86_400_000_000);
        let q = query("from=2026-11-22T10:00:00+08:00").unwrap();
        assert_eq!(q.from().unwrap(), Micros::from_rfc3339("2026-11-22T02:00:00Z"));
        assert!(query("from=yesterday").unwrap().from().is_err());
        assert_eq!(query("from=").unwrap().from().unwrap(), None);
    }

    #[test]
    fn unknown_and_repeated_parameters_are_refused() {
        assert!(format!("{:?}", query("form=1").unwrap_err()).contains("form"));
        assert!(query("limit=1&limit=2").is_err());
        assert!(query("limit=501").unwrap().page().is_err());
        assert_eq!(query("").unwrap().page().unwrap().limit, 50);
    }

    #[test]
    fn lists_in_memory_are_paged_by_name() {
        let rows = vec!["c", "a", "ü", "b"];
        let ask = |cursor| PageAsk { limit: 3, cursor };
        let (first, next) = page_by_name(rows.clone(), |row| row, &ask(None)).unwrap();
        assert_eq!(first, ["a", "b", "c"]);
        let (second, end) = page_by_name(rows, |row| row, &ask(next)).unwrap();
        assert_eq!((second, end), (vec!["ü"], None));
        assert!(page_by_name(vec!["a"], |row| row, &ask(Some(String::from("zz")))).is_err());
    }
}
