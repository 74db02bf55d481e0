//! What only a server that many share can do: be started by many at once, be newer, be slow, be away, be cut into weeks.

use std::time::Duration;

use fluxa_domain::change::{Change, Revision};
use fluxa_domain::entry::Entry;
use fluxa_domain::scope;
use fluxa_domain::time::Micros;
use fluxa_loadtest::backends::Postgres;
use fluxa_store::{LogFilter, Migrate, PostgresOptions, Sealer, Store, StoreError, StoreOptions, UsageQuery};
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;

use crate::harness::{NOW, Server, abandoned, actor, call_id_at, entry, key, places, sealer, server};

async fn open(options: PostgresOptions) -> Result<Store, StoreError> {
    Store::open(StoreOptions::Postgres(options), sealer()).await
}

fn sql(server: &Server, text: &str) -> String {
    server.postgres.sql(&server.url, text).unwrap()
}

/// The n-th call, at `at`.
fn entry_at(at: Micros, n: u64) -> Entry {
    Entry { id: call_id_at(at, n), at, ..entry(n) }
}

#[tokio::test]
async fn eight_that_open_a_new_database_at_once_migrate_it_once() {
    let postgres = Postgres::shared().unwrap();
    let server = Server { url: postgres.database().unwrap(), postgres };
    let opened = join_all((0..8).map(|_| open(PostgresOptions::new(server.url.as_str())))).await;
    for store in opened {
        let store = store.unwrap();
        assert_eq!(store.revision().await.unwrap(), Revision(0));
        store.close().await;
    }
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations")).unwrap().count();
    assert_eq!(sql(&server, "SELECT COUNT(*) FROM _sqlx_migrations WHERE success"), files.to_string());
    assert_eq!(sql(&server, "SELECT COUNT(*) FROM settings WHERE name = 'seal.check'"), "1");
    let other = Store::open(StoreOptions::Postgres(PostgresOptions::new(server.url.as_str())), Sealer::new([1; 32])).await;
    assert!(matches!(other, Err(StoreError::WrongSecretKey)), "{other:?}");
}

#[tokio::test]
async fn an_older_schema_is_refused_where_somebody_else_migrates_and_a_newer_one_is_accepted() {
    let postgres = Postgres::shared().unwrap();
    let server = Server { url: postgres.database().unwrap(), postgres };
    let requiring = || PostgresOptions { migrate: Migrate::Require, ..PostgresOptions::new(server.url.as_str()) };
    assert!(matches!(open(requiring()).await, Err(StoreError::OldSchema { found: 0, .. })));
    Store::migrate(&server.url).await.unwrap();
    open(requiring()).await.unwrap().close().await;
    let newest: i64 = sql(&server, "SELECT MAX(version) FROM _sqlx_migrations").parse().unwrap();
    sql(
        &server,
        "UPDATE _sqlx_migrations SET success = TRUE; DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)",
    );
    let old = open(requiring()).await;
    assert!(matches!(&old, Err(StoreError::OldSchema { found, needed }) if *found == newest - 1 && *needed == newest), "{old:?}");
    sql(
        &server,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT version + 1, description, success, checksum, 0 FROM _sqlx_migrations ORDER BY version DESC LIMIT 1; \
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9000, 'later', TRUE, '\\x00', 0); \
         ALTER TABLE ledger ADD COLUMN later TEXT NOT NULL DEFAULT ''",
    );
    let store = open(requiring()).await.unwrap();
    assert_eq!(store.append(&[entry(1), entry(2)]).await.unwrap(), 2);
    let changed = open(PostgresOptions::new(server.url.as_str())).await;
    assert!(matches!(changed, Err(StoreError::Migrate(_))), "a migration whose text was changed is noticed: {changed:?}");
}

#[tokio::test]
async fn a_newer_schema_stays_when_older_code_migrates() {
    let place = server().await;
    let server = place.server.as_ref().unwrap();
    sql(
        server,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9000, 'later', TRUE, '\\x00', 0)",
    );
    open(PostgresOptions::new(server.url.as_str())).await.unwrap();
    assert_eq!(sql(server, "SELECT MAX(version) FROM _sqlx_migrations"), "9000");
}

#[tokio::test]
async fn writers_of_overlapping_batches_end_in_one_ledger_and_exact_sums() {
    let place = server().await;
    let url = &place.server.as_ref().unwrap().url;
    let rounds = 12_u64;
    // Four nodes write the same hot scopes; each batch holds rows that its neighbours write too, real ones and abandoned ones, and
    // each node has another order.
    let writers = (0..4_u64).map(async |node| {
        let store = open(PostgresOptions { ledger_connections: 1, ..PostgresOptions::new(url.as_str()) }).await.unwrap();
        let mut new = 0;
        for round in 0..rounds {
            let mut batch: Vec<Entry> =
                (0..80).map(|n| if (n + node) % 3 == 0 { abandoned(round * 40 + n) } else { entry(round * 40 + n) }).collect();
            if node % 2 == 1 {
                batch.reverse();
            }
            new += store.append(&batch).await.unwrap();
        }
        new
    });
    let new: usize = join_all(writers).await.into_iter().sum();
    let rows: Vec<Entry> = place.store.export(LogFilter::default()).try_collect().await.unwrap();
    let expect: Vec<Entry> = (0..(rounds - 1) * 40 + 80).map(entry).collect();
    assert_eq!(new, expect.len(), "each row was new once");
    assert_eq!(rows, expect);
    let nanos: i64 = expect.iter().map(|row| row.cost.0).sum();
    let spent = place.store.spent(&scope::organization("default"), Micros(0), None).await.unwrap();
    assert_eq!(spent.nanos, nanos);
    assert_eq!(place.store.usage(&UsageQuery::default()).await.unwrap()[0].cost.0, nanos);
}

