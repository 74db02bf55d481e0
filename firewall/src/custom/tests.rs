//! What the operator's own rules find, and which of them are refused.

use std::time::Instant;

use fluxa_domain::firewall::{Action, Direction, Keywords, MaskStyle, PolicyRecord, RuleMode, Treatment};
use fluxa_domain::time::Micros;

use super::*;
use crate::{CallFirewall, Inspected, Plan};

fn rule(name: &str, find: Find) -> RuleRecord {
    RuleRecord {
        name: name.to_owned(),
        note: String::new(),
        find,
        packs: Vec::new(),
        allow: Vec::new(),
        min_entropy_centibits: 0,
        action: Action::Mask,
        mode: RuleMode::Enforce,
        yes: Vec::new(),
        no: Vec::new(),
        created_at: Micros(0),
        updated_at: Micros(0),
    }
}

fn pattern(pattern: &str) -> RuleRecord {
    rule("own", Find::Pattern(pattern.to_owned()))
}

fn words(words: &[&str], case_sensitive: bool, whole_word: bool) -> RuleRecord {
    rule("own", Find::Keywords(Keywords { words: words.iter().map(|word| (*word).to_owned()).collect(), case_sensitive, whole_word }))
}

/// What the one rule finds.
fn found<'t>(record: &RuleRecord, text: &'t str) -> Vec<&'t str> {
    let ruleset = Ruleset::with(std::slice::from_ref(record)).unwrap();
    let mut findings = Vec::new();
    ruleset.find_one(&record.name, text, Form::Plain, &mut findings);
    findings.iter().map(|finding| &text[finding.start..finding.end]).collect()
}

fn refused(record: &RuleRecord) -> RuleFault {
    Ruleset::with(std::slice::from_ref(record)).map(drop).unwrap_err()
}

#[test]
fn patterns_find_what_they_say_in_any_script() {
    for (text, said, expect) in [
        ("see PRJ-1234 and prj-99", "PRJ-[0-9]{4}", &["PRJ-1234"][..]),
        ("see PRJ-1234 and prj-9999", "(?i)prj-[0-9]{4}", &["PRJ-1234", "prj-9999"]),
        ("see PRJ-1234", "PRJ-(?P<value>[0-9]{4})", &["1234"]),
        ("see PRJ-1234", "PRJ-(?<value>[0-9]{4})", &["1234"]),
        ("工号1234567张三", r"\b\d{7}\b", &["1234567"]),
        ("工号1234567张三", r"工号\d{7}", &["工号1234567"]),
        ("工号1234567x", r"\b\d{7}\b", &[]),
        ("项目甲乙丙丁结束", r"项目.{2}", &["项目甲乙"]),
        ("code:甲,乙", "code:[^,]+", &["code:甲"]),
        ("(甲号)", r"\([一-龥]{1,4}\)", &["(甲号)"]),
        ("代号 甲乙x", r"\b代号 [一-龥]{2}", &[]),
        ("x代号 甲乙", r"\B代号 [一-龥]{2}", &[]),
        ("id x 12", r"id\s\w\s\d\d$", &["id x 12"]),
        ("a\nid 7\nb", r"(?m)^id \d$", &["id 7"]),
        ("id 7\nid 8", r"\Aid \d", &["id 7"]),
        ("ＰＲＪ－１２３４", "PRJ-[0-9]{4}", &["ＰＲＪ－１２３４"]),
        ("PRJ\u{200b}-12\u{200b}34", "PRJ-[0-9]{4}", &["PRJ\u{200b}-12\u{200b}34"]),
        ("aaa", "a", &["a", "a", "a"]),
    ] {
        assert_eq!(found(&pattern(said), text), expect, "{said} in {text}");
    }
}

#[test]
fn repetitions_without_an_end_have_one() {
    let text = format!("key:{}", "x".repeat(1000));
    for said in ["key:x+", "key:x*", "key:x{3,}", "key:(?:xx?)+", "key:x{3,900}"] {
        let found = found(&pattern(said), &text);
        assert_eq!(found.iter().map(|value| value.len()).collect::<Vec<_>>(), [MATCH_BYTES], "{said}");
    }
}

