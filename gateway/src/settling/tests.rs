use fluxa_domain::time::Micros;

use super::*;

fn settlement(n: u64) -> Arc<Settlement> {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    Arc::new(Settlement {
        id: CallId::new(Micros(1), random),
        at: Micros(1),
        organization: "acme".into(),
        scopes: Vec::new(),
        nanos: 1,
        tokens: 1,
        rate_tokens: 1,
        row: Some(String::from("{}")),
    })
}

#[test]
fn a_settle_is_pending_from_its_start_to_its_answer() {
    let settling = Settling::default();
    let one = settlement(1);
    assert!(!settling.is_pending(one.id));
    settling.expect(&one);
    assert!(settling.is_pending(one.id));
    settling.settle_again(&one);
    assert!(settling.is_pending(one.id));
    assert_eq!(settling.forgettable(vec![one.id, settlement(2).id]), [settlement(2).id], "the journal keeps what is not answered");
    assert!(settling.answered(&one) && !settling.answered(&one));
    assert!(!settling.is_pending(one.id) && settling.pending() == 0);
    assert_eq!(settling.forgettable(vec![one.id]), [one.id]);
}

#[test]
fn what_waits_is_bounded_and_what_finds_no_room_is_read_anew() {
    let settling = Settling::default();
    let all: Vec<_> = (0..MAX_SETTLES as u64 + 3).map(settlement).collect();
    for one in &all {
        settling.expect(one);
        settling.settle_again(one);
    }
    let state = settling.lock();
    assert_eq!((state.open.len(), state.waiting.len()), (MAX_SETTLES, MAX_SETTLES));
    assert_eq!(state.open.values().filter(|one| one.row.is_some()).count(), MAX_ROWS);
    assert_eq!(state.overflown.keys().map(|name| &**name).collect::<Vec<_>>(), ["acme"]);
}

#[test]
fn releases_are_given_up_when_they_have_expired() {
    let settling = Settling::default();
    let release = |n, until| GiveBack { id: settlement(n).id, organization: "acme".into(), until };
    settling.release_again(release(1, Instant::now()));
    settling.release_again(release(2, Instant::now() + Duration::from_secs(60)));
    let state = settling.lock();
    assert_eq!(state.releases.iter().map(|release| release.id).collect::<Vec<_>>(), [settlement(2).id]);
}

#[test]
fn what_was_settled_and_is_not_recorded_is_told_again_to_counters_that_were_emptied() {
    let settling = Settling::default();
    let (one, two) = (settlement(1), settlement(2));
    for settlement in [&one, &two] {
        settling.expect(settlement);
        settling.answered(settlement);
    }
    settling.recorded(&[Recorded { id: one.id, organization: "acme".into(), draft: false }]);
    settling.tell_again();
    assert!(!settling.is_pending(one.id) && settling.is_pending(two.id));
    assert_eq!(settling.lock().waiting, [two.id]);
}
