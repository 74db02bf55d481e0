//! What a killed process may leave, and what is made of it.

use std::collections::{BTreeMap, BTreeSet};

use fluxa_domain::entry::{CostState, Entry};
use fluxa_domain::money::NanoUsd;
use fluxa_domain::time::Micros;
use fluxa_domain::usage::{Usage, UsageState};
use proptest::prelude::*;

use super::*;
use crate::records::ledger::Finished;

fn id(n: u8) -> CallId {
    CallId::new(Micros(1_700_000_000_000_000), [n; 10])
}

fn entry(n: u8) -> Entry {
    let tags = BTreeMap::from([(String::from("env"), format!("täg{n}"))]);
    let empty = BTreeMap::new();
    let begin = Begin {
        id: id(n),
        request_id: "req",
        at: Micros(1_700_000_000_000_000 + i64::from(n)),
        key_id: "abcdefgh",
        key_name: "team a",
        team: "t",
        organization: "",
        tags: if n.is_multiple_of(2) { &tags } else { &empty },
        model: "gpt-4o",
        provider: "openai",
        upstream_model: "gpt-4o-2024",
        dialect_in: "openai",
        dialect_out: "openai",
        op: "chat",
        stream: n.is_multiple_of(2),
        usage: Usage { input_uncached: u64::from(n), output: 1 << 40, ..Usage::default() },
        cost: NanoUsd(i64::from(n) * 1_000),
        cost_state: if n.is_multiple_of(3) { CostState::Unpriced } else { CostState::Estimated },
        price_version: "2026-11-22",
    };
    begin.abandoned()
}

fn finished(n: u8) -> Entry {
    Entry { abandoned: false, status: 200, error: String::new(), usage_state: UsageState::Reported, cost: NanoUsd(7), ..entry(n) }
}

fn files(folder: &Path) -> usize {
    segment::list(folder).unwrap().len()
}

/// What the next process finds.
fn recovered(folder: &Path) -> Recovered {
    Journal::open(folder).unwrap().recover().unwrap()
}

#[test]
fn a_row_that_is_put_aside_is_a_line_that_only_the_owner_reads_and_no_segment() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    for n in 0..2 {
        assert!(journal.bury(&Finished::new(finished(n))).unwrap());
    }
    let path = folder.path().join(DEAD_LETTERS);
    let lines = std::fs::read_to_string(&path).unwrap();
    let read: Vec<Entry> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read.iter().map(|entry| entry.id).collect::<Vec<_>>(), [id(0), id(1)]);
    assert_eq!(files(folder.path()), 0);
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    assert!(!Journal::none().bury(&Finished::new(finished(3))).unwrap());
}

#[test]
fn the_compact_form_is_read_as_it_was_written() {
    for n in 0..6 {
        let mut bytes = Vec::new();
        Begin::of(&entry(n)).encode(&mut bytes);
        assert_eq!(Begin::decode(&bytes), Some(entry(n)));
        // Without the (empty) organisation it is what was written before there were any.
        let former = bytes.len() - 4;
        assert_eq!(Begin::decode(&bytes[..former]), Some(entry(n)));
        for cut in (0..bytes.len()).filter(|cut| *cut != former) {
            assert_eq!(Begin::decode(&bytes[..cut]), None);
        }
    }
}

#[test]
fn a_killed_process_leaves_abandoned_rows_and_finished_ones() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let mut writer = journal.writer().unwrap();
    for n in 1..=4 {
        writer.admit(&Begin::of(&entry(n))).unwrap();
    }
    writer.end(&Finished::new(finished(2)));
    writer.void(id(3));
    writer.end(&Finished::new(finished(9)));
    writer.flush().unwrap();
    writer.end(&Finished::new(finished(4)));
    assert!(writer.pending_bytes() > 0, "not flushed, so lost with the process");
    std::mem::forget(writer);
    drop(journal);

    let next = Journal::open(folder.path()).unwrap();
    let left = next.recover().unwrap();
    assert_eq!(left.entries, vec![entry(1), finished(2), entry(4), finished(9)]);
    assert!(left.damaged.is_empty());
    assert_eq!(next.recover().unwrap().entries.len(), 4, "reading changes nothing");
    next.discard(left).unwrap();
    assert_eq!(files(folder.path()), 0);
    assert!(next.recover().unwrap().is_empty());
}

#[test]
fn two_processes_cannot_share_a_journal() {
    let folder = tempfile::tempdir().unwrap();
    let first = Journal::open(folder.path()).unwrap();
    assert!(matches!(Journal::open(folder.path()), Err(JournalError::InUse(_))));
    drop(first);
    Journal::open(folder.path()).unwrap();
}

