//! A killed process and the next one: journal and ledger together.

use fluxa_domain::entry::Entry;
use fluxa_domain::time::Micros;
use fluxa_store::{Begin, Finished, Journal, LogFilter, Sealer, Store, StoreOptions};
use futures_util::TryStreamExt as _;

use crate::harness::{abandoned, entry};

/// Every way to die between the steps of a call's life ends in one row, and a second start changes nothing.
#[tokio::test]
async fn a_kill_at_any_step_leaves_exactly_one_row_a_call() {
    for step in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let open = async || Store::open(StoreOptions::Sqlite { path: folder.path().join("fluxa.db") }, Sealer::new([9; 32])).await.unwrap();
        {
            let store = open().await;
            let journal = Journal::open(&folder.path().join("fluxa.db.journal")).unwrap();
            let mut writer = journal.writer().unwrap();
            writer.admit(&Begin::of(&abandoned(1))).unwrap();
            if step >= 1 {
                writer.end(&Finished::new(entry(1)));
            }
            if step >= 2 {
                writer.flush().unwrap();
            }
            if step >= 3 {
                store.append(&[entry(1)]).await.unwrap();
            }
            if step >= 4 {
                journal.committed(&[entry(1).id]);
            }
            if step >= 5 {
                drop(writer);
            } else {
                // A killed process runs no destructors; what it gave to the kernel stays.
                std::mem::forget(writer);
            }
        }
        for start in 0..3 {
            let store = open().await;
            let journal = Journal::open(&folder.path().join("fluxa.db.journal")).unwrap();
            let left = journal.recover().unwrap();
            assert_eq!(left.is_empty(), step == 5 || start > 1, "step {step}, start {start}");
            if !left.is_empty() {
                store.check_after_crash().await.unwrap();
            }
            store.append(&left.entries).await.unwrap();
            // The first start dies before it deletes what it read.
            if start > 0 {
                journal.discard(left).unwrap();
            }
            let rows: Vec<Entry> = store.export(LogFilter::default()).try_collect().await.unwrap();
            let expect = if step < 2 { abandoned(1) } else { entry(1) };
            assert_eq!(rows.len(), 1, "step {step}");
            assert_eq!((rows[0].abandoned, rows[0].cost), (expect.abandoned, expect.cost), "step {step}");
            let spent = store.spent(&fluxa_domain::scope::key(&expect.key_id), Micros(0), None).await.unwrap();
            assert_eq!(spent.nanos, expect.cost.0);
            store.close().await;
        }
    }
}
