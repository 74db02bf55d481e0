//! What looks like a secret and what does not, as data.

use super::{assigned, gibberish, in_order, last_word, name_of, password, place, random, stand_in, uuid};
use crate::rule::Seen;

fn all(texts: &[&str], judge: fn(&str) -> bool, expected: bool) {
    let wrong: Vec<_> = texts.iter().filter(|text| judge(text) != expected).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn tokens_look_random_and_names_do_not() {
    let tokens = [
        "4kQz9TnW2bXs7LmV0cRy",
        "9f3b1c07d2e84a65b0c7f1d94e2a8358",
        "qzvkxwjhtbnmpfgrcl",
        "aB-_9x8Wq7Lm2Np5Rt",
        "QWXZK-PLMVT-RNGHB-YTRFD",
        "a1b2-c3d4e5-f6g7h8-9i0j",
    ];
    all(&tokens, random, true);
    let names = [
        "getPagesInDocumentSpace",
        "my-app-secret-2024",
        "claude-3-5-sonnet-20241022",
        "/usr/share/ca-certificates/mozilla",
        "UsernamePasswordAuthenticationToken",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        "00000000000000000000000000000000",
        "v1.28.3-eks-4f4795d",
        "en-us-east-1-production",
    ];
    all(&names, random, false);
}

#[test]
fn letters_without_words_are_gibberish() {
    all(&["qzvkxwjhtbnmpfgrcl", "xkcdqwrtzpl"], gibberish, true);
    all(&["authentication", "configuration", "thequickbrownfox", "short"], gibberish, false);
}

#[test]
fn stand_ins_and_templates_are_no_secrets() {
    let texts = [
        "${DB_PASSWORD}",
        "{{ .Values.secret }}",
        "$(cat key)",
        "<your-token>",
        "%PASSWORD%",
        "$TOKEN",
        "your-api-key",
        "xxxxxxxx",
        "aaaaaaaa",
        "process.env.KEY",
        "insert_key_here",
    ];
    all(&texts, stand_in, true);
    all(&["w1nter#Rain", "p{a}s$s{w", "9f3b1c07d2e8"], stand_in, false);
}

#[test]
fn passwords_have_two_kinds_of_characters_and_are_no_code() {
    all(&["w1nterRain", "winter&Rain!", "Ab3#xyz"], password, true);
    all(&["winter", "get_password()", "request.form.password", "12345678", "form['x1']", "a1", "user::pass1"], password, false);
}

#[test]
fn places_and_numbers_in_order_are_known() {
    all(&["https://example.net/x", "./keys/a1.bin", "server.pem", "~/x9"], place, true);
    all(&["dzFudGVyUmFpbg/9x", "w1nter"], place, false);
    all(&["123456", "111111", "11223344"], in_order, true);
    all(&["402917", "654321"], in_order, false);
    all(&["5b0f7c1e-93da-4e62-8f17-0a4bd2c6e985"], uuid, true);
    all(&["5b0f7c1e-93da-4e62-8f17-0a4bd2c6e98g", "5b0f7c1e"], uuid, false);
}

#[test]
fn a_name_is_read_across_the_start_of_the_match() {
    let seen = Seen { value: "v", whole: "Key_id = v", before: "let myApi" };
    assert_eq!(name_of(&seen), "myApiKey_id");
    assert_eq!(last_word("myApiKey_id"), "id");
    assert_eq!(last_word("credentialsId2"), "id");
    assert_eq!(last_word("API_KEY"), "key");
}

#[test]
fn the_name_decides_what_a_value_is() {
    let value = "4kQz9TnW2bXs7LmV0cRy";
    let with = |name: &str| assigned(&Seen { value, whole: &format!("{name} = {value}"), before: "" });
    for name in ["api_key", "clientSecret", "ACME_TOKEN", "authorization"] {
        assert!(with(name), "{name}");
    }
    for name in ["keyId", "public_key", "secret_path", "tokenizer", "author", "foreignKey", "access_url"] {
        assert!(!with(name), "{name}");
    }
}
