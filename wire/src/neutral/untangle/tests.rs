use super::*;

fn begin(call: u32) -> Event {
    Event::CallBegin { choice: 0, call, id: format!("c{call}"), name: String::from("f"), signature: None }
}

fn args(call: u32, fragment: &str) -> Event {
    Event::CallArguments { choice: 0, call, fragment: fragment.to_owned() }
}

const fn end(call: u32) -> Event {
    Event::CallEnd { choice: 0, call }
}

fn text(text: &str) -> Event {
    Event::Text { choice: 0, text: text.to_owned() }
}

const fn stop(reason: Stop) -> Event {
    Event::Stop { choice: 0, reason, sequence: None }
}

fn check(overlaps: bool, events: &[Event], expect: &[Event]) {
    let mut untangle = Untangle::new(overlaps);
    let mut out = Vec::new();
    for event in events {
        untangle.push(event.clone(), &mut out);
    }
    assert_eq!(out, expect);
}

#[test]
fn calls_one_after_the_other_are_passed_on_as_they_come() {
    check(
        false,
        &[begin(0), args(0, "{\"a\""), args(0, ":1}"), begin(1), args(1, "{}"), stop(Stop::Done), Event::End],
        &[begin(0), args(0, "{\"a\""), args(0, ":1}"), end(0), begin(1), args(1, "{}"), end(1), stop(Stop::Tools), Event::End],
    );
}

#[test]
fn interleaved_calls_wait_for_each_other() {
    let tangled = [begin(0), begin(1), args(0, "{\"a\":\"}"), args(1, "{\"b\":"), args(0, "\"}"), args(1, "2}"), stop(Stop::Tools)];
    check(
        false,
        &tangled,
        &[begin(0), args(0, "{\"a\":\"}"), args(0, "\"}"), end(0), begin(1), args(1, "{\"b\":"), args(1, "2}"), end(1), stop(Stop::Tools)],
    );
    let mut overlapping = tangled.to_vec();
    overlapping.splice(6..6, [end(0), end(1)]);
    check(true, &tangled, &overlapping);
}

#[test]
fn calls_without_arguments_get_an_empty_object_unless_they_were_cut() {
    for overlaps in [false, true] {
        check(overlaps, &[begin(0), stop(Stop::Tools)], &[begin(0), args(0, "{}"), end(0), stop(Stop::Tools)]);
        check(overlaps, &[begin(0), end(0), stop(Stop::Done)], &[begin(0), args(0, "{}"), end(0), stop(Stop::Tools)]);
        check(overlaps, &[begin(0), stop(Stop::Length)], &[begin(0), end(0), stop(Stop::Length)]);
    }
}

#[test]
fn words_between_calls_wait_only_for_an_open_call() {
    check(
        false,
        &[text("a"), begin(0), args(0, "{}"), text("b"), begin(1), text("c"), args(1, "{}"), end(1), stop(Stop::Done)],
        &[text("a"), begin(0), args(0, "{}"), end(0), text("b"), begin(1), args(1, "{}"), end(1), text("c"), stop(Stop::Tools)],
    );
}

#[test]
fn there_is_one_stop_and_tools_mean_calls() {
    check(false, &[text("a"), stop(Stop::Tools), stop(Stop::Tools), Event::End], &[text("a"), stop(Stop::Done), Event::End]);
    check(false, &[begin(0), args(0, "{"), Event::End], &[begin(0), args(0, "{"), end(0), Event::End]);
}

proptest::proptest! {
    /// Whatever the order of fragments, each call comes out whole, in the order of beginnings, one at a time.
    #[test]
    fn any_interleaving_comes_out_in_order(order in proptest::collection::vec(0_u32..4, 0..40)) {
        let texts = ["{\"a\":[1,2]}", "{\"b\":\"}{\"}", "{}", "{\"c\":{\"d\":null}}"];
        let mut at = [0_usize; 4];
        let mut events: Vec<Event> = (0..4).map(begin).collect();
        let all = order.into_iter().chain((0..4).flat_map(|call| std::iter::repeat_n(call, 20)));
        for call in all {
            let index = call as usize;
            if let Some(c) = texts[index].chars().nth(at[index]) {
                at[index] += 1;
                events.push(args(call, &c.to_string()));
            }
        }
        events.push(stop(Stop::Tools));
        let mut untangle = Untangle::new(false);
        let mut out = Vec::new();
        for event in events {
            untangle.push(event, &mut out);
        }
        let (mut open, mut whole) = (None, Vec::new());
        for event in out {
            match event {
                Event::CallBegin { call, .. } => {
                    proptest::prop_assert_eq!(open, None);
                    open = Some(call);
                    whole.push(String::new());
                }
                Event::CallArguments { call, fragment, .. } => {
                    proptest::prop_assert_eq!(open, Some(call));
                    whole.last_mut().unwrap().push_str(&fragment);
                }
                Event::CallEnd { call, .. } => {
                    proptest::prop_assert_eq!(open, Some(call));
                    open = None;
                }
                _ => {}
            }
        }
        proptest::prop_assert_eq!(whole, texts);
    }
}

/// Nobody can tell where free text ends before its call does.
#[test]
fn free_text_of_a_call_is_not_cut_by_the_next_call() {
    check(
        false,
        &[begin(0), args(0, "*** Begin"), begin(1), args(1, "{}"), args(0, " Patch"), stop(Stop::Tools)],
        &[begin(0), args(0, "*** Begin"), args(0, " Patch"), end(0), begin(1), args(1, "{}"), end(1), stop(Stop::Tools)],
    );
}
