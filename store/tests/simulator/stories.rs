//! The runs: many seeds with the whole protocol, and each rule left out once.

use crate::check::{check, money};
use crate::rules::Rules;
use crate::world::World;

/// A rule, a seed in which it is missed, and how to leave it out.
type LeftOut = (&'static str, u64, fn(&mut Rules));

/// Virtual seconds of one run before it comes to rest.
const SECONDS: i64 = 70;

/// Runs one seed: steps, and what is wrong.
fn run(seed: u64, rules: Rules, check: fn(&World) -> Vec<String>) -> (u64, Vec<String>) {
    let mut world = World::new(seed, rules);
    if std::env::var_os("TRACE").is_some() {
        world.trace = Some(Vec::new());
    }
    world.run(SECONDS);
    let wrong = check(&world);
    if let Some(trace) = world.trace.take().filter(|_| !wrong.is_empty()) {
        let ids: Vec<&str> = wrong.iter().filter_map(|text| text.split([' ', ':', ',']).find(|word| word.len() == 36)).collect();
        let about = trace.iter().filter(|line| ids.is_empty() || ids.iter().any(|id| line.contains(id)) || !line.contains("01a2"));
        about.for_each(|line| eprintln!("{line}"));
    }
    (world.steps, wrong)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn every_call_is_counted_once_whatever_happens() {
    let (first, steps) = (number("SEED").unwrap_or(1), number("STEPS").unwrap_or(100_000));
    let (mut done, mut seed) = (0, first);
    while done < steps {
        let (more, wrong) = run(seed, Rules::all(), check);
        assert!(wrong.is_empty(), "SEED={seed} (TRACE=1 tells more):\n{}", wrong.join("\n"));
        done += more;
        seed += 1;
    }
    eprintln!("{done} steps, seeds {first} to {}", seed - 1);
}

#[test]
fn a_seed_says_the_same_twice() {
    let (mut one, mut two) = (World::new(7, Rules::all()), World::new(7, Rules::all()));
    one.run(SECONDS);
    two.run(SECONDS);
    assert_eq!((one.steps, one.truth.len(), one.rng.0), (two.steps, two.truth.len(), two.rng.0));
}

/// For each rule a seed in which leaving it out does harm. The others of [`Rules`] take faults that meet too seldom for a test of seconds.
#[test]
fn a_rule_that_is_left_out_is_noticed() {
    let without: [LeftOut; 5] = [
        ("again_chills", 24, |rules| rules.again_chills = false),
        ("final_replaces_draft", 34, |rules| rules.final_replaces_draft = false),
        ("sweeper_corrects", 28, |rules| rules.sweeper_corrects = false),
        ("recorded_says_which", 1001, |rules| rules.recorded_says_which = false),
        ("recorded_keeps_open", 181, |rules| rules.recorded_keeps_open = false),
    ];
    for (name, seed, leave_out) in without {
        let mut rules = Rules::all();
        leave_out(&mut rules);
        let (_, wrong) = run(seed, rules, money);
        assert!(!wrong.is_empty(), "nobody notices that {name} is left out with seed {seed}");
    }
}
