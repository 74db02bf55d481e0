use fluxa_domain::time::Micros;
use fluxa_store::journal::Journal;

use super::*;

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
fn when_too_many_rows_wait_calls_are_refused_and_refusals_leave_none() {
    let queue = Arc::new(Queue::default());
    let desk = Desk::new(Journal::none().writer().unwrap(), Arc::clone(&queue));
    desk.finish(Finished::new(entry(1)), false, false);
    desk.pass_on();
    assert_eq!((queue.waiting(), queue.accepts()), (1, true));
    queue.waiting.store(MAX_WAITING_ROWS, Ordering::Release);
    desk.finish(Finished::new(entry(2)), false, false);
    desk.finish(Finished::new(entry(3)), true, true);
    desk.pass_on();
    assert!(!queue.accepts());
    let rows = queue.take();
    assert_eq!(rows.finished.iter().map(|row| row.entry.id).collect::<Vec<_>>(), [entry(1).id, entry(3).id]);
    assert_eq!(rows.loose, [true, false]);
    assert_eq!(queue.dropped.load(Ordering::Relaxed), 1);
}
