use super::*;

fn fields(text: &str) -> Fields {
    Fields::of(Node::read(text.as_bytes()).unwrap()).unwrap()
}

fn faults(fields: Fields) -> String {
    format!("{:?}", fields.finish().unwrap_err())
}

#[test]
fn money_is_exact_and_bounded() {
    let check = |text: &str, expect: Option<i64>| {
        let mut f = fields(&format!("{{\"a\":{text}}}"));
        let got = f.dollars("a").value().map(|n| n.0);
        assert_eq!(got, expect, "{text}");
        assert_eq!(f.is_faulty(), expect.is_none(), "{text}");
    };
    check("0.1", Some(100_000_000));
    check("0.30000000000000004", None);
    check("123456789.123456789", Some(123_456_789_123_456_789));
    check("0", Some(0));
    check("-1", None);
    check("-0", None);
    check("1e30", None);
    check("\"5\"", None);
    check("true", None);
}

#[test]
fn durations_are_read_with_their_unit() {
    let check = |text: &str, expect: Option<u64>| {
        let mut f = fields(&format!("{{\"a\":{text}}}"));
        assert_eq!(f.duration_ms("a").value(), expect, "{text}");
    };
    check("\"30s\"", Some(30_000));
    check("\"500ms\"", Some(500));
    check("\"1.5s\"", Some(1_500));
    check("\"24h\"", Some(86_400_000));
    check("2.5", Some(2_500));
    check("0", Some(0));
    check("-1", None);
    check("\"-1s\"", None);
    check("\"forever\"", None);
    check("\"99999d\"", None);
}

#[test]
fn every_fault_is_named_with_its_place() {
    let mut f = fields(r#"{"n":-1,"o":{"x":true,"y":1},"l":["a",2],"m":{"k":5},"z":0}"#);
    f.count("n", 10);
    f.object("o", |o| o.text("x"));
    f.each("l", 5, |item| item.text_as(Ok));
    f.map("m", |_, _| Ok(()));
    let told = faults(f);
    for name in ["\"n\"", "\"o.x\"", "\"o.y\"", "\"l[1]\"", "\"m.k\"", "\"z\""] {
        assert!(told.contains(name), "{name} in {told}");
    }
}

#[test]
fn null_is_not_absent() {
    let mut f = fields(r#"{"a":null}"#);
    assert_eq!(f.text("a"), Given::Null);
    assert_eq!(f.text("b"), Given::Absent);
    assert_eq!(f.required_text("c"), "");
    assert!(faults(f).contains("is required"));
}

#[test]
fn maps_merge_member_by_member() {
    let current = [("a", "1"), ("b", "2")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let mut f = fields(r#"{"tags":{"a":null,"c":"3"}}"#);
    let given = f.map("tags", |_, _| Ok(()));
    let merged = merge(given, &current);
    assert_eq!(merged.keys().collect::<Vec<_>>(), ["b", "c"]);
}
