//! A replica before a database with very many keys: how fast it starts, what a key costs that nobody used yet, and how much memory
//! the keys take that were used.

use std::{
    cell::RefCell,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{
    contestant::Contestant,
    lab::{Lab, bearer},
    machine,
    measure::{ANSWER, mb},
    site::{Issued, Site},
};
use crate::{
    client::{Buffer, Connection, Target},
    load::tally::{Percentiles, Times},
};

/// The most that a replica may take, whatever number of keys there is.
const MEMORY_GOAL_MB: f64 = 300.0;

/// The most that the first call of a key may take at the 99th percentile, beside the vendor's time.
const COLD_GOAL_MS: f64 = 5.0;

/// Connections that use many keys.
const CONNECTIONS: usize = 16;

/// What to measure.
#[derive(Debug, Clone)]
pub struct ScalePlan {
    /// The fluxa binary.
    pub fluxa: PathBuf,
    /// Keys in the database.
    pub keys: u64,
    /// Keys that are used while memory is measured.
    pub used: usize,
    /// Keys whose first call is timed, one after the other.
    pub cold: usize,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct ScaleResults {
    /// Processor, kernel and load of the machine.
    pub machine: String,
    /// Keys in the database.
    pub keys: u64,
    /// From the start of a replica to its first answer, in milliseconds, with the few keys that are used.
    pub start_few_ms: f64,
    /// The same with all of them.
    pub start_ms: f64,
    /// Memory after the start, in megabytes.
    pub rss_start_mb: f64,
    /// The vendor asked directly.
    pub direct: Percentiles,
    /// The first call of a key.
    pub cold: Percentiles,
    /// The second call of the same key.
    pub warm: Percentiles,
    /// Different keys that were used.
    pub used: usize,
    /// Seconds that it took.
    pub used_seconds: f64,
    /// Calls that were refused, of two with each of these keys: none should be.
    pub refused: usize,
    /// Most memory meanwhile and after it, in megabytes.
    pub rss_used_mb: f64,
    /// Memory after every key was used once more.
    pub rss_again_mb: f64,
}

/// Measures; `tell` gets a line for each step.
///
/// # Errors
/// When something does not start, or a key is refused.
pub fn scale(plan: &ScalePlan, tell: impl Fn(&str)) -> Result<ScaleResults> {
    let lab = Lab::open(std::env::current_exe().context("no path of this program")?)?;
    let site = Site::open(&plan.fluxa, &lab)?;
    // One for the timed starts, which is then no cold key any more.
    let wanted = 1 + plan.cold + plan.used;
    tell(&format!("{wanted} keys through the admin API"));
    let issued = site.furnish(&lab, wanted)?;
    let (first, rest) = issued.split_first().context("no key")?;
    let (cold, used) = rest.split_at(plan.cold);
    let gateway = site.gateway(0, &first.secret)?;
    let start_few_ms = lab.start(&gateway)?.1.answer_ms;
    tell(&format!("{} more into the database", plan.keys.saturating_sub(wanted as u64)));
    fill(&site, first, plan.keys.saturating_sub(wanted as u64))?;
    let keys: u64 = site.servers.sql("SELECT count(*) FROM virtual_keys")?.parse()?;
    tell("start, and the first call of keys");
    let (process, times) = lab.start(&gateway)?;
    let rss_start_mb = mb(process.rss_bytes());
    lab.set_mock(&format!("reset;record=0;honour_max_tokens=0;{ANSWER}"))?;
    let [direct, cold, warm] = lab.wait(first_calls(&lab, &gateway, cold))?;
    tell(&format!("{} keys, each used twice", used.len()));
    let begun = Instant::now();
    let mut most = 0;
    let mut refused = lab.wait(use_all(&gateway, used, || most = most.max(process.rss_bytes())))?;
    let used_seconds = begun.elapsed().as_secs_f64();
    let rss_used_mb = mb(most.max(process.rss_bytes()));
    refused += lab.wait(use_all(&gateway, used, || ()))?;
    Ok(ScaleResults {
        machine: machine(),
        keys,
        start_few_ms,
        start_ms: times.answer_ms,
        rss_start_mb,
        direct,
        cold,
        warm,
        used: used.len(),
        used_seconds,
        refused,
        rss_used_mb,
        rss_again_mb: mb(process.rss_bytes()),
    })
}

/// Copies of a key's record under other names, each with a hash that no secret has.
fn fill(site: &Site, like: &Issued, count: u64) -> Result<()> {
    let (id, name) = (&like.id, &like.name);
    let base62 = |text: &str| text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    ensure!(base62(id) && base62(name), "a key called {id:?}, {name:?}");
    site.servers.sql(&format!(
        "INSERT INTO virtual_keys (id, name, team, enabled, record)
           SELECT lpad(to_hex(n), 8, '0'), 'filler-' || n, team, enabled,
                  replace(replace(record, '\"{id}\"', '\"' || lpad(to_hex(n), 8, '0') || '\"'), '\"{name}\"', '\"filler-' || n || '\"')
           FROM virtual_keys, generate_series(1, {count}) AS n WHERE id = '{id}';
         INSERT INTO key_doors (hash, key_id)
           SELECT rtrim(encode(sha256(convert_to('filler ' || n, 'UTF8')), 'base64'), '='), lpad(to_hex(n), 8, '0')
           FROM generate_series(1, {count}) AS n"
    ))?;
    // Else the server would do it while something is timed.
    for table in ["virtual_keys", "key_doors"] {
        site.servers.sql(&format!("VACUUM ANALYZE {table}"))?;
    }
    Ok(())
}

/// The vendor directly, a key for the first time, and the same key again; one call at a time.
async fn first_calls(lab: &Lab, gateway: &Contestant, keys: &[Issued]) -> Result<[Percentiles; 3]> {
    let vendor = Target { addr: lab.mock_addr(), host: lab.mock_addr().to_string(), path: PATH.to_owned() };
    let target = Target { addr: gateway.addr, host: gateway.addr.to_string(), path: PATH.to_owned() };
    let buffer = Buffer::default();
    let mut straight = Connection::new(vendor.addr, buffer.clone());
    let mut through = Connection::new(target.addr, buffer);
    // Both connections, and the gateway's own to the vendor, are open before anything is timed.
    call(&mut straight, &vendor, &gateway.key).await?;
    call(&mut through, &target, &gateway.key).await?;
    let mut times: [Times; 3] = Default::default();
    for key in keys {
        times[0].record(call(&mut straight, &vendor, &key.secret).await?);
        times[1].record(call(&mut through, &target, &key.secret).await?);
        times[2].record(call(&mut through, &target, &key.secret).await?);
    }
    Ok(times.map(|times| times.percentiles()))
}

/// One call with each key; `look` is called now and then. Answers how many were refused.
async fn use_all(gateway: &Contestant, keys: &[Issued], mut look: impl FnMut()) -> Result<usize> {
    const EVERY: Duration = Duration::from_millis(200);
    let target = Target { addr: gateway.addr, host: gateway.addr.to_string(), path: PATH.to_owned() };
    let waiting = std::rc::Rc::new(RefCell::new(keys.iter().map(|key| key.secret.clone()).collect::<Vec<_>>()));
    let mut workers = JoinSet::new();
    let buffer = Buffer::default();
    for _ in 0..CONNECTIONS {
        let (target, waiting) = (target.clone(), std::rc::Rc::clone(&waiting));
        let mut connection = Connection::new(target.addr, buffer.clone());
        workers.spawn_local(async move {
            let mut refused = 0;
            loop {
                let Some(secret) = waiting.borrow_mut().pop() else { return refused };
                refused += usize::from(call(&mut connection, &target, &secret).await.is_err());
            }
        });
    }
    let mut beat = tokio::time::interval(EVERY);
    let mut refused = 0;
    loop {
        tokio::select! {
            done = workers.join_next() => match done {
                Some(done) => refused += done?,
                None => return Ok(refused),
            },
            _ = beat.tick() => look(),
        }
    }
}

const PATH: &str = "/v1/chat/completions";

/// One call, timed from its first byte to the answer's last.
async fn call(connection: &mut Connection, target: &Target, secret: &str) -> Result<Duration> {
    const BODY: &str = r#"{"model":"gpt-4o","max_tokens":64,"messages":[{"role":"user","content":"hello"}]}"#;
    let request = target.post(&[bearer(secret)], BODY);
    let mut whole = Vec::new();
    let begun = Instant::now();
    let status = connection.exchange(&request, |_, part| whole.extend_from_slice(part)).await;
    let took = begun.elapsed();
    ensure!(status == Ok(200), "{}: {status:?} {}", target.host, String::from_utf8_lossy(&whole));
    Ok(took)
}

/// A line of the table.
struct Line {
    title: &'static str,
    value: String,
    /// In words, and whether it is met.
    goal: Option<(String, bool)>,
}

impl ScaleResults {
    fn lines(&self) -> Vec<Line> {
        let ms = |us: u64| us as f64 / 1000.0;
        let percentiles = |times: &Percentiles| format!("{:.2} / {:.2} / {:.2}", ms(times.p50_us), ms(times.p99_us), ms(times.max_us));
        let free = |title, value: String| Line { title, value, goal: None };
        let within = |title, value: f64, most: f64| {
            let goal = Some((format!("≤ {most}"), value <= most));
            Line { title, value: format!("{value:.2}"), goal }
        };
        vec![
            free("keys in the database", self.keys.to_string()),
            free("start to first answer with the used keys alone, ms", format!("{:.0}", self.start_few_ms)),
            free("start to first answer with all keys, ms", format!("{:.0}", self.start_ms)),
            free("memory after the start, MB", format!("{:.1}", self.rss_start_mb)),
            free("vendor directly, p50 / p99 / max ms", percentiles(&self.direct)),
            free("first call of a key, p50 / p99 / max ms", percentiles(&self.cold)),
            free("second call of a key, p50 / p99 / max ms", percentiles(&self.warm)),
            free("first call beside the vendor's time, p50 ms", format!("{:.2}", self.cold_added_ms(self.cold.p50_us))),
            within("first call beside the vendor's time, p99 ms", self.cold_added_ms(self.cold.p99_us), COLD_GOAL_MS),
            free("different keys used", format!("{} in {:.1} s", self.used, self.used_seconds)),
            within("calls refused of two with each", self.refused as f64, 0.0),
            within("memory at most while they were, MB", self.rss_used_mb, MEMORY_GOAL_MB),
            within("memory after each was used again, MB", self.rss_again_mb, MEMORY_GOAL_MB),
        ]
    }

    /// A time less the middle of the vendor's times, in milliseconds.
    fn cold_added_ms(&self, us: u64) -> f64 {
        (us as f64 - self.direct.p50_us as f64) / 1000.0
    }

    /// The table as text.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = vec![self.machine.clone(), String::new()];
        for Line { title, value, goal } in self.lines() {
            let verdict = goal.map_or_else(String::new, |(goal, met)| format!("{goal:<8} {}", if met { "ok" } else { "MISS" }));
            text.push(format!("{title:<54} {value:>24}  {verdict}").trim_end().to_owned());
        }
        text.join("\n")
    }

    /// How many goals are missed.
    #[must_use]
    pub fn misses(&self) -> usize {
        self.lines().iter().filter(|line| line.goal.as_ref().is_some_and(|(_, met)| !met)).count()
    }
}