#[tokio::test]
async fn changes_of_many_nodes_stand_in_a_line() {
    let place = server().await;
    let url = &place.server.as_ref().unwrap().url;
    let nodes = (0..4_u8).map(async |node| {
        let store = open(PostgresOptions::new(url.as_str())).await.unwrap();
        for n in 0..10_u8 {
            let record = key(&format!("id{node}-{n}"), &format!("name {node}-{n}"));
            store.commit(&actor(), &Change::IssueKey { record, hash: [node * 16 + n; 32] }, NOW).await.unwrap();
        }
    });
    join_all(nodes).await;
    assert_eq!(place.store.revision().await.unwrap(), Revision(40));
    let audit = sql(place.server.as_ref().unwrap(), "SELECT COUNT(DISTINCT seq) || ' ' || MAX(seq) || ' ' || MAX(revision) FROM audit");
    assert_eq!(audit, "40 40 40");
}

#[tokio::test]
async fn a_slow_statement_is_given_up_and_the_rows_wait() {
    let place = server().await;
    let server = place.server.as_ref().unwrap();
    let options = PostgresOptions { statement_timeout: Duration::from_millis(200), ..PostgresOptions::new(server.url.as_str()) };
    let store = open(options).await.unwrap();
    let locked = lock_ledger(server);
    let error = store.append(&[entry(1)]).await.unwrap_err();
    assert!(error.is_away() && !error.blames_rows(), "{error}");
    drop(locked);
    assert_eq!(retried(&store, &[entry(1)]).await, 1);
}

/// Holds the ledger locked until it is dropped, as somebody's forgotten session would.
fn lock_ledger(server: &Server) -> Locked {
    use std::io::Write as _;
    let mut session = std::process::Command::new("psql")
        .args(["-X", "-q", "-At", "-d", &server.url])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = std::io::BufReader::new(session.stdout.take().unwrap());
    session.stdin.as_mut().unwrap().write_all(b"BEGIN; LOCK TABLE ledger; SELECT 'locked';\n").unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    assert_eq!(line, "locked\n");
    Locked(session)
}

struct Locked(std::process::Child);

