//! `POST /admin/firewall/what-if`: logged requests held against a policy that is not in force. Where a row has its content, that is
//! looked at; where it has none, what was found then is judged anew. No text of a request is in the answer.
//!
//! The work is bounded, page by page, and ends with the client: what is dropped reads no further page.

mod tally;

use std::sync::Arc;

use fluxa_domain::entry::Entry;
use fluxa_domain::firewall::{Action, Direction, PolicyRecord};
use fluxa_firewall::{Form, Ruleset};
use fluxa_store::LogFilter;

use super::trial::{read_policy, resolve};
use super::verdict::Bench;
use super::{Known, leaves};
use crate::answer::{self, Answer};
use crate::json::{Fields, Node};
use crate::problem::Problem;
use crate::serve::Errand;
use tally::{Found, Head, Tally};

/// Requests of one forecast.
const MAX_REQUESTS: u64 = 10_000;
/// Requests where the body does not say.
const DEFAULT_REQUESTS: u64 = 1_000;
/// Rows read at once: with their contents they may be large.
const PAGE_ROWS: u32 = 100;
/// Bytes of content that are looked at in one forecast: some seconds of one core.
const MAX_CONTENT_BYTES: usize = 256 * 1024 * 1024;

/// Both ways of a candidate.
struct Candidate {
    request: Bench,
    response: Bench,
}

/// POST.
pub(crate) async fn run(errand: Errand) -> Answer {
    let known = Known::load(errand.store()).await?;
    let mut f = errand.fields()?;
    let wanted = read_policy(&mut f, &errand, &known);
    let last = f.count("last", MAX_REQUESTS).value().unwrap_or(DEFAULT_REQUESTS);
    let filter = read_filter(&mut f);
    f.finish()?;
    let Some(wanted) = wanted else { return Err(Problem::field("policy", "is required: a name, or a policy")) };
    let policy = resolve(&errand, wanted).await?;
    let rules = errand.desk.rules.ready(errand.store()).await?;
    let candidate = Arc::new(Candidate::new(&rules.let_loose, policy));
    let mut tally = Tally::default();
    let mut cursor: Option<String> = None;
    let mut content_bytes = 0;
    let mut complete = true;
    while tally.requests < last {
        let rows = u32::try_from(last - tally.requests).map_or(PAGE_ROWS, |left| left.min(PAGE_ROWS));
        let page = errand.store().entries(&filter, rows, cursor.as_deref()).await?;
        content_bytes += page.rows.iter().map(content_bytes_of).sum::<usize>();
        let held = tokio::task::spawn_blocking({
            let candidate = Arc::clone(&candidate);
            move || page.rows.iter().map(|entry| (candidate.hold(entry), Head::of(entry))).collect::<Vec<_>>()
        });
        for (found, head) in held.await.map_err(|e| Problem::internal(&e))? {
            tally.add(&found, head);
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        if content_bytes > MAX_CONTENT_BYTES {
            complete = false;
            break;
        }
    }
    answer::ok(&tally.view(candidate.request.ruleset(), complete))
}

fn read_filter(f: &mut Fields) -> LogFilter {
    let (from, to) = (f.moment("from").value(), f.moment("to").value());
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        f.fault("to", "must not be before from");
    }
    LogFilter { from, to, key: f.text("key").value(), team: f.text("team").value(), ..LogFilter::default() }
}

fn content_bytes_of(entry: &Entry) -> usize {
    [&entry.request_body, &entry.response_body].into_iter().flatten().map(String::len).sum()
}

impl Candidate {
    /// What the policy would do if it were let: rules that only observe and policies that only observe are taken at their word.
    fn new(ruleset: &Arc<Ruleset>, policy: PolicyRecord) -> Self {
        let policy = PolicyRecord { observe_only: false, ..policy };
        let bench = |way| Bench::new(Arc::clone(ruleset), &policy, way);
        Self { request: bench(Direction::Request), response: bench(Direction::Response) }
    }

    /// What it would do about one call.
    fn hold(&self, entry: &Entry) -> Found {
        let mut found = Found::new(entry.request_body.is_some());
        for (bench, body) in [(&self.request, &entry.request_body), (&self.response, &entry.response_body)] {
            if let Some(body) = body {
                hold_body(bench, body, &mut found);
            }
        }
        // What was masked is not in the stored copy any more, but it was counted.
        for hit in &entry.firewall {
            let Some(rule) = self.request.ruleset().rule(&hit.rule) else { continue };
            let steps = [self.request.step(rule), self.response.step(rule)];
            let strictest = steps.into_iter().flatten().map(|step| step.effect()).max();
            if let Some(action) = strictest {
                found.at_least(rule, action, u64::from(hit.count));
            }
        }
        found
    }
}

fn hold_body(bench: &Bench, body: &str, found: &mut Found) {
    let mut look = |text: &str, form: Form| {
        for finding in bench.find(text, form) {
            let action = bench.step(finding.rule).map_or(Action::Off, |step| step.effect());
            found.add(finding.rule, action);
        }
    };
    match Node::read(body.as_bytes()) {
        Ok(mut body) => leaves::each(&mut body, &mut |leaf| {
            look(leaf.text, leaf.form);
            None
        }),
        // A form, or the events of a stream.
        Err(_) => look(body, Form::Plain),
    }
}
