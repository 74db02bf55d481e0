//! The figures of a comparison: medians over the rounds, their ratio to nginx, and whether they meet the targets.

use std::collections::BTreeMap;

use serde::Serialize;

/// What one contestant gave over all rounds.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    values: BTreeMap<String, Vec<f64>>,
    pub(super) notes: Vec<String>,
}

/// A bound that a figure should keep.
#[derive(Debug, Clone, Copy)]
enum Goal {
    /// At most this many times nginx of the same rounds.
    Times(f64),
    /// At most this.
    AtMost(f64),
    /// As many as were opened.
    Whole,
    Free,
}

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// Name, as in the JSON file.
    pub name: String,
    /// Name and unit, as in the table.
    pub title: String,
    /// Median of nginx.
    pub nginx: Option<f64>,
    /// Median of fluxa.
    pub fluxa: Option<f64>,
    /// Median over the rounds of fluxa divided by nginx.
    pub ratio: Option<f64>,
    /// The target in words.
    pub target: Option<String>,
    /// Whether it is met; nothing if there is no target or no figure.
    pub met: Option<bool>,
    /// Every round of nginx.
    pub nginx_rounds: Vec<f64>,
    /// Every round of fluxa.
    pub fluxa_rounds: Vec<f64>,
}

/// The whole comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Results {
    /// Processor, kernel and load of the machine.
    pub machine: String,
    /// Seconds since 1970 at the end.
    pub finished_unix_s: u64,
    /// Rounds measured.
    pub rounds: usize,
    /// The lines of the table.
    pub figures: Vec<Figure>,
    /// Failures and limits seen on the way.
    pub notes: Vec<String>,
}

const ROWS: [(&str, &str, Goal); 35] = [
    ("small_cpu_us", "small prompt, CPU µs/request", Goal::Times(1.6)),
    ("medium_cpu_us", "8 kB prompt, CPU µs/request", Goal::Free),
    ("large_cpu_us", "100 kB prompt, CPU µs/request", Goal::Times(2.0)),
    ("event_cpu_us", "paced stream, CPU µs/event", Goal::Times(1.2)),
    ("burst_cpu_us", "burst of 100 events, CPU µs/request", Goal::Free),
    ("small_per_second", "small prompt, requests/s", Goal::Free),
    ("medium_per_second", "8 kB prompt, requests/s", Goal::Free),
    ("large_per_second", "100 kB prompt, requests/s", Goal::Free),
    ("burst_per_second", "burst of 100 events, requests/s", Goal::Free),
    ("small_added_p50_us", "small prompt, added p50 µs", Goal::Times(1.5)),
    ("small_added_p99_us", "small prompt, added p99 µs", Goal::Free),
    ("large_added_p50_us", "100 kB prompt, added p50 µs", Goal::Free),
    ("large_added_p99_us", "100 kB prompt, added p99 µs", Goal::Free),
    ("rss_idle_mb", "memory idle, MB", Goal::AtMost(20.0)),
    ("rss_c64_mb", "memory with 64 connections, MB", Goal::Free),
    ("streams", "streams opened", Goal::Free),
    ("streams_open", "streams open at once", Goal::Free),
    ("streams_intact", "streams whole", Goal::Whole),
    ("streams_rss_mb", "memory with those streams, MB", Goal::AtMost(200.0)),
    ("streams_first_p50_us", "streams, first byte p50 µs", Goal::Free),
    ("streams_delay_p50_us", "streams, event delay p50 µs", Goal::Free),
    ("streams_delay_p99_us", "streams, event delay p99 µs", Goal::Free),
    ("first_answer_ms", "start to first proxied answer, ms", Goal::AtMost(60.0)),
    ("binary_mib", "binary, MiB", Goal::AtMost(15.0)),
    ("cluster_cpu_us", "cluster, CPU µs/request", Goal::Times(4.0)),
    ("cluster_window_cpu_us", "cluster, the same, under load only", Goal::Free),
    ("cluster_per_second", "cluster, requests/s", Goal::Free),
    ("cluster_small_added_p50_us", "cluster, added p50 µs", Goal::Free),
    ("cluster_small_added_p99_us", "cluster, added p99 µs", Goal::Free),
    ("cluster_redis_cpu_us", "cluster, Redis CPU µs/request", Goal::Free),
    ("cluster_postgres_cpu_us", "cluster, Postgres CPU µs/request", Goal::Free),
    ("cluster_redis_before", "cluster, Redis commands before vendor", Goal::AtMost(1.0)),
    ("cluster_redis_after", "cluster, Redis commands of a call", Goal::Free),
    ("cluster_redis_scripts", "cluster, scripts/request under load", Goal::Free),
    ("cluster_rss_c64_mb", "cluster, memory, MB", Goal::Free),
];

/// What nginx does, under the names of the cluster's figures.
const YARDSTICKS: [(&str, &str); 4] = [
    ("small_cpu_us", "cluster_cpu_us"),
    ("small_per_second", "cluster_per_second"),
    ("small_added_p50_us", "cluster_small_added_p50_us"),
    ("small_added_p99_us", "cluster_small_added_p99_us"),
];