#[test]
fn patterns_that_cannot_be_used_are_refused_with_the_reason() {
    for (said, why) in [
        ("x*", "may match the empty text"),
        ("(?:)", "may match the empty text"),
        (r"\b", "may match the empty text"),
        ("a|", "may match the empty text"),
        ("[a&&b]", "no text at all"),
        ("a(?=b)", "look-around"),
        ("(?<!a)b", "look-around"),
        (r"(a)\1", "backreferences are not supported"),
        ("a(", "unclosed group, at byte 1"),
        (r"\p{Nonsense}", "property not found"),
        ("x{300}", "longer than 256 bytes"),
        ("X(?P<value>[0-9]*)Y", "group `value` that may be empty"),
        ("(?mR)a$", "flag R"),
        (r"(?:[一-龥]{200}){200}a|b", "too large"),
        (&format!("{}a{}", "(".repeat(100), ")".repeat(100)), "nest"),
    ] {
        let fault = refused(&pattern(said));
        assert_eq!((fault.rule.as_str(), fault.field.as_str()), ("own", "pattern"), "{said}");
        assert!(fault.what.contains(why) && !fault.what.contains('\n'), "{said}: {}", fault.what);
    }
    assert!(refused(&pattern(&"x".repeat(PATTERN_BYTES + 1))).what.contains("longer than"));
}

#[test]
fn words_are_found_as_they_are_meant() {
    for (text, said, case_sensitive, whole_word, expect) in [
        ("Apollo and APOLLO", &["apollo"][..], false, false, &["Apollo", "APOLLO"][..]),
        ("Apollo and apollo", &["apollo"], true, false, &["apollo"]),
        ("apollo13 apollos apollo", &["apollo"], false, true, &["apollo"]),
        ("apollo13", &["apollo"], false, false, &["apollo"]),
        ("启动阿波罗计划吧", &["阿波罗计划"], false, true, &["阿波罗计划"]),
        ("启动apollo计划", &["apollo"], false, true, &["apollo"]),
        ("ａｐｏｌｌｏ", &["apollo"], false, true, &["ａｐｏｌｌｏ"]),
        ("apollo", &["ａｐｏｌｌｏ"], false, true, &["apollo"]),
        ("apo\u{200b}llo", &["apollo"], false, false, &["apo\u{200b}llo"]),
        ("MÜLLER müller Müller", &["Müller"], false, true, &["MÜLLER", "müller", "Müller"]),
        ("C++ or .NET", &["C++", ".net"], false, true, &["C++", ".NET"]),
    ] {
        assert_eq!(found(&words(said, case_sensitive, whole_word), text), expect, "{said:?} in {text}");
    }
    let nested = found(&words(&["blue", "blue moon", "moon base"], false, true), "the blue moon base");
    assert_eq!(nested, ["blue moon", "moon base"], "the longest at each place");
}

#[test]
fn word_lists_that_cannot_be_used_are_refused() {
    for (said, why) in [(&[][..], "must be 1 to"), (&["a", " "], "word 1"), (&["a".repeat(257).as_str()], "word 0")] {
        let fault = refused(&words(said, false, false));
        assert!(fault.field == "keywords" && fault.what.contains(why), "{fault:?}");
    }
}

#[test]
fn allowed_values_and_those_of_little_entropy_are_let_through() {
    let mut record = pattern("PRJ-(?P<value>[0-9]{4})");
    record.allow = vec!["0000".to_owned()];
    assert_eq!(found(&record, "PRJ-0000 PRJ-1234"), ["1234"]);
    let mut record = pattern("token [a-z0-9]{16}");
    record.min_entropy_centibits = 350;
    assert_eq!(found(&record, "token aaaaaaaaaaaaaaaa, token 8f3k1q0zx7c5v2n9"), ["token 8f3k1q0zx7c5v2n9"]);
    let mut record = words(&["apollo", "gemini"], false, true);
    record.allow = vec!["Apollo".to_owned()];
    assert_eq!(found(&record, "Apollo apollo"), ["apollo"], "as they are");
}

