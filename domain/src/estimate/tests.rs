use super::*;

fn count(text: &str) -> TextCount {
    TextCount {
        ascii_bytes: text.bytes().filter(u8::is_ascii).count().try_into().unwrap(),
        non_ascii_chars: text.chars().filter(|c| !c.is_ascii()).count().try_into().unwrap(),
    }
}

/// A stand-in for the dearest tokenizers, not one of them: a word costs a token for each four letters begun, every
/// digit, mark and line break one, every other character two.
fn dearest(text: &str) -> u64 {
    let mut tokens = 0;
    let mut run = 0_u64;
    for c in text.chars() {
        if c.is_ascii_alphabetic() {
            run += 1;
            tokens += u64::from(run % 4 == 1);
            continue;
        }
        run = 0;
        tokens += match c {
            // A space belongs to the word behind it.
            ' ' => 0,
            c if c.is_ascii() => 1,
            _ => 2,
        };
    }
    tokens
}

#[test]
fn likely_is_a_quarter_of_ascii_and_one_for_every_other_character() {
    let check = |ascii_bytes, non_ascii_chars, expect| assert_eq!(likely_tokens(TextCount { ascii_bytes, non_ascii_chars }), expect);
    check(0, 0, 0);
    check(1, 0, 1);
    check(4, 0, 1);
    check(5, 0, 2);
    check(400, 30, 130);
    check(u64::MAX, u64::MAX, u64::MAX);
}

#[test]
fn the_bound_holds_for_prose_code_and_cjk() {
    let texts = [
        "The quick brown fox jumps over the lazy dog, and nobody in the whole long sentence minds it very much.",
        "fn main() {\n    let total: u64 = items.iter().map(|item| item.price * item.count).sum();\n    println!(\"{total}\");\n}\n",
        "{\"name\": \"Alice\", \"city\": \"Berlin\", \"tags\": [\"alpha\", \"beta\"], \"active\": true, \"score\": 12.5}",
        "敏捷的棕色狐狸跳过了懒狗,这是一个用来测试的句子。",
        "いろはにほへと ちりぬるを 我が世誰ぞ 常ならむ",
        "다람쥐 헌 쳇바퀴에 타고파",
        "Übergrößenträger düpiert Rostträgerin fürchterlich.",
        "hi",
        "",
    ];
    for text in texts {
        // The request as a whole: text, the format of one message, the preamble.
        let real = dearest(text) + 4 + 3;
        assert!(bound_tokens(count(text), 1) >= real, "{text}: {} < {real}", bound_tokens(count(text), 1));
    }
    // Base64 at its worst: two characters a token.
    let base64 = "x8Kq".repeat(10_000);
    assert!(bound_tokens(count(&base64), 1) >= 20_000 + 7);
}

#[test]
fn digits_counted_apart_hold_for_numbers_and_digests() {
    let texts =
        ["[0.123456,0.234567,0.345678,0.456789,0.567890]", "13800138000 13900139000 13700137000", "9b74c9897bac770ffc029102a200c5de1f3e"];
    for text in texts {
        let text = text.repeat(100);
        let digits = text.bytes().filter(u8::is_ascii_digit).count().try_into().unwrap();
        assert!(bound_tokens_with_digits(count(&text), digits, 1) >= dearest(&text), "{text}");
    }
    assert_eq!(bound_tokens_with_digits(count("abc"), 0, 1), bound_tokens(count("abc"), 1));
    assert_eq!(bound_tokens_with_digits(TextCount { ascii_bytes: u64::MAX, non_ascii_chars: 1 }, u64::MAX, 1), u64::MAX);
    assert_eq!(bound_tokens_with_digits(count("12"), 99, 0), 2 + PER_REQUEST);
}

#[test]
fn the_bound_is_never_below_what_is_likely() {
    for ascii_bytes in (0..2_000).step_by(7) {
        for non_ascii_chars in (0..2_000).step_by(13) {
            for messages in [0, 1, 50] {
                let c = TextCount { ascii_bytes, non_ascii_chars };
                assert!(bound_tokens(c, messages) >= likely_tokens(c) + messages * PER_MESSAGE + PER_REQUEST);
            }
        }
    }
    assert_eq!(bound_tokens(TextCount { ascii_bytes: u64::MAX, non_ascii_chars: u64::MAX }, u64::MAX), u64::MAX);
}
