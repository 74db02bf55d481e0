use fluxa_domain::time::Micros;
use fluxa_store::journal::Journal;

use super::*;
use crate::running::tests as stand;

fn entry(n: u8) -> Entry {
    Entry::new(CallId::new(Micros(i64::from(n) * 1_000), [n; 10]), Micros(1))
}

fn rows(count: u8) -> Vec<Finished> {
    (0..count).map(|n| Finished::new(entry(n))).collect()
}

/// Writes a batch to a store that refuses some rows for ever; returns what was written, what was buried, and how often it was asked.
fn write(count: u8, bad: &[u8]) -> (Vec<CallId>, Vec<CallId>, u32) {
    let (rows, loose) = (rows(count), vec![false; usize::from(count)]);
    let bad: Vec<CallId> = bad.iter().map(|&n| entry(n).id).collect();
    let mut pieces = Pieces { waiting: vec![Piece { rows: &rows, loose: &loose }], blamed: 0 };
    let (mut written, mut buried, mut asked) = (Vec::new(), Vec::new(), 0);
    while let Some(piece) = pieces.waiting.pop() {
        assert_eq!(piece.rows.len(), piece.loose.len());
        asked += 1;
        let ids = piece.rows.iter().map(|row| row.entry.id);
        if !ids.clone().any(|id| bad.contains(&id)) {
            written.extend(ids);
            continue;
        }
        match pieces.refused(piece, true) {
            Next::Wait => pieces.waiting.push(piece),
            Next::Halves => {}
            Next::Bury(row) => buried.push(row.entry.id),
        }
    }
    (written, buried, asked)
}

#[test]
fn a_row_that_is_refused_for_ever_does_not_stop_the_others() {
    for bad in [&[][..], &[0], &[99], &[3, 4, 50], &[7; 1]] {
        let (written, buried, asked) = write(100, bad);
        let expect: Vec<CallId> = (0..100).filter(|n| !bad.contains(n)).map(|n| entry(n).id).collect();
        assert_eq!(written, expect, "{bad:?}");
        assert_eq!(buried, bad.iter().map(|&n| entry(n).id).collect::<Vec<_>>());
        assert!(asked < 60, "{asked}");
    }
    assert_eq!(write(1, &[0]).1.len(), 1);
}

#[test]
fn rows_wait_for_a_store_that_is_away_however_long() {
    let (rows, loose) = (rows(2), [false; 2]);
    let piece = Piece { rows: &rows, loose: &loose };
    let mut pieces = Pieces { waiting: Vec::new(), blamed: BLAMED_TIMES };
    for _ in 0..100 {
        assert!(matches!(pieces.refused(piece, false), Next::Wait));
    }
    assert!(pieces.waiting.is_empty());
}

#[test]
fn without_a_journal_too_many_waiting_rows_refuse_calls_and_refusals_leave_none() {
    let queue = Arc::new(Queue::new(Arc::new(Journal::none()), 1));
    let desk = Desk::new(Journal::none().writer().unwrap(), Arc::clone(&queue));
    desk.finish(Finished::new(entry(1)), false, false);
    desk.pass_on();
    assert_eq!((queue.waiting(), queue.accepts()), (1, true));
    queue.pretend_held(100_000);
    desk.finish(Finished::new(entry(2)), false, false);
    desk.finish(Finished::new(entry(3)), true, true);
    desk.pass_on();
    assert!(!queue.accepts());
    let rows = queue.take();
    assert_eq!(rows.finished.iter().map(|row| row.entry.id).collect::<Vec<_>>(), [entry(1).id, entry(3).id]);
    assert_eq!(rows.loose, [true, false]);
    assert_eq!(queue.take_dropped(), 1);
}

/// Ten minutes at 300 calls a second would be 180,000 rows; the bound shows with fewer.
#[tokio::test]
async fn rows_beyond_what_memory_may_hold_wait_in_the_journal_and_are_all_written_once() {
    const CALLS: u32 = 30_000;
    let folder = tempfile::tempdir().unwrap();
    let gateway = stand::gateway(
        Arc::new(fluxa_store::shared::MemoryCounters::new()),
        fluxa_store::Store::in_memory().await.unwrap(),
        Journal::open_sized(folder.path(), 256 * 1_024).unwrap(),
    )
    .await;
    let desk = Desk::new(gateway.journal().writer().unwrap(), Arc::clone(&gateway.queue));
    for n in 0..CALLS {
        // Every tenth is one that was refused: never begun, and yet not lost.
        desk.finish(Finished::new(stand::entry(n)), n % 10 != 0, n % 10 != 0);
        if n % 64 == 0 {
            desk.pass_on();
        }
    }
    desk.pass_on();
    assert_eq!(gateway.queue.waiting(), u64::from(CALLS));
    let spooled = gateway.queue.spooled();
    assert!((u64::from(CALLS) - 20_100..=u64::from(CALLS) - 20_000).contains(&spooled), "{spooled}");
    let held = gateway.queue.take();
    assert_eq!(held.finished.len() as u64 + spooled, u64::from(CALLS));
    gateway.queue.done(held.finished.len(), false);
    gateway.queue.push(held);

    gateway.queue.close();
    run(Arc::clone(&gateway)).await;
    assert_eq!((gateway.queue.waiting(), gateway.queue.spooled(), gateway.journal().waiting()), (0, 0, 0));
    let spent = gateway.store.spent("key:K", Micros(0), None).await.unwrap();
    assert_eq!(spent.nanos, i64::from(CALLS) * 10);
    drop(desk);
    assert_eq!(gateway.journal().bytes(), 0, "all segments are gone");
}