#[test]
fn segments_go_when_nothing_waits_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open_sized(folder.path(), 600).unwrap();
    let mut writer = journal.writer().unwrap();
    writer.admit(&Begin::of(&entry(1))).unwrap();
    for n in 2..40 {
        writer.admit(&Begin::of(&entry(n))).unwrap();
        writer.end(&Finished::new(finished(n)));
        writer.flush().unwrap();
        journal.committed(&[id(n)]);
    }
    assert_eq!(journal.waiting(), 1);
    assert_eq!(files(folder.path()), 2, "the one that call 1 waits in, and the one that is written to");
    writer.end(&Finished::new(finished(1)));
    writer.flush().unwrap();
    journal.committed(&[id(1)]);
    assert_eq!((journal.waiting(), files(folder.path())), (0, 1));
    drop(writer);
    assert_eq!(files(folder.path()), 0, "a clean stop leaves nothing");
    journal.committed(&[]);
    assert!(lock(&journal.inner.as_ref().unwrap().books).is_empty());
}

#[test]
fn an_end_is_kept_until_it_is_committed_wherever_its_begin_was() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open_sized(folder.path(), 1).unwrap();
    let mut writer = journal.writer().unwrap();
    writer.admit(&Begin::of(&entry(1))).unwrap();
    writer.admit(&Begin::of(&entry(2))).unwrap();
    writer.end(&Finished::new(finished(1)));
    writer.flush().unwrap();
    journal.committed(&[id(2)]);
    drop((writer, journal));
    assert_eq!(recovered(folder.path()).entries, vec![finished(1)]);
}

#[test]
fn a_voided_call_stays_voided_whatever_segments_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open_sized(folder.path(), 600).unwrap();
    let mut writer = journal.writer().unwrap();
    writer.begin(&Begin::of(&entry(1)));
    writer.admit(&Begin::of(&entry(2))).unwrap();
    for n in 10..20 {
        writer.end(&Finished::new(finished(n)));
        writer.flush().unwrap();
    }
    writer.void(id(2));
    writer.flush().unwrap();
    for n in 20..30 {
        writer.end(&Finished::new(finished(n)));
        writer.flush().unwrap();
    }
    let others: Vec<CallId> = (10..30).map(id).collect();
    journal.committed(&others);
    assert!(files(folder.path()) >= 3);
    std::mem::forget(writer);
    drop(journal);
    let left: Vec<CallId> = recovered(folder.path()).entries.iter().map(|entry| entry.id).collect();
    assert!(left.contains(&id(1)) && !left.contains(&id(2)));
}

#[test]
fn a_better_estimate_replaces_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open_sized(folder.path(), 1).unwrap();
    let mut writer = journal.writer().unwrap();
    let better = Entry { cost: NanoUsd(99), ..entry(1) };
    writer.admit(&Begin::of(&entry(1))).unwrap();
    writer.admit(&Begin::of(&better)).unwrap();
    drop((writer, journal));
    assert_eq!(recovered(folder.path()).entries, vec![better]);
}

#[test]
fn a_full_disk_refuses_the_call_and_invents_nothing() {
    // /dev/full answers ENOSPC to every write.
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let mut writer = journal.writer().unwrap();
    writer.admit(&Begin::of(&entry(1))).unwrap();
    let good = writer.swap_file(Arc::new(std::fs::OpenOptions::new().append(true).open("/dev/full").unwrap()));
    let refused = writer.admit(&Begin::of(&entry(2))).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
    writer.end(&Finished::new(finished(1)));
    assert!(writer.flush().is_err());
    let pending = writer.pending_bytes();
    for _ in 0..100 {
        assert!(writer.admit(&Begin::of(&entry(3))).is_err());
    }
    assert_eq!(writer.pending_bytes(), pending, "refused calls cost no memory");
    drop(writer.swap_file(good));
    writer.admit(&Begin::of(&entry(4))).unwrap();
    assert_eq!(journal.waiting(), 2);
    drop((writer, journal));
    assert_eq!(recovered(folder.path()).entries, vec![finished(1), entry(4)]);
}

/// A segment with a few records, and where each record ends.
fn small_segment() -> (Vec<u8>, Vec<(usize, Vec<Entry>)>) {
    let salt = [1, 2, 3, 4, 5, 6, 7, 8];
    let mut bytes = record::head(salt).to_vec();
    let mut states = vec![(bytes.len(), vec![])];
    let begin = |bytes: &mut Vec<u8>, n| record::put(bytes, salt, record::Kind::Begin, |out| Begin::of(&entry(n)).encode(out));
    begin(&mut bytes, 1);
    states.push((bytes.len(), vec![entry(1)]));
    begin(&mut bytes, 2);
    states.push((bytes.len(), vec![entry(1), entry(2)]));
    record::put(&mut bytes, salt, record::Kind::End, |out| serde_json::to_writer(out, &finished(1)).unwrap());
    states.push((bytes.len(), vec![finished(1), entry(2)]));
    record::put(&mut bytes, salt, record::Kind::Void, |out| record::put_id(out, id(2)));
    states.push((bytes.len(), vec![finished(1)]));
    begin(&mut bytes, 3);
    states.push((bytes.len(), vec![finished(1), entry(3)]));
    (bytes, states)
}

