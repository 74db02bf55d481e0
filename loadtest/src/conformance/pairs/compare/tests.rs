//! Translations that lose or change something are told; those that do not are accepted.

use super::*;

fn recorded() -> Said {
    let call = |id: &str, arguments: &str| Call { id: id.to_owned(), name: "f".to_owned(), arguments: arguments.to_owned() };
    Said {
        text: "hi".to_owned(),
        reasoning: "hm".to_owned(),
        calls: vec![call("a", "{\"x\": 1, \"y\": 2}"), call("b", "")],
        stop: Some(Stop::Done),
        finish: "stop".to_owned(),
        complete: true,
        ..Said::default()
    }
}

fn told(client: Client) -> Said {
    let finish = words(client, Stop::Tools)[0].to_owned();
    let mut said = Said { finish, usage: Some(Used { input: 9, cache_read: 3, output: 7, reasoning: 2 }), ..recorded() };
    said.calls[0].arguments = "{\"y\":2,\"x\":1}".to_owned();
    said.calls[1].arguments = "{}".to_owned();
    said
}

fn failures(client: Client, said: Said, change: impl Fn(&mut Said)) -> Vec<String> {
    let usage = Usage::Exactly(Used { input: 9, cache_read: 3, output: 7, reasoning: 2 });
    let expected = Expected { client, native: false, said, usage, tells_usage: true };
    let mut got = told(client);
    change(&mut got);
    let mut findings = Findings::default();
    judge(&expected, &got, "raw", &mut findings);
    findings.failures
}

#[test]
fn a_faithful_translation_is_accepted() {
    for client in Client::ALL {
        assert_eq!(failures(client, recorded(), |_| {}), Vec::<String>::new(), "{client}");
    }
}

#[test]
fn what_is_lost_or_changed_is_told() {
    type Change = fn(&mut Said);
    let changes: [(&str, Change); 9] = [
        ("another text", |said| said.text = "h".to_owned()),
        ("another reasoning", |said| said.reasoning.clear()),
        ("calls of", |said| said.calls.truncate(1)),
        ("the arguments of", |said| said.calls[0].arguments = "{\"x\":1}{\"y\":2}".to_owned()),
        ("share an id", |said| said.calls[1].id = "a".to_owned()),
        ("finish", |said| said.finish = "nonsense".to_owned()),
        ("usage", |said| said.usage = Some(Used::default())),
        ("usage", |said| said.usage = Some(Used { cache_read: 0, ..said.usage.unwrap() })),
        ("no usage", |said| said.usage = None),
    ];
    for client in Client::ALL {
        for (words, change) in &changes {
            let found = failures(client, recorded(), change);
            assert!(found.iter().any(|failure| failure.contains(words)), "{client}: {words:?} is not in {found:?}");
        }
    }
    let found = failures(Client::Chat, recorded(), |said| said.finish = "stop".to_owned());
    assert!(found.iter().any(|failure| failure.contains("finish")), "{found:?}");
}

#[test]
fn a_refusal_is_shown_where_each_dialect_can() {
    let refused = || Said { refusal: "no".to_owned(), stop: Some(Stop::Done), ..Said::default() };
    let empty = |said: &mut Said| {
        said.calls.clear();
        said.reasoning.clear();
        said.text.clear();
    };
    let as_text = |finish: &'static str| {
        move |said: &mut Said| {
            empty(said);
            said.text = "no".to_owned();
            said.finish = finish.to_owned();
        }
    };
    let as_refusal = |finish: &'static str| {
        move |said: &mut Said| {
            empty(said);
            said.refusal = "no".to_owned();
            said.finish = finish.to_owned();
        }
    };
    assert!(failures(Client::Messages, refused(), as_text("refusal")).is_empty());
    assert!(!failures(Client::Messages, refused(), as_text("end_turn")).is_empty());
    assert!(failures(Client::Chat, refused(), as_refusal("stop")).is_empty());
    assert!(
        !failures(Client::Chat, refused(), |said| {
            empty(said);
            said.finish = "stop".to_owned();
        })
        .is_empty()
    );
}

#[test]
fn what_the_vendor_ran_may_stand_between() {
    assert!(is_within("ab cd", "a<x>b c\nd"));
    assert!(!is_within("abd", "adb"));
    assert_eq!(squeezed(&["", "<think>a</think> b"]), squeezed(&["a", "b"]));
}