#[tokio::test]
async fn a_full_spool_refuses_calls_until_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(Journal::open(folder.path()).unwrap());
    let queue = Arc::new(Queue::new(Arc::clone(&journal), 1_000));
    let desk = Desk::new(journal.writer().unwrap(), Arc::clone(&queue));
    for n in 0..10 {
        desk.finish(Finished::new(entry(n)), true, true);
    }
    desk.pass_on();
    queue.measure();
    assert!(queue.spool_bytes() > 1_000 && queue.accepts(), "nothing is wrong with the store");
    queue.failing.store(true, Ordering::Relaxed);
    assert!(!queue.accepts());
    desk.finish(Finished::new(entry(11)), false, false);
    desk.pass_on();
    assert_eq!((queue.waiting(), queue.take_dropped()), (10, 1));
    queue.failing.store(false, Ordering::Relaxed);
    assert!(queue.accepts());
}

#[tokio::test]
async fn when_the_store_is_away_at_the_end_every_row_is_found_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let store = fluxa_store::Store::in_memory().await.unwrap();
    let gateway = stand::gateway(Arc::new(fluxa_store::shared::MemoryCounters::new()), store, journal).await;
    let desk = Desk::new(gateway.journal().writer().unwrap(), Arc::clone(&gateway.queue));
    gateway.queue.pretend_held(19_999);
    for n in 0..50 {
        desk.finish(Finished::new(stand::entry(n)), true, true);
    }
    desk.pass_on();
    assert_eq!(gateway.queue.spooled(), 49);
    gateway.store.close().await;
    gateway.queue.close();
    run(Arc::clone(&gateway)).await;
    drop((desk, gateway));
    let left = Journal::open(folder.path()).unwrap().recover().unwrap();
    assert_eq!(left.entries.len(), 50);
}

#[tokio::test]
async fn shared_counters_are_told_five_seconds_after_the_append_and_again_until_they_hear() {
    let counters = Arc::new(stand::Noted::default());
    let store = fluxa_store::Store::in_memory().await.unwrap();
    let gateway = stand::gateway(counters.clone(), store, Journal::none()).await;
    tokio::time::pause();
    let told = || counters.recorded.lock().unwrap().len();
    let mut reporting = std::pin::pin!(due::run(Arc::clone(&gateway)));
    let mut wait = async |time: Duration| {
        tokio::select! {
            () = &mut reporting => {}
            () = tokio::time::sleep(time) => {}
        }
    };
    gateway.due.push((0..2_500).map(|n| of(&stand::entry(n))));
    wait(Duration::from_millis(4_900)).await;
    assert_eq!(told(), 0);
    counters.away.store(true, Ordering::Relaxed);
    wait(Duration::from_secs(2)).await;
    assert_eq!((told(), gateway.due.len()), (0, 2_500));
    counters.away.store(false, Ordering::Relaxed);
    wait(Duration::from_secs(1)).await;
    assert_eq!((told(), gateway.due.len()), (2_500, 0));
    gateway.due.push((0..200_010).map(|n| of(&stand::entry(n))));
    assert_eq!(gateway.due.len(), 200_000);
}

#[tokio::test]
async fn of_refused_calls_that_cost_nothing_shared_counters_are_not_told() {
    let counters = Arc::new(stand::Noted::default());
    let store = fluxa_store::Store::in_memory().await.unwrap();
    let gateway = stand::gateway(counters.clone(), store, Journal::none()).await;
    let rows = [Finished::new(stand::entry(1)), Finished::new(entry(2)), Finished::new(stand::entry(3))];
    assert!(commit(&gateway, &rows, &[false, true, true]).await);
    assert_eq!(gateway.due.len(), 2);
    assert!(counters.recorded.lock().unwrap().is_empty());
}