const HEALTH: (&str, &str, Goal) = ("health_ms", "start to /healthz, ms", Goal::Free);

impl Sample {
    pub(super) fn add(&mut self, name: &str, value: f64) {
        self.values.entry(name.to_owned()).or_default().push(value);
    }

    pub(super) fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// Takes over another's values, their names with a prefix.
    pub(super) fn absorb(&mut self, prefix: &str, other: Self) {
        for (name, values) in other.values {
            self.values.entry(format!("{prefix}{name}")).or_default().extend(values);
        }
        other.notes.into_iter().for_each(|note| self.note(note));
    }

    fn rounds(&self, name: &str) -> Vec<f64> {
        self.values.get(name).cloned().unwrap_or_default()
    }
}

/// The lines of the table, from what both gave.
pub(super) fn figures(nginx: &Sample, fluxa: &Sample) -> Vec<Figure> {
    let mut nginx = nginx.clone();
    for (of, name) in YARDSTICKS {
        nginx.values.insert(name.to_owned(), nginx.rounds(of));
    }
    let nginx = &nginx;
    let rows = ROWS.iter().chain(std::iter::once(&HEALTH));
    rows.map(|(name, title, goal)| figure(name, title, *goal, nginx, fluxa)).collect()
}

fn figure(name: &str, title: &str, goal: Goal, nginx: &Sample, fluxa: &Sample) -> Figure {
    let (nginx_rounds, fluxa_rounds) = (nginx.rounds(name), fluxa.rounds(name));
    let ratios: Vec<f64> =
        fluxa_rounds.iter().zip(&nginx_rounds).filter(|(_, nginx)| **nginx > 0.0).map(|(fluxa, nginx)| fluxa / nginx).collect();
    let (value, ratio) = (median(&fluxa_rounds), median(&ratios));
    let met = match goal {
        Goal::Times(most) => ratio.map(|ratio| ratio <= most),
        Goal::AtMost(most) => value.map(|value| value <= most),
        Goal::Whole => value.zip(median(&fluxa.rounds("streams"))).map(|(whole, opened)| whole >= opened),
        Goal::Free => None,
    };
    let target = match goal {
        Goal::Times(most) => Some(format!("≤ {most}×")),
        Goal::AtMost(most) => Some(format!("≤ {most}")),
        Goal::Whole => Some("all".to_owned()),
        Goal::Free => None,
    };
    Figure {
        name: name.to_owned(),
        title: title.to_owned(),
        nginx: median(&nginx_rounds),
        fluxa: value,
        ratio,
        target,
        met,
        nginx_rounds,
        fluxa_rounds,
    }
}

pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

impl Results {
    /// The table as text.
    pub fn table(&self) -> String {
        let mut lines = vec![self.machine.clone(), format!("medians of {} rounds", self.rounds), String::new()];
        lines.push(format!("{:<38} {:>10} {:>10} {:>8}  {:<8}", "", "nginx", "fluxa", "ratio", "target"));
        for figure in &self.figures {
            let yardstick = YARDSTICKS.iter().any(|(_, name)| *name == figure.name);
            if figure.fluxa.is_none() && (yardstick || figure.nginx.is_none()) {
                continue;
            }
            let verdict = match figure.met {
                Some(true) => "ok",
                Some(false) => "MISS",
                None => "",
            };
            let ratio = figure.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}×"));
            let (nginx, fluxa) = (shown(figure.nginx), shown(figure.fluxa));
            let target = figure.target.as_deref().unwrap_or_default();
            lines.push(format!("{:<38} {nginx:>10} {fluxa:>10} {ratio:>8}  {target:<8} {verdict}", figure.title));
        }
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.join("\n")
    }

    /// How many targets are missed.
    pub fn misses(&self) -> usize {
        self.figures.iter().filter(|figure| figure.met == Some(false)).count()
    }
}

fn shown(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if value >= 1000.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[(&str, &[f64])]) -> Sample {
        let mut sample = Sample::default();
        values.iter().for_each(|(name, values)| values.iter().for_each(|value| sample.add(name, *value)));
        sample
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let nginx = sample(&[("small_cpu_us", &[10.0, 20.0, 10.0]), ("streams", &[100.0])]);
        let fluxa =
            sample(&[("small_cpu_us", &[15.0, 30.0, 40.0]), ("rss_idle_mb", &[21.0]), ("streams", &[100.0]), ("streams_intact", &[100.0])]);
        let figures = figures(&nginx, &fluxa);
        let of = |name: &str| figures.iter().find(|figure| figure.name == name).unwrap();
        assert_eq!((of("small_cpu_us").ratio, of("small_cpu_us").met), (Some(1.5), Some(true)));
        assert_eq!(of("rss_idle_mb").met, Some(false));
        assert_eq!(of("streams_intact").met, Some(true));
        assert_eq!(of("large_cpu_us").met, None);
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
