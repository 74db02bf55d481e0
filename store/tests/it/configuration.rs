//! Configuration: one door, audited, sealed.

use fluxa_domain::change::{Change, Revision};
use fluxa_domain::key::KeyDoor;
use fluxa_domain::price::PriceRow;
use fluxa_domain::time::Micros;
use fluxa_store::{AuditFilter, CommitError, KeyFilter, Store, StoreError};

use crate::harness::{NOW, actor, file, key, places, provider, route, secrets};

async fn commit(store: &Store, change: Change) -> Result<Revision, CommitError> {
    store.commit(&actor(), &change, NOW).await
}

fn create(name: &str) -> Change {
    Change::CreateProvider { record: provider(name), secrets: secrets("sk-very-secret-value") }
}

#[tokio::test]
async fn every_change_makes_one_revision_and_one_audit_row() {
    for place in places().await {
        let store = &place.store;
        assert!(store.is_empty().await.unwrap());
        assert_eq!(commit(store, create("openai")).await.unwrap(), Revision(1));
        assert_eq!(commit(store, Change::PutRoute { record: route("m", "openai", "openai") }).await.unwrap(), Revision(2));
        assert!(matches!(commit(store, create("openai")).await, Err(CommitError::NameTaken(_))));
        assert!(matches!(commit(store, Change::RevokeKey { id: String::from("none") }).await, Err(CommitError::NotFound(_))));
        assert_eq!(store.revision().await.unwrap(), Revision(2), "a refused change leaves no trace");
        assert!(!store.is_empty().await.unwrap());
        let page = store.audit(&AuditFilter::default(), 1, None).await.unwrap();
        assert_eq!((page.rows[0].seq, page.rows[0].action.as_str(), page.rows[0].role.as_str()), (2, "route.put", "owner"));
        let next = store.audit(&AuditFilter::default(), 1, page.next_cursor.as_deref()).await.unwrap();
        assert_eq!((next.rows[0].target.as_str(), next.rows[0].revision, next.next_cursor), ("openai", Revision(1), None));
        let filter = AuditFilter { action: Some(String::from("route.put")), from: Some(NOW), ..AuditFilter::default() };
        assert_eq!(store.audit(&filter, 500, None).await.unwrap().rows.len(), 1);
    }
}

#[tokio::test]
async fn a_provider_keeps_its_secrets_and_shows_none_of_them() {
    for place in places().await {
        let store = &place.store;
        commit(store, create("openai")).await.unwrap();
        let renamed = fluxa_domain::provider::ProviderRecord { enabled: false, ..provider("openai") };
        commit(store, Change::UpdateProvider { record: renamed.clone(), secrets: None }).await.unwrap();
        let kept = store.provider("openai").await.unwrap().unwrap();
        assert_eq!((kept.record, kept.secrets), (renamed.clone(), secrets("sk-very-secret-value")));
        commit(store, Change::UpdateProvider { record: renamed, secrets: Some(secrets("sk-second")) }).await.unwrap();
        assert_eq!(store.providers().await.unwrap()[0].secrets, secrets("sk-second"));
        assert_eq!(store.provider("nobody").await.unwrap(), None);
        let audit = store.audit(&AuditFilter::default(), 500, None).await.unwrap();
        let text = serde_json::to_string(&audit.rows).unwrap();
        assert!(text.contains("hmac:") && !text.contains("sk-") && !text.contains("in-clear"), "{text}");
        let prints: Vec<String> =
            audit.rows.iter().map(|row| row.after.as_ref().unwrap()["secrets"]["api_keys"][0]["key"].to_string()).collect();
        assert_ne!(prints[0], prints[1], "a new secret is seen to be new");
        assert_eq!(prints[1], prints[2], "a kept one is seen to be kept");
    }
}

#[tokio::test]
async fn nothing_secret_is_in_the_file() {
    let place = file().await;
    commit(&place.store, create("openai")).await.unwrap();
    place.store.close().await;
    let folder = place.folder.unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(!holds(b"sk-very-secret-value") && !holds(b"session-token-in-clear"));
    }
}

#[tokio::test]
async fn a_provider_in_use_is_not_removed() {
    for place in places().await {
        let store = &place.store;
        commit(store, create("a")).await.unwrap();
        commit(store, create("b")).await.unwrap();
        commit(store, Change::PutRoute { record: route("m", "a", "b") }).await.unwrap();
        let delete = |name: &str| Change::DeleteProvider { name: name.to_owned() };
        assert!(matches!(commit(store, delete("b")).await, Err(CommitError::InUse(what)) if what == "route \"m\""));
        commit(store, Change::PutRoute { record: route("m", "a", "a") }).await.unwrap();
        assert_eq!(store.route("m").await.unwrap(), Some(route("m", "a", "a")));
        commit(store, delete("b")).await.unwrap();
        assert!(matches!(commit(store, delete("b")).await, Err(CommitError::NotFound(_))));
        commit(store, Change::DeleteRoute { model: String::from("m") }).await.unwrap();
        assert!(matches!(commit(store, Change::DeleteRoute { model: String::from("m") }).await, Err(CommitError::NotFound(_))));
        assert!(store.routes().await.unwrap().is_empty());
        commit(store, delete("a")).await.unwrap();
    }
}