/// The rows of a segment, and whether it is whole.
fn read_bytes(bytes: &[u8]) -> (Vec<Entry>, bool) {
    let mut reading = recover::Reading::default();
    let whole = reading.read(bytes);
    (reading.rows(), whole)
}

#[test]
fn cut_at_any_byte_exactly_the_whole_records_are_recovered() {
    let (bytes, states) = small_segment();
    for cut in 0..=bytes.len() {
        let expected = states.iter().rev().find(|(end, _)| *end <= cut).map(|(_, entries)| entries.clone()).unwrap_or_default();
        assert_eq!(read_bytes(&bytes[..cut]), (expected, true), "cut at {cut}: a torn tail is no damage");
    }
}

#[test]
fn a_flipped_bit_costs_one_record_and_invents_none() {
    let (bytes, _) = small_segment();
    let possible: Vec<Entry> = vec![entry(1), entry(2), entry(3), finished(1)];
    let head = record::HEAD_BYTES;
    for bit in head * 8..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let (entries, whole) = read_bytes(&damaged);
        assert!(entries.iter().all(|entry| possible.contains(entry)), "bit {bit}");
        let ids: BTreeSet<CallId> = entries.iter().map(|entry| entry.id).collect();
        // One record less: either call 3 is missing (the last record, torn as far as anyone can tell), or both others are there.
        assert!(ids.contains(&id(1)) && (ids.contains(&id(3)) || whole), "bit {bit}: {ids:?}");
    }
}

#[test]
fn damaged_segments_are_kept_aside() {
    let (mut bytes, _) = small_segment();
    bytes[40] ^= 1;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("0000000001-0000-000000.journal"), &bytes).unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let left = journal.recover().unwrap();
    assert_eq!(left.damaged.len(), 1);
    journal.discard(left).unwrap();
    assert!(folder.path().join("0000000001-0000-000000.damaged").exists());
    assert!(journal.recover().unwrap().is_empty());
}

#[test]
fn bytes_of_a_client_are_never_a_record() {
    let (segment, _) = small_segment();
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let mut writer = journal.writer().unwrap();
    let body: String = segment.iter().map(|byte| char::from(*byte)).collect();
    let row = Entry { request_body: Some(body), ..finished(8) };
    writer.end(&Finished::new(row.clone()));
    writer.flush().unwrap();
    drop((writer, journal));
    assert_eq!(recovered(folder.path()).entries, vec![row]);
}

#[test]
fn a_journal_of_nothing_does_nothing() {
    let journal = Journal::none();
    let mut writer = journal.writer().unwrap();
    writer.admit(&Begin::of(&entry(1))).unwrap();
    writer.end(&Finished::new(finished(1)));
    writer.flush().unwrap();
    journal.sync().unwrap();
    assert_eq!((journal.waiting(), writer.pending_bytes()), (0, 0));
    assert!(journal.recover().unwrap().is_empty());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Admit(u8),
    End(u8),
    Void(u8),
    Commit(u8),
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..24).prop_map(Step::Admit),
        4 => (0_u8..24).prop_map(Step::End),
        1 => (0_u8..24).prop_map(Step::Void),
        3 => (0_u8..24).prop_map(Step::Commit),
        2 => Just(Step::Flush),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever was written, committed and deleted: ledger and journal together know every call, with its newest row.
    #[test]
    fn ledger_and_journal_together_lose_nothing(steps in proptest::collection::vec(step(), 1..80), segment_bytes in 1_u64..3_000) {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open_sized(folder.path(), segment_bytes).unwrap();
        let mut writer = journal.writer().unwrap();
        // The life of a call: begun, then ended or voided, then (if ended) committed. Written rows are what a reader must find.
        let mut recorded: BTreeMap<u8, Option<Entry>> = BTreeMap::new();
        let mut ended = BTreeSet::new();
        let mut ledger = BTreeSet::new();
        for step in steps {
            match step {
                Step::Admit(n) if !recorded.contains_key(&n) => {
                    writer.admit(&Begin::of(&entry(n))).unwrap();
                    recorded.insert(n, Some(entry(n)));
                }
                Step::End(n) if recorded.get(&n).is_some_and(|row| row.as_ref().is_some_and(|row| row.abandoned)) => {
                    writer.end(&Finished::new(finished(n)));
                    recorded.insert(n, Some(finished(n)));
                    ended.insert(n);
                }
                Step::Void(n) if recorded.get(&n).is_some_and(|row| row.as_ref().is_some_and(|row| row.abandoned)) => {
                    writer.void(id(n));
                    recorded.insert(n, None);
                }
                Step::Commit(n) if ended.contains(&n) => {
                    writer.flush().unwrap();
                    journal.committed(&[id(n)]);
                    ledger.insert(n);
                }
                Step::Flush => writer.flush().unwrap(),
                _ => {}
            }
        }
        writer.flush().unwrap();
        let waiting = recorded.iter().filter(|(n, row)| row.is_some() && !ledger.contains(*n)).count();
        prop_assert_eq!(journal.waiting(), waiting);
        std::mem::forget(writer);
        drop(journal);
        let left = recovered(folder.path());
        prop_assert!(left.damaged.is_empty());
        for (n, row) in &recorded {
            let found = left.entries.iter().find(|entry| entry.id == id(*n));
            match row {
                // In the ledger: what is left of it here is skipped by the ledger, whatever it says.
                Some(_) if ledger.contains(n) => {}
                Some(row) => prop_assert_eq!(found, Some(row)),
                None => prop_assert_eq!(found, None),
            }
        }
        prop_assert!(left.entries.iter().all(|entry| recorded.keys().any(|n| id(*n) == entry.id)));
    }
}

