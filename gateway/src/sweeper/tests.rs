use fluxa_domain::time::Micros;
use fluxa_store::Store;
use fluxa_store::journal::Journal;

use super::*;
use crate::running::tests::{Noted, entry, gateway};

fn waiting(json: String, n: u32) -> WaitingRow {
    WaitingRow { id: entry(n).id, organization: "default".into(), json }
}

fn draft(n: u32) -> Finished {
    let mut draft = entry(n);
    draft.abandoned = true;
    draft.cost.0 = 500;
    Finished::new(draft)
}

async fn spent(gateway: &Gateway) -> i64 {
    gateway.store.spent("key:K", Micros(0), None).await.unwrap().nanos
}

#[tokio::test]
async fn rows_of_a_process_that_is_gone_are_written_once_and_reported() {
    let counters = Arc::new(Noted::default());
    let rows = (0..3).map(|n| waiting(Finished::new(entry(n)).json().to_owned(), n)).collect();
    *counters.rows.lock().unwrap() = rows;
    let gateway = gateway(counters.clone(), Store::in_memory().await.unwrap(), Journal::none()).await;
    gateway.store.append(&[entry(1)]).await.unwrap();
    let mut swept = Swept::default();
    for _ in 0..2 {
        sweep(&gateway, &mut swept).await;
        assert_eq!(spent(&gateway).await, 30);
        assert_eq!(gateway.due.len(), 3, "seen again before the report is not swept again");
        assert_eq!(gateway.metrics.background.swept.load(Ordering::Relaxed), 3);
    }
    assert!(counters.settled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_draft_whose_call_was_recorded_after_all_is_corrected_in_the_counters() {
    let counters = Arc::new(Noted::default());
    *counters.rows.lock().unwrap() = vec![waiting(draft(0).json().to_owned(), 0), waiting(draft(1).json().to_owned(), 1)];
    let gateway = gateway(counters.clone(), Store::in_memory().await.unwrap(), Journal::none()).await;
    gateway.store.append(&[entry(0)]).await.unwrap();
    counters.away.store(true, Ordering::Relaxed);
    let mut swept = Swept::default();
    sweep(&gateway, &mut swept).await;
    assert_eq!(spent(&gateway).await, 510, "the real charge of one, the estimate of the other");
    assert_eq!(gateway.due.len(), 1, "what could not be corrected is not reported");
    counters.away.store(false, Ordering::Relaxed);
    sweep(&gateway, &mut swept).await;
    let settled = std::mem::take(&mut *counters.settled.lock().unwrap());
    assert_eq!(settled.iter().map(|one| (one.id, one.nanos, one.tokens, &one.row)).collect::<Vec<_>>(), [(entry(0).id, 10, 2, &None)]);
    assert_eq!(settled[0].scopes, ["key:K", "key:K:model:m", "org:default"]);
    assert_eq!((gateway.due.len(), spent(&gateway).await), (2, 510));
}

#[tokio::test]
async fn what_is_no_row_is_put_aside_and_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let counters = Arc::new(Noted::default());
    let good = Finished::new(entry(1)).json().to_owned();
    *counters.rows.lock().unwrap() = vec![waiting(String::from("{\"broken\":\n"), 0), waiting(good, 1)];
    let gateway = gateway(counters, Store::in_memory().await.unwrap(), Journal::open(folder.path()).unwrap()).await;
    sweep(&gateway, &mut Swept::default()).await;
    assert_eq!((gateway.due.len(), spent(&gateway).await), (2, 10));
    assert_eq!(std::fs::read_to_string(folder.path().join("dead-letters.jsonl")).unwrap(), "{\"broken\": \n");
}

#[tokio::test]
async fn rows_stay_where_they_are_while_the_store_is_away() {
    let counters = Arc::new(Noted::default());
    *counters.rows.lock().unwrap() = vec![waiting(Finished::new(entry(0)).json().to_owned(), 0)];
    let gateway = gateway(counters, Store::in_memory().await.unwrap(), Journal::none()).await;
    gateway.store.close().await;
    sweep(&gateway, &mut Swept::default()).await;
    assert_eq!(gateway.due.len(), 0);
}