impl Drop for Locked {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

/// Appends as the ledger's writer does: again while the server is away.
async fn retried(store: &Store, batch: &[Entry]) -> usize {
    let appending = async {
        loop {
            match store.append(batch).await {
                Ok(new) => return new,
                Err(error) => assert!(error.is_away(), "{error}"),
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), appending).await.expect("the server is back")
}

#[tokio::test]
async fn a_crashed_server_is_away_and_then_goes_on() {
    let postgres = Postgres::start().unwrap();
    let server = Server { url: postgres.database().unwrap(), postgres };
    let store = open(PostgresOptions::new(server.url.as_str())).await.unwrap();
    store.append(&[entry(1)]).await.unwrap();
    server.postgres.crash().unwrap();
    for _ in 0..2 {
        let error = store.append(&[entry(2)]).await.unwrap_err();
        assert!(error.is_away() && !error.blames_rows(), "{error}");
    }
    assert!(store.ping().await.unwrap_err().is_away());
    assert!(open(PostgresOptions::new(server.url.as_str())).await.unwrap_err().is_away());
    server.postgres.resume().unwrap();
    retried(&store, &[entry(2), entry(3)]).await;
    let rows: Vec<Entry> = store.export(LogFilter::default()).try_collect().await.unwrap();
    assert!(rows.contains(&entry(2)) && rows.contains(&entry(3)), "{rows:?}");
}

#[tokio::test]
async fn errors_of_a_server_say_whether_rows_or_the_server_are_to_blame() {
    let place = server().await;
    let server = place.server.as_ref().unwrap();
    sql(
        server,
        "ALTER TABLE ledger ADD CONSTRAINT unwelcome UNIQUE (id, key_id); CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = (SELECT value FROM settings WHERE name = 'code'); END $$; CREATE TRIGGER refusing BEFORE INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION refuse()",
    );
    let cases = [
        ("53100", true, false),
        ("53300", true, false),
        ("25006", true, false),
        ("57P01", true, false),
        ("57014", true, false),
        ("40P01", true, false),
        ("22021", false, true),
        ("23502", false, true),
        ("23514", true, false),
        ("42703", false, false),
    ];
    for (code, away, rows) in cases {
        place.store.put_setting("code", code).await.unwrap();
        let error = place.store.append(&[entry(1)]).await.unwrap_err();
        assert_eq!((error.is_away(), error.blames_rows(), error.is_disk_full()), (away, rows, code == "53100"), "{code}: {error}");
    }
}

#[tokio::test]
async fn old_weeks_are_dropped_whole_and_what_belongs_to_no_week_is_deleted() {
    let place = server().await;
    let (store, server) = (&place.store, place.server.as_ref().unwrap());
    let weeks = || sql(server, "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'ledger'::regclass");
    let in_rest = || sql(server, "SELECT COUNT(*) FROM ledger_rest");
    let week = 7 * 86_400;
    let old: Vec<Entry> = (0..20).map(|n| entry_at(NOW.plus_seconds(-10 * week), n)).collect();
    let now: Vec<Entry> = (20..50).map(|n| entry_at(NOW, n)).collect();
    store.append(&old).await.unwrap();
    store.append(&now).await.unwrap();
    assert_eq!(in_rest(), "50");
    let made: u64 = join_all((0..4).map(|_| store.prepare_partitions(NOW))).await.into_iter().map(Result::unwrap).sum();
    assert_eq!((made, weeks().as_str(), in_rest().as_str()), (5, "6", "20"), "rows move to the week that is made for them");
    let rows: Vec<Entry> = store.export(LogFilter::default()).try_collect().await.unwrap();
    assert_eq!(rows, [old.clone(), now.clone()].concat());
    assert_eq!(store.append(&now).await.unwrap(), 0, "and are still known");
    let later: Vec<Entry> = (50..60).map(|n| entry_at(NOW.plus_seconds(week), n)).collect();
    store.append(&later).await.unwrap();
    assert_eq!(in_rest(), "20");
    assert_eq!(store.prune(NOW.plus_seconds(1)).await.unwrap(), 20, "a week that is not over stays whole");
    assert_eq!(store.prune(NOW.plus_seconds(week)).await.unwrap(), 30);
    assert_eq!(store.prune(NOW.plus_seconds(week)).await.unwrap(), 0);
    assert_eq!(weeks(), "5");
    let rows: Vec<Entry> = store.export(LogFilter::default()).try_collect().await.unwrap();
    assert_eq!(rows, later);
    assert_eq!(store.usage(&UsageQuery::default()).await.unwrap()[0].requests, 60, "sums outlive the rows");
}

#[tokio::test]
async fn appends_go_on_while_their_week_is_made() {
    let place = server().await;
    let store = &place.store;
    let appending = async {
        for n in 0..60 {
            retried(store, &[entry_at(NOW, n * 2), entry_at(NOW.plus_seconds(7 * 86_400), n * 2 + 1)]).await;
        }
    };
    let (made, ()) = tokio::join!(store.prepare_partitions(NOW), appending);
    assert_eq!(made.unwrap(), 5);
    let rows: Vec<Entry> = store.export(LogFilter::default()).try_collect().await.unwrap();
    assert_eq!(rows.len(), 120);
    assert_eq!(store.usage(&UsageQuery::default()).await.unwrap()[0].requests, 120);
}

#[tokio::test]
async fn a_moment_does_not_see_what_comes_later() {
    for place in places().await {
        let store = &place.store;
        store.append(&[entry(0), entry(3)]).await.unwrap();
        // In memory there is one connection, which the moment holds.
        let alone = place.folder.is_none() && place.server.is_none();
        let mut moment = store.ledger_moment().await.unwrap();
        let before = moment.spent("key:key0", Micros(0), None).await.unwrap();
        assert_eq!(before.nanos, entry(0).cost.0 + entry(3).cost.0);
        if !alone {
            store.append(&[entry(6)]).await.unwrap();
        }
        assert_eq!(moment.spent("key:key0", Micros(0), None).await.unwrap(), before);
        let known = moment.charges(&[entry(0).id, entry(6).id]).await.unwrap();
        assert_eq!(known.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [entry(0).id]);
        drop(moment);
        store.append(&[entry(6)]).await.unwrap();
        assert_eq!(store.spent("key:key0", Micros(0), None).await.unwrap().nanos, before.nanos + entry(6).cost.0);
    }
}

#[tokio::test]
async fn usage_names_the_organization_of_each_row() {
    for place in places().await {
        let of = |organization: &str| Entry { organization: organization.to_owned(), ..entry(1) };
        place.store.append(&[of("acme")]).await.unwrap();
        place.store.append(&[entry(2)]).await.unwrap();
        let spent = async |name: &str| place.store.spent(&scope::organization(name), Micros(0), None).await.unwrap().nanos;
        assert_eq!((spent("acme").await, spent("default").await), (entry(1).cost.0, entry(2).cost.0));
        if let Some(server) = &place.server {
            assert_eq!(sql(server, "SELECT string_agg(organization, ' ' ORDER BY organization) FROM usage_hourly"), "acme default");
        }
    }
}

#[test]
fn options_do_not_show_a_password() {
    let options = StoreOptions::Postgres(PostgresOptions::new("postgres://fluxa:hunter22@db/fluxa"));
    assert!(!format!("{options:?}").contains("hunter22"));
}
