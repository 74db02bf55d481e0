//! Edges, placeholders, passwords.

use super::{basic, edge, jwt, password, placeholder, stock_password};
use crate::rule::Seen;

const fn seen(value: &str) -> Seen<'_> {
    Seen { value, whole: value, before: "" }
}

#[test]
fn a_token_begins_behind_color_codes_escapes_and_percent_codes_but_not_inside_a_word() {
    for before in ["", "key=", "\u{1b}[93m", "\\n", "%3D", "密钥", "`"] {
        assert!(edge(before), "{before:?}");
    }
    for before in ["a", "3", "forum", "x%3", "an"] {
        assert!(!edge(before), "{before:?}");
    }
}

#[test]
fn templates_are_placeholders_and_random_text_is_not() {
    for value in
        ["sk-your-key-here", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxx", "${API_KEY}", "AKIA****************", "<token>", "key_00000000000000"]
    {
        assert!(placeholder(value), "{value}");
    }
    for value in ["q8Zr2LwXx0", "hunter2", "a1b2c3d4e5f6"] {
        assert!(!placeholder(value), "{value}");
    }
}

#[test]
fn words_of_manuals_are_told_from_passwords() {
    assert!(password(&seen("postgres://app:kD9!vq2@db.internal")));
    assert!(!password(&seen("postgres://app:password@db.internal")));
    assert!(stock_password(&seen("postgres://app:password@db.internal")));
    for value in ["postgres://app:${DB_PASSWORD}@db", "postgres://app:<password>@db", "http://user:$PASS@host", "http://localhost:8080@x"] {
        assert!(!password(&seen(value)) && !stock_password(&seen(value)), "{value}");
    }
}

#[test]
fn heads_of_web_tokens_are_json_objects() {
    assert!(jwt(&seen("eyJhbGciOiJub25lIn0.e30")));
    assert!(!jwt(&seen("eyelashes.and.eyebrows")));
}

#[test]
fn basic_credentials_hold_a_colon() {
    assert!(basic(&seen("YWxhZGRpbjpvcGVuc2VzYW1l")));
    assert!(!basic(&seen("bm90aGluZ2luaGVyZQ==")));
}
