//! Whether a rule may be saved: it must compile, keep its bounds, fit its samples, and not slow down every call.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use fluxa_domain::firewall::{RuleMode, RuleRecord};
use fluxa_domain::validate::FieldError;
use fluxa_firewall::{Form, Ruleset};

/// What one rule must manage on benign text, in bytes a second: all built-in rules together manage 200 MB/s, and a rule that takes
/// four times as long as all of them would be felt in every call.
const FLOOR_BYTES_PER_S: u128 = 50_000_000;
/// A build without optimisation is that much slower; what it measures says nothing about the rule.
const HANDICAP: u128 = if cfg!(debug_assertions) { 100 } else { 1 };
/// The benign text: long enough that a rule's start does not count.
const BENIGN_BYTES: usize = 100_000;
/// The best of so many runs counts: others use the machine too.
const RUNS: usize = 5;
/// Who takes so long will not pass in another run either, and keeps whoever saves it waiting.
const HOPELESS: Duration = Duration::from_millis(400);

/// Judges a rule.
///
/// # Errors
/// The field at fault and why.
pub(super) fn judge(rule: &RuleRecord) -> Result<(), FieldError> {
    // One that is off now may be switched on without being judged again.
    let tried = RuleRecord { mode: RuleMode::Enforce, ..rule.clone() };
    let ruleset = Ruleset::with(std::slice::from_ref(&tried)).map_err(|fault| FieldError::new(fault.field, fault.what))?;
    let field = match rule.find {
        fluxa_domain::firewall::Find::Pattern(_) => "pattern",
        fluxa_domain::firewall::Find::Keywords(_) => "keywords",
    };
    verdict(BENIGN_BYTES, time(&ruleset, &rule.name)).map_err(|message| FieldError::new(field, message))
}

/// What the rule itself takes for the benign text: what looking for nothing takes is not its fault.
fn time(ruleset: &Ruleset, name: &str) -> Duration {
    let text = benign();
    let best = |wanted: &dyn Fn(usize) -> bool| {
        let mut findings = Vec::new();
        let mut least = Duration::MAX;
        for _ in 0..RUNS {
            findings.clear();
            let began = Instant::now();
            ruleset.find(text, Form::Plain, wanted, &mut findings);
            least = least.min(began.elapsed());
            if least > HOPELESS {
                break;
            }
        }
        least
    };
    let one = ruleset.rule(name);
    best(&|rule| Some(rule) == one).saturating_sub(best(&|_| false))
}

fn verdict(bytes: usize, took: Duration) -> Result<(), String> {
    let speed = (bytes as u128).saturating_mul(1_000_000_000).checked_div(took.as_nanos()).unwrap_or(u128::MAX);
    if speed.saturating_mul(HANDICAP) >= FLOOR_BYTES_PER_S {
        return Ok(());
    }
    Err(format!(
        "is too slow: {}.{} MB/s on benign text, at least {} MB/s are needed; begin it with a literal that is rare in ordinary text, and avoid \
         repetitions of wide classes",
        speed / 1_000_000,
        speed / 100_000 % 10,
        FLOOR_BYTES_PER_S / 1_000_000
    ))
}

/// Text as calls bring it, with nothing in it that may not leave: prose in two languages, code, JSON, tables of numbers.
fn benign() -> &'static str {
    static BENIGN: OnceLock<String> = OnceLock::new();
    BENIGN.get_or_init(|| {
        let mut text = String::with_capacity(BENIGN_BYTES + 1_024);
        for n in 0_u32.. {
            if text.len() >= BENIGN_BYTES {
                break;
            }
            // Writing to a text cannot fail.
            let _ = writeln!(
                text,
                "## Section {n}\n\nThe committee met on Tuesday to look at the figures of the last quarter, and nobody was surprised: sales rose by \
                 {}.{}%, costs by less. \"We shall see,\" said the chair; the next meeting is in room {}.\n\n\
                 会议于星期二举行，讨论了上一季度的数据。销售额增长了百分之{}，成本增长较少，下一次会议将在第{}会议室举行。\n\n\
                 ```rust\nfn step_{n}(input: &[u8], limit: usize) -> Option<usize> {{\n    let end = input.len().min(limit * {});\n    \
                 input.get(..end)?.iter().position(|byte| *byte == b'{}')\n}}\n```\n\n\
                 {{\"id\": \"item-{n}\", \"size\": {}, \"tags\": [\"alpha\", \"beta\"], \"ratio\": 0.{}, \"path\": \"src/module_{n}/lib.rs\"}}\n\
                 | {n} | {} | {} | ok |",
                n % 17,
                n % 10,
                n % 40,
                n % 9,
                n % 12,
                n % 8 + 1,
                char::from(b'a' + u8::try_from(n % 26).unwrap_or(0)),
                n * 7 % 1_000,
                n % 97,
                n * 13 % 500,
                n * 31 % 700,
            );
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_rule_is_told_its_speed() {
        let fast = Duration::from_micros(1_999);
        assert_eq!(verdict(100_000, fast), Ok(()));
        assert_eq!(verdict(100_000, Duration::ZERO), Ok(()));
        let took = Duration::from_millis(40) * u32::try_from(HANDICAP).unwrap();
        let message = verdict(100_000 * 100, took * 100 * 100).unwrap_err();
        assert!(message.contains("at least 50 MB/s"), "{message}");
    }

    #[test]
    fn the_benign_text_is_of_its_size_and_mixed() {
        let text = benign();
        assert!((BENIGN_BYTES..BENIGN_BYTES + 1_024).contains(&text.len()), "{}", text.len());
        assert!(text.contains("会议") && text.contains("fn step_3"));
    }
}