#[test]
fn spooled_rows_are_read_back_a_segment_at_a_time_and_their_segments_go_when_they_are_committed() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open_sized(folder.path(), 2_000).unwrap();
    let mut writer = journal.writer().unwrap();
    for n in 0..40 {
        writer.admit(&Begin::of(&entry(n))).unwrap();
        writer.end(&Finished::new(finished(n)));
        writer.flush().unwrap();
    }
    assert!(!journal.spool(id(99)), "what is not journaled cannot be spooled");
    assert!(journal.bytes() > 10_000);
    // The others are in somebody's memory.
    let spooled: BTreeSet<CallId> = (0..40).filter(|n| n % 4 == 0).map(id).collect();
    assert!(spooled.iter().all(|id| journal.spool(*id)));
    let in_memory: Vec<CallId> = (0..40).filter(|n| n % 4 != 0).map(id).collect();
    journal.committed(&in_memory);
    let mut seen = BTreeSet::new();
    loop {
        let rows = journal.waiting_rows().unwrap();
        if rows.is_empty() {
            break;
        }
        assert!(rows.len() < 10, "a segment at a time");
        assert_eq!(journal.waiting_rows().unwrap().len(), rows.len(), "reading changes nothing");
        let ids: Vec<CallId> = rows.iter().map(|row| row.entry.id).collect();
        assert!(rows.iter().all(|row| !row.entry.abandoned && row.entry.status == 200));
        journal.committed(&ids);
        seen.extend(ids);
    }
    assert_eq!(seen, spooled);
    drop(writer);
    assert_eq!((journal.waiting(), journal.bytes(), files(folder.path())), (0, 0, 0));
}

#[test]
fn a_spooled_row_that_is_not_on_the_disk_yet_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let mut writer = journal.writer().unwrap();
    writer.end(&Finished::new(finished(1)));
    assert!(journal.spool(id(1)));
    assert!(journal.waiting_rows().unwrap().is_empty());
    writer.flush().unwrap();
    assert_eq!(journal.waiting_rows().unwrap().len(), 1);
}

#[test]
fn recovery_a_segment_at_a_time_finds_what_recovery_at_once_finds() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open_sized(folder.path(), 1_500).unwrap();
    let mut writer = journal.writer().unwrap();
    for n in 0..30 {
        writer.admit(&Begin::of(&entry(n))).unwrap();
        if n >= 5 {
            writer.end(&Finished::new(finished(n - 5)));
        }
        if n == 29 {
            writer.void(id(28));
        }
        writer.flush().unwrap();
    }
    std::mem::forget(writer);
    drop(journal);
    let next = Journal::open(folder.path()).unwrap();
    let at_once = next.recover().unwrap();
    assert_eq!(at_once.entries.len(), 29);
    let mut reading = next.recovery().unwrap();
    let (mut rows, mut turns) = (Vec::new(), 0);
    while let Some(mut some) = reading.next_rows().unwrap() {
        rows.append(&mut some);
        turns += 1;
    }
    assert!(turns > 5, "{turns}");
    rows.sort_by_key(|entry| (entry.at, entry.id));
    assert_eq!(rows, at_once.entries);
    next.discard(reading.done()).unwrap();
    assert_eq!(files(folder.path()), 0);
}