#[test]
fn samples_are_tried_and_the_first_that_does_not_fit_is_named() {
    let sampled = |yes: &[&str], no: &[&str]| RuleRecord {
        yes: yes.iter().map(|text| (*text).to_owned()).collect(),
        no: no.iter().map(|text| (*text).to_owned()).collect(),
        ..pattern("PRJ-[0-9]{4}")
    };
    for (yes, no, field) in
        [(&["PRJ-1"][..], &[][..], "yes[0]"), (&["PRJ-1234", "PRJ-1"], &[], "yes[1]"), (&["PRJ-1234"], &["PRJ-1", "PRJ-1234"], "no[1]")]
    {
        let fault = refused(&sampled(yes, no));
        assert_eq!((fault.rule.as_str(), fault.field.as_str()), ("own", field));
    }
    assert!(Ruleset::with(&[sampled(&["PRJ-1234"], &["PRJ-12"])]).is_ok());
    assert_eq!(refused(&rule("email", Find::Pattern("x".to_owned()))).field, "name");
    assert_eq!(Ruleset::with(&[pattern("a"), pattern("b")]).map(drop).unwrap_err().field, "name");
}

fn policy(actions: &[(&str, Action)]) -> PolicyRecord {
    let treatment = |action| Treatment { action, ..Treatment::default() };
    PolicyRecord {
        name: "p".to_owned(),
        note: String::new(),
        direction: Direction::Both,
        actions: actions.iter().map(|(name, action)| ((*name).to_owned(), treatment(*action))).collect(),
        default: Action::Off,
        observe_only: false,
        created_at: Micros(0),
        updated_at: Micros(0),
    }
}

fn call(records: &[RuleRecord], policy: &PolicyRecord) -> CallFirewall {
    call_of(&Ruleset::with(records).unwrap(), policy)
}

fn call_of(ruleset: &std::sync::Arc<Ruleset>, policy: &PolicyRecord) -> CallFirewall {
    let plan = |way| Plan::of(ruleset, &[policy], way).map(std::sync::Arc::new);
    let (request, response) = (plan(Direction::Request), plan(Direction::Response));
    CallFirewall::new(std::sync::Arc::clone(ruleset), request, response, [7; 32])
}

#[test]
fn modes_and_packs_decide_what_a_policy_does() {
    let with = |mode, pack: &str| RuleRecord {
        mode,
        packs: vec![pack.to_owned()],
        ..rule("project_code", Find::Pattern("PRJ-[0-9]{4}".to_owned()))
    };
    for (mode, named, expect, hits) in [
        (RuleMode::Enforce, "project_code", "[PROJECT_CODE]", &["mask"][..]),
        (RuleMode::Enforce, "projects", "[PROJECT_CODE]", &["mask"]),
        (RuleMode::Enforce, "custom", "[PROJECT_CODE]", &["mask"]),
        (RuleMode::Enforce, "pii", "PRJ-1234", &[]),
        (RuleMode::Observe, "custom", "PRJ-1234", &["would_mask"]),
        (RuleMode::Off, "custom", "PRJ-1234", &[]),
    ] {
        let mut call = call(&[with(mode, "projects")], &policy(&[(named, Action::Mask)]));
        let becomes = match call.request("PRJ-1234", Form::Plain) {
            Inspected::Same => "PRJ-1234".to_owned(),
            Inspected::Edited(text) => text,
            Inspected::Blocked => "blocked".to_owned(),
        };
        assert_eq!(becomes, expect, "{mode:?} {named}");
        assert_eq!(call.hits().iter().map(|hit| hit.action.as_str()).collect::<Vec<_>>(), hits, "{mode:?} {named}");
    }
}

#[test]
fn whatever_of_a_rule_changes_makes_other_rules() {
    let base = words(&["apollo", "gemini"], false, false);
    let others = [
        words(&["apollo"], false, false),
        words(&["apollo", "gemini"], true, false),
        words(&["apollo", "gemini"], false, true),
        RuleRecord { allow: vec!["apollo".to_owned()], ..base.clone() },
        RuleRecord { min_entropy_centibits: 100, ..base.clone() },
        RuleRecord { mode: RuleMode::Observe, ..base.clone() },
    ];
    let print = |record: &RuleRecord| Ruleset::with(std::slice::from_ref(record)).unwrap().fingerprint();
    let mut prints: Vec<u64> = others.iter().chain([&base]).map(print).collect();
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), others.len() + 1);
    assert_eq!(print(&base), print(&base.clone()));
}

