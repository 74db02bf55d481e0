use super::*;

fn row(name: &str, nanos: i64) -> Row {
    Row { name: name.to_owned(), scopes: vec!["key:a".to_owned()], status: 200, usage: (5, 6), attempts: 1, nanos, abandoned: false }
}

fn told(name: &str) -> Told {
    let name = name.to_owned();
    Told { name, status: Some(200), complete: true, usage: Some((5, 6)), ..Told::default() }
}

/// Two calls, all in order.
fn books() -> Books {
    Books {
        billed: vec!["a".to_owned(), "b".to_owned(), "b".to_owned()],
        told: vec![told("a"), told("b")],
        rows: vec![row("a", 10), row("b", 20)],
        sums: BTreeMap::from([("key:a".to_owned(), 30)]),
        counters: vec![("key:a".to_owned(), 30, 0)],
        limits: BTreeMap::from([("key:a".to_owned(), 30)]),
        ..Books::default()
    }
}

/// What is found after `spoil`, without the words.
fn after(spoil: impl FnOnce(&mut Books)) -> Finding {
    let mut books = books();
    spoil(&mut books);
    Finding { examples: Vec::new(), ..judge(&books) }
}

#[test]
fn books_in_order_are_exact() {
    let found = after(|_| {});
    assert_eq!(found, Finding { requests: 2, billed: 2, ..Finding::default() });
    assert!(found.is_exact());
}

#[test]
fn every_disorder_is_found() {
    let base = Finding { requests: 2, billed: 2, ..Finding::default() };
    let lost = after(|books| {
        books.rows.remove(0);
        books.told.remove(0);
        books.sums.insert("key:a".to_owned(), 20);
        books.counters[0].1 = 20;
    });
    assert_eq!(lost, Finding { requests: 1, lost: 1, ..base.clone() });
    let twice = after(|books| books.rows.push(row("a", 0)));
    assert_eq!(twice, Finding { doubled: 1, ..base.clone() });
    let summed = after(|books| {
        books.sums.insert("key:a".to_owned(), 31);
    });
    assert_eq!(summed, Finding { doubled: 1, drifted: 1, ..base.clone() });
    let over = after(|books| {
        books.limits.insert("key:a".to_owned(), 7);
    });
    assert_eq!(over, Finding { overspent_nanos: 23, ..base.clone() });
    assert_eq!(after(|books| books.counters[0].2 = 1), Finding { phantom: 1, ..base.clone() });
    assert_eq!(after(|books| books.counters[0].1 = 29), Finding { drifted: 1, ..base.clone() });
    assert_eq!(after(|books| books.told[0].usage = Some((5, 7))), Finding { mistold: 1, ..base.clone() });
    assert_eq!(after(|books| books.rows[0].abandoned = true), base, "an abandoned row that says the same is right");
    let retried = |usage| move |books: &mut Books| (books.rows[0].attempts, books.rows[0].usage) = (2, usage);
    assert_eq!(after(retried((9, 9))).mistold, 0, "what broke off may be billed too");
    assert_eq!(after(retried((9, 5))).mistold, 1);
    assert_eq!(after(|books| books.rows[0].status = 499).mistold, 1);
    assert_eq!(after(|books| books.told[0].status = Some(500)).failed, 1);
}
