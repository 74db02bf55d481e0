use fluxa_domain::time::Micros;
use fluxa_store::journal::Begin;

use super::*;
use crate::running::tests::{Noted, entry};

#[tokio::test]
async fn what_a_killed_process_left_is_written_and_shared_counters_learn_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open_sized(folder.path(), 4_096).unwrap();
    let mut writer = journal.writer().unwrap();
    for n in 0..100 {
        writer.admit(&Begin::of(&entry(n))).unwrap();
        if n != 7 {
            writer.end(&Finished::new(entry(n)));
        }
    }
    writer.flush().unwrap();
    std::mem::forget(writer);
    drop(journal);

    let store = Store::in_memory().await.unwrap();
    let counters = Arc::new(Noted::default());
    let shared = Shared { counters: counters.clone(), ..Shared::in_memory() };
    store.append(&[entry(3)]).await.unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let report = recover(&store, &shared, &journal).await.unwrap();
    assert_eq!((report.found, report.written, report.abandoned, report.buried, report.damaged), (100, 99, 1, 0, 0));
    assert_eq!(report.recorded.len(), 100);
    assert_eq!(store.spent("key:K", Micros(0), None).await.unwrap().nanos, 1_000);
    let settled: HashSet<CallId> = counters.settled.lock().unwrap().iter().map(|one| one.id).collect();
    assert_eq!(settled.len(), 100);
    assert!(counters.settled.lock().unwrap().iter().all(|one| one.row.is_none() && one.nanos == 10));
    assert!(recover(&store, &shared, &journal).await.unwrap().is_empty(), "it is gone now");
}

#[tokio::test]
async fn while_the_database_is_away_the_journal_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let mut writer = journal.writer().unwrap();
    writer.end(&Finished::new(entry(1)));
    writer.flush().unwrap();
    std::mem::forget(writer);
    drop(journal);
    let journal = Journal::open(folder.path()).unwrap();
    let store = Store::in_memory().await.unwrap();
    store.close().await;
    assert!(matches!(recover(&store, &Shared::in_memory(), &journal).await, Err(RecoverError::Store(_))));
    let back = Store::in_memory().await.unwrap();
    let report = recover(&back, &Shared::in_memory(), &journal).await.unwrap();
    assert_eq!((report.written, report.recorded.len()), (1, 0), "memory's counters are warmed from the ledger instead");
}