#[test]
fn rules_of_ones_own_do_the_same_however_a_text_is_cut() {
    let records = [
        RuleRecord { name: "code".to_owned(), ..pattern(r"\bPRJ-[0-9]{4,6}\b") },
        RuleRecord { name: "anywhere".to_owned(), ..pattern("[0-9]{3}-?[a-c]+") },
        RuleRecord { name: "line".to_owned(), ..pattern("(?m)^id: .{1,9}$") },
        RuleRecord { name: "start".to_owned(), ..pattern(r"\Aid") },
        RuleRecord { name: "named".to_owned(), ..pattern("名为(?P<value>[一-龥]{2,3})的") },
        RuleRecord { name: "whole".to_owned(), ..words(&["apollo", "apollo 13", "阿波罗", "lo"], false, true) },
        RuleRecord { name: "within".to_owned(), ..words(&["gem", "Gemini", "双子座"], false, false) },
    ];
    let policy = policy(&[("custom", Action::Mask)]);
    let pieces = [
        "PRJ-1234",
        "PRJ-12345678",
        "xPRJ-1234",
        "apollo",
        "apollo 13",
        "apollo 1",
        "APOLLO",
        "阿波罗",
        "gemini",
        "ge",
        "双子座",
        "名为张三丰的",
        "名为",
        "id: 甲乙",
        "id: x",
        "\n",
        " ",
        "123-abc",
        "123",
        "ａｐｏｌｌｏ",
        "\u{200b}",
        "-",
        "lo",
        "的",
        "1234",
    ];
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let ruleset = Ruleset::with(&records).unwrap();
    let mut masked = 0;
    for _ in 0..400 {
        let text: String = (0..1 + next(24)).map(|_| pieces[next(pieces.len())]).collect();
        let mut whole = call_of(&ruleset, &policy);
        let expect = match whole.response(&text, Form::Plain) {
            Inspected::Edited(text) => text,
            _ => text.clone(),
        };
        masked += usize::from(expect != text);
        let (mut cut, mut out) = (call_of(&ruleset, &policy), String::new());
        let mut channel = cut.channel(Form::Plain);
        let (mut at, most) = (0, 1 + next(9));
        while at < text.len() {
            let mut end = (at + 1 + next(most)).min(text.len());
            while !text.is_char_boundary(end) {
                end += 1;
            }
            channel.push(&mut cut, &text[at..end], &mut out).unwrap();
            at = end;
        }
        channel.finish(&mut cut, &mut out).unwrap();
        assert_eq!(out, expect, "{text:?}");
        assert_eq!(cut.hits(), whole.hits(), "{text:?}");
    }
    assert!(masked > 200, "{masked}");
}

#[test]
fn stand_ins_of_ones_own_rules_come_back() {
    let mut call = call(&[rule("project_code", Find::Pattern("PRJ-[0-9]{4}".to_owned()))], &policy(&[("custom", Action::Pseudonym)]));
    assert_eq!(call.request("PRJ-1234, PRJ-9999", Form::Plain), Inspected::Edited("<PROJECT_CODE_1>, <PROJECT_CODE_2>".to_owned()));
    assert_eq!(call.response("about <PROJECT_CODE_2>", Form::Plain), Inspected::Edited("about PRJ-9999".to_owned()));
}

#[test]
fn a_hundred_thousand_words_are_made_ready_and_found_in_reasonable_time() {
    let all: Vec<String> =
        (0..KEYWORDS).map(|n| format!("{}-{:05}", ["orion", "天狼星", "Zürich", "kappa"][n % 4], n * 7919 % 100_000)).collect();
    let record = rule("own", Find::Keywords(Keywords { words: all.clone(), case_sensitive: false, whole_word: true }));
    let began = Instant::now();
    let ruleset = Ruleset::with(std::slice::from_ref(&record)).unwrap();
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    for word in [&all[0], &all[1], &all[2], &all[99_999]] {
        let mut findings = Vec::new();
        ruleset.find_one("own", &format!("before {word} behind"), Form::Plain, &mut findings);
        assert_eq!(findings.len(), 1, "{word}");
    }
}

#[test]
fn masks_of_ones_own_rules_are_styled() {
    let mut policy = policy(&[("own", Action::Mask)]);
    policy.actions.values_mut().for_each(|treatment| treatment.style = MaskStyle::Last4);
    let mut call = call(&[pattern("PRJ-[0-9]{8}")], &policy);
    assert_eq!(call.request("PRJ-12345678", Form::Plain), Inspected::Edited("***-****5678".to_owned()));
}
