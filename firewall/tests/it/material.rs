//! Texts to try the engine with: the samples of every row, prose, ideographs, escapes, and what cuts them apart.

use std::sync::Arc;

use fluxa_domain::firewall::{Action, Direction, MaskStyle, PolicyRecord, Treatment};
use fluxa_domain::time::Micros;
use fluxa_firewall::{CallFirewall, Plan, Ruleset, builtin};
use proptest::prelude::*;

/// What stands between samples.
const BETWEEN: [&str; 40] = [
    " ",
    "\n",
    ", ",
    ". ",
    "。",
    "，",
    "\"",
    "\\",
    "\\\\",
    "\\n",
    "\\\"",
    "\\u0041",
    "\\u00",
    "\\ud83d\\ude00",
    "{\"a\":\"",
    "\",\"b\":",
    "}",
    "[1,2,",
    "\u{200b}",
    "\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}",
    "１３８",
    "\u{1b}[93m",
    "\\u001b[31m",
    "<EMAIL_1>",
    "@",
    "4",
    "-",
    "=",
    "a",
    "the quick brown fox",
    "请把这封信寄给",
    "password=",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "eyJ",
    "sk-",
    "1 2 3 4",
    "😀",
    "\t",
    "/",
];

/// A text of samples and what stands between them.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let samples: Vec<&'static str> = builtin::rules().flat_map(|rule| rule.yes.iter().chain(rule.no).copied()).collect();
    let piece = prop_oneof![
        3 => proptest::sample::select(samples.clone()).prop_map(str::to_owned),
        2 => (proptest::sample::select(samples), any::<prop::sample::Index>()).prop_map(|(sample, at)| {
            let places: Vec<usize> = sample.char_indices().map(|(at, _)| at).collect();
            sample[places[at.index(places.len())]..].to_owned()
        }),
        5 => proptest::sample::select(BETWEEN.to_vec()).prop_map(str::to_owned),
        1 => (20_usize..400).prop_map(|count| "Ab3_".chars().cycle().take(count).collect()),
        1 => (5_usize..60).prop_map(|count| "0123456789".chars().cycle().take(count).collect()),
        1 => "[ -~]{1,12}",
        1 => "\\PC{1,6}",
    ];
    proptest::collection::vec(piece, 1..10).prop_map(|pieces| pieces.concat())
}

/// Where a text is cut.
pub(crate) fn cuts(text: &str, seed: u64) -> Vec<&str> {
    let mut state = seed | 1;
    let (mut pieces, mut from) = (Vec::new(), 0);
    let most = 1 + seed % 13;
    let mut left = 0;
    for (at, _) in text.char_indices() {
        if left == 0 && at > from {
            pieces.push(&text[from..at]);
            from = at;
        }
        if left == 0 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            left = 1 + (state >> 33) % most;
        }
        left -= 1;
    }
    pieces.push(&text[from..]);
    pieces
}

/// A policy that does the same about everything.
pub(crate) fn everything(action: Action, style: MaskStyle) -> PolicyRecord {
    let treatment = Treatment { action, style, ..Treatment::default() };
    PolicyRecord {
        name: "all".to_owned(),
        note: String::new(),
        direction: Direction::Both,
        actions: builtin::rules().map(|rule| (rule.id.to_owned(), treatment)).collect(),
        default: action,
        observe_only: false,
        created_at: Micros(0),
        updated_at: Micros(0),
    }
}

/// A policy that treats each rule in its own way.
pub(crate) fn mixed(seed: u64) -> PolicyRecord {
    let actions = [Action::Mask, Action::Alert, Action::Observe, Action::Off, Action::Mask, Action::Pseudonym];
    let styles = [MaskStyle::Label, MaskStyle::Last4, MaskStyle::Hash];
    let mut policy = everything(Action::Mask, MaskStyle::Label);
    for (at, treatment) in policy.actions.values_mut().enumerate() {
        let pick = seed.wrapping_mul(31).wrapping_add(at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        treatment.action = actions[pick as usize % actions.len()];
        treatment.style = styles[pick as usize / 7 % styles.len()];
    }
    policy
}

/// A call under a policy.
pub(crate) fn call(policy: &PolicyRecord) -> CallFirewall {
    let ruleset = Ruleset::built_in();
    let plan = |way| Plan::of(&ruleset, &[policy], way).map(Arc::new);
    CallFirewall::new(Arc::clone(&ruleset), plan(Direction::Request), plan(Direction::Response), [7; 32])
}