#[tokio::test]
async fn a_rotated_key_has_two_doors_until_its_grace_ends() {
    for place in places().await {
        let store = &place.store;
        commit(store, Change::IssueKey { record: key("k1", "first"), hash: [1; 32] }).await.unwrap();
        let taken = commit(store, Change::IssueKey { record: key("k2", "first"), hash: [9; 32] }).await;
        assert!(matches!(taken, Err(CommitError::NameTaken(name)) if name == "first"));
        let rotate = |hash: u8, until: i64| {
            let grace_until = NOW.plus_seconds(until);
            Change::RotateKey { id: String::from("k1"), hash: [hash; 32], last4: format!("{hash:04}"), grace_until }
        };
        commit(store, rotate(2, 100)).await.unwrap();
        commit(store, rotate(3, 500)).await.unwrap();
        let access = store.key_access("k1").await.unwrap().unwrap();
        let mut doors = access.doors.clone();
        doors.sort_by_key(|door| door.hash);
        let door = |hash: u8, until: Option<i64>| KeyDoor { hash: [hash; 32], until: until.map(|until| NOW.plus_seconds(until)) };
        assert_eq!(doors, vec![door(1, Some(100)), door(2, Some(500)), door(3, None)]);
        assert_eq!((access.key.last4.as_str(), access.key.updated_at), ("0003", NOW));
        commit(store, rotate(4, 0)).await.unwrap();
        let doors = store.key_access("k1").await.unwrap().unwrap().doors;
        assert_eq!(doors, vec![door(4, None)], "without grace every former secret closes at once");
        commit(store, Change::RevokeKey { id: String::from("k1") }).await.unwrap();
        assert_eq!(store.key_access("k1").await.unwrap(), None);
        assert_eq!(store.key("k1").await.unwrap(), None);
    }
}

#[tokio::test]
async fn keys_are_listed_by_name_page_by_page() {
    for place in places().await {
        let store = &place.store;
        for n in 0..5 {
            let record = fluxa_domain::key::KeyRecord { enabled: n != 3, ..key(&format!("id{n}"), &format!("name {}", 9 - n)) };
            commit(store, Change::IssueKey { record, hash: [n; 32] }).await.unwrap();
        }
        let mut names = Vec::new();
        let mut cursor = None;
        loop {
            let page = store.keys(&KeyFilter::default(), 2, cursor.as_deref()).await.unwrap();
            names.extend(page.rows.into_iter().map(|key| key.name));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(names, ["name 5", "name 6", "name 7", "name 8", "name 9"]);
        let filter = KeyFilter { enabled: Some(false), team: Some(String::from("red")), name: None };
        assert_eq!(store.keys(&filter, 500, None).await.unwrap().rows[0].id, "id3");
        assert!(matches!(store.keys(&KeyFilter::default(), 1, Some("é")).await, Err(StoreError::BadCursor)));
        let renamed = key("id0", "name 5");
        assert!(matches!(commit(store, Change::UpdateKey { record: renamed }).await, Err(CommitError::NameTaken(_))));
        commit(store, Change::UpdateKey { record: key("id0", "zz") }).await.unwrap();
        assert_eq!(store.key("id0").await.unwrap().unwrap().name, "zz");
    }
}

#[tokio::test]
async fn prices_are_added_and_never_rewritten() {
    for place in places().await {
        let store = &place.store;
        let row = |version: &str| -> PriceRow {
            PriceRow { version: version.to_owned(), valid_from: Micros(5), ..fluxa_domain::prices::builtin().into_iter().next().unwrap() }
        };
        commit(store, Change::AddPrices { rows: vec![row("a"), row("b")] }).await.unwrap();
        commit(store, Change::AddPrices { rows: vec![row("a")] }).await.unwrap();
        assert_eq!(store.prices().await.unwrap(), vec![row("a"), row("b"), row("a")]);
    }
}

#[tokio::test]
async fn hostile_text_is_only_text() {
    for place in places().await {
        let store = &place.store;
        for (n, name) in ["'; DROP TABLE audit; --", "a\0b", "%_\\", "𝔘\u{202e}", "\"", "$1", "?1"].iter().enumerate() {
            let record = key(&format!("id{n}"), name);
            commit(store, Change::IssueKey { record: record.clone(), hash: [u8::try_from(n).unwrap(); 32] }).await.unwrap();
            let filter = KeyFilter { name: Some((*name).to_owned()), ..KeyFilter::default() };
            assert_eq!(store.keys(&filter, 10, None).await.unwrap().rows, vec![record]);
            assert_eq!(store.key(name).await.unwrap(), None);
            assert_eq!(store.entry(name).await.unwrap(), None);
        }
        assert_eq!(store.setting("x").await.unwrap(), None);
        store.put_setting("x", "1").await.unwrap();
        store.put_setting("x", "2").await.unwrap();
        assert_eq!(store.setting("x").await.unwrap().as_deref(), Some("2"));
    }
}
