//! What is a token and what only stands for one: edges that words do not have, placeholders, heads of JSON web tokens.
//!
//! Pure functions of a match and the little that stands before it; none of them keeps or tells what it saw.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::entropy;
use crate::rule::Seen;

/// Base64 as people cut it: padding or none, last bits whatever they are.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Words of templates: a value that holds one stands for a secret and is none.
const TEMPLATE_WORDS: &[&str] = &[
    "your_",
    "your-",
    "your/",
    "-your",
    "_your",
    "yourkey",
    "yourapi",
    "yourtoken",
    "yoursecret",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "insert",
    "replace",
    "redacted",
    "dummy",
    "<",
    "${",
    "{{",
    "%(",
    "***",
    "...",
    "example_",
];

/// Words in the names of what holds a key.
const KEY_WORDS: [&str; 14] =
    ["token", "key", "secret", "pass", "auth", "pat", "sid", "api", "cred", "sk", "pwd", "client", "access", "unseal"];

/// Passwords that pages and manuals use where a reader puts his own.
const STOCK_PASSWORDS: &[&str] = &[
    "pass",
    "password",
    "passwd",
    "pwd",
    "secret",
    "user",
    "username",
    "changeme",
    "mypassword",
    "my_password",
    "my-password",
    "test",
    "admin",
    "root",
    "foo",
    "bar",
    "123456",
    "12345678",
    "redispw",
    "1234",
    "minioadmin",
    "postgres",
    "mysql",
    "guest",
    "example",
    "token",
    "pw",
    "p",
    "s3cret",
];

/// A token with a left edge of its own that is no placeholder.
#[must_use]
pub fn token(seen: &Seen<'_>) -> bool {
    edge(seen.before) && !placeholder(seen.value)
}

/// A value that is no placeholder, wherever it begins.
#[must_use]
pub fn real(seen: &Seen<'_>) -> bool {
    !placeholder(seen.value)
}

/// A token that is random enough to be one: words with hyphens are not.
#[must_use]
pub fn random_token(seen: &Seen<'_>) -> bool {
    token(seen) && random(seen.value)
}

/// An assigned value that is random enough to be a secret.
#[must_use]
pub fn random_value(seen: &Seen<'_>) -> bool {
    !placeholder(seen.value) && random(seen.value)
}

/// An AWS key id: the vendor's own samples end in `EXAMPLE`.
#[must_use]
pub fn aws_id(seen: &Seen<'_>) -> bool {
    token(seen) && !seen.value.ends_with("EXAMPLE")
}

/// An AWS secret key: 40 characters of base64 that are neither a hash nor the vendor's sample.
#[must_use]
pub fn aws_secret(seen: &Seen<'_>) -> bool {
    !placeholder(seen.value) && !seen.value.ends_with("EXAMPLEKEY")
}

/// A bare `sk-…` of odd length: digits and both cases, no chain of words.
#[must_use]
pub fn loose_sk(seen: &Seen<'_>) -> bool {
    let digits = seen.value.bytes().filter(u8::is_ascii_digit).count();
    digits >= 3 && random_token(seen) && entropy(seen.value) >= 3.5
}

/// A token of letters whose prefix is also the beginning of names in programs: no `_` follows, and it is no chain of one case without
/// digits.
#[must_use]
pub fn letters(seen: &Seen<'_>) -> bool {
    token(seen) && seen.value.rsplit('_').next().is_some_and(|body| body.len() >= 30 && entropy(body) >= 2.0)
}

/// A GitHub token: its body has no words of programs in it.
#[must_use]
pub fn github(seen: &Seen<'_>) -> bool {
    token(seen) && entropy(seen.value) >= 2.5
}

/// Forty hexadecimal digits that are assigned to something of GitHub's: a commit's name in a path is none.
#[must_use]
pub fn github_hex(seen: &Seen<'_>) -> bool {
    let name = seen.whole.strip_suffix(seen.value).unwrap_or_default().to_ascii_lowercase();
    !placeholder(seen.value) && ["token", "key", "secret", "pat", "pass", "auth"].iter().any(|word| name.contains(word))
}

/// A Slack token: one part of it at least is digits or random.
#[must_use]
pub fn slack(seen: &Seen<'_>) -> bool {
    token(seen) && seen.value.bytes().filter(u8::is_ascii_digit).count() >= 1
}

/// A key that a service of Azure signed: long, random, with digits.
#[must_use]
pub fn azure_signed(seen: &Seen<'_>) -> bool {
    random_token(seen) && entropy(seen.value) >= 3.5 && mixed(seen.value)
}

fn mixed(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_uppercase())
        && value.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// A token with at least two digits: words in capitals have none.
#[must_use]
pub fn digits_in(seen: &Seen<'_>) -> bool {
    token(seen) && seen.value.bytes().filter(u8::is_ascii_digit).count() >= 2
}

/// A value with at least two digits that is no placeholder.
#[must_use]
pub fn digits_real(seen: &Seen<'_>) -> bool {
    !placeholder(seen.value) && seen.value.bytes().filter(u8::is_ascii_digit).count() >= 2
}

/// A private key in base64 once more.
#[must_use]
pub fn pem_base64(seen: &Seen<'_>) -> bool {
    let head = seen.value.get(..seen.value.len().min(64) / 4 * 4).unwrap_or_default();
    STANDARD_NO_PAD.decode(head).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains("PRIVATE"))
}

/// A value in a header or an option that is random enough to be a secret, of at least eight characters.
#[must_use]
pub fn header_value(seen: &Seen<'_>) -> bool {
    !placeholder(seen.value) && !template(seen.value) && seen.value.bytes().any(|byte| byte.is_ascii_digit()) && entropy(seen.value) >= 2.5
}

/// A token before a URL's host: long and random.
#[must_use]
pub fn userinfo_token(seen: &Seen<'_>) -> bool {
    let token = seen.value.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map_or("", |(token, _)| token);
    !placeholder(token) && random(token) && entropy(token) >= 3.2
}

/// A password of an ADO string or of a URL's parameters.
#[must_use]
pub fn ado_password(seen: &Seen<'_>) -> bool {
    let value = seen.value.trim_matches(['{', '}']);
    let code = ["None", "null", "nil", "true", "false", "undefined", "self.", "this.", "os.", "process.", "config.", "…"];
    let program = value.contains(['(', '[', ']']) || code.iter().any(|word| value.starts_with(word)) || value.ends_with(',');
    let word = value.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.'));
    value.len() >= 3
        && !placeholder(value)
        && !template(seen.value.trim_start_matches('{'))
        && !value.starts_with(['$', '%', '@', '#', '&'])
        && (!program || value.len() >= 40)
        && (!word || seen.before.contains([';', '&', '?']))
}

/// A connection string from its user on: its password is no template.
#[must_use]
pub fn ado_whole(seen: &Seen<'_>) -> bool {
    let secret = seen.value.rsplit_once('=').map_or("", |(_, secret)| secret.trim());
    !placeholder(secret) && !template(secret) && !secret.starts_with('$')
}

/// `user:password` of a command's option.
#[must_use]
pub fn user_password(seen: &Seen<'_>) -> bool {
    let (user, secret) = seen.value.split_once(':').unwrap_or_default();
    let secret = secret.trim_matches(['"', '\'']);
    !placeholder(secret) && !template(secret) && !secret.starts_with('$') && !user.starts_with('-') && !secret.starts_with("//")
}

/// `user:password` of an option that has other meanings too: the password has letters, with digits or signs among them.
#[must_use]
pub fn option_password(seen: &Seen<'_>) -> bool {
    let secret = seen.value.split_once(':').map_or("", |(_, secret)| secret);
    let letters = secret.bytes().any(|byte| byte.is_ascii_alphabetic());
    user_password(seen) && letters && secret.len() >= 6 && secret.bytes().any(|byte| !byte.is_ascii_alphabetic())
}

/// A value that is assigned to something whose name speaks of a key: hashes and identifiers are assigned to other names.
#[must_use]
pub fn named(seen: &Seen<'_>) -> bool {
    random_value(seen) && name_of(seen, &KEY_WORDS)
}

/// An AWS secret by its name: mixed characters, or a name that says secret.
#[must_use]
pub fn aws_named(seen: &Seen<'_>) -> bool {
    let bytes = seen.value.as_bytes();
    let varied =
        bytes.iter().any(u8::is_ascii_uppercase) && bytes.iter().any(u8::is_ascii_lowercase) && bytes.iter().any(u8::is_ascii_digit);
    aws_secret(seen) && (varied || name_of(seen, &["secret", "key", "token", "pass"]))
}

/// Whether what stands before a value within its match has one of these words.
fn name_of(seen: &Seen<'_>, words: &[&str]) -> bool {
    let name = seen.whole.strip_suffix(seen.value).unwrap_or(seen.whole).to_ascii_lowercase();
    words.iter().any(|word| name.contains(word))
}

/// A value with digits or signs that words do not have.
#[must_use]
pub fn odd_value(seen: &Seen<'_>) -> bool {
    let odd = |byte: u8| {
        byte.is_ascii_digit() || matches!(byte, b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'+' | b'=' | b'/' | b'?')
    };
    !placeholder(seen.value) && !template(seen.value) && !seen.value.starts_with(['$', '%', '@']) && seen.value.bytes().any(odd)
}

/// A JSON web token: its head is a JSON object that names an algorithm, a type, or a key; or two parts both begin as JSON objects do.
#[must_use]
pub fn jwt(seen: &Seen<'_>) -> bool {
    if !edge(seen.before) {
        return false;
    }
    let mut parts = seen.value.split('.');
    let (head, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    second.starts_with("ey") && second.len() > 5 || json_head(head)
}

fn json_head(head: &str) -> bool {
    let Ok(bytes) = LENIENT.decode(head.trim_end_matches('=')) else { return false };
    let text = String::from_utf8_lossy(&bytes);
    text.starts_with('{') && ["\"alg\"", "\"typ\"", "\"enc\"", "\"kid\""].iter().any(|field| text.contains(field))
}

/// A private key's first lines: its body begins before its end.
#[must_use]
pub fn key_body(seen: &Seen<'_>) -> bool {
    !seen.value.contains("-----END") && !seen.value.contains("----END")
}

/// `user:password` in base64.
#[must_use]
pub fn basic(seen: &Seen<'_>) -> bool {
    let value = seen.value.trim_end_matches('=');
    let decoded = STANDARD_NO_PAD.decode(value).or_else(|_| LENIENT.decode(value)).or_else(|_| URL_SAFE_NO_PAD.decode(value));
    decoded.is_ok_and(|bytes| {
        let text = String::from_utf8_lossy(&bytes);
        bytes.contains(&b':') && !placeholder(&text)
    })
}

/// A password in a URL or connection string: no placeholder and none of the words that manuals use.
#[must_use]
pub fn password(seen: &Seen<'_>) -> bool {
    let secret = url_password(seen.value);
    !template(seen.value) && !placeholder(secret) && !stock(secret) && !port(secret)
}

/// A password in a URL or connection string that is one of the words that manuals use.
#[must_use]
pub fn stock_password(seen: &Seen<'_>) -> bool {
    let secret = url_password(seen.value);
    !template(seen.value) && !placeholder(secret) && stock(secret)
}

/// What is the password of `scheme://user:password@host`, or of a value that is one.
fn url_password(value: &str) -> &str {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let Some((info, _)) = rest.rsplit_once('@') else { return value };
    info.split_once(':').map_or(info, |(_, secret)| secret)
}

fn stock(secret: &str) -> bool {
    let word = secret.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '!' | '@'));
    let listed = |secret: &str| STOCK_PASSWORDS.iter().any(|word| word.eq_ignore_ascii_case(secret));
    secret.len() < 4 || listed(secret) || listed(word)
}

fn port(secret: &str) -> bool {
    secret.len() <= 5 && secret.len() >= 2 && secret.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a value has the marks of a template where a secret would be: `<…>`, `${…}`, `$VAR`, `{name}`, `%s`, `[…]`.
fn template(value: &str) -> bool {
    let secret = url_password(value);
    secret.starts_with(['<', '[', '*'])
        || secret.starts_with(['{', '%']) && !secret.bytes().any(|byte| byte.is_ascii_digit())
        || secret.starts_with('$')
            && secret.bytes().skip(1).all(|byte| byte.is_ascii_uppercase() || byte == b'_' || matches!(byte, b'{' | b'(' | b'}' | b')'))
        || secret.contains("${")
        || secret.contains("#{")
        || secret.contains("$(")
}

/// Whether a token may begin behind this text: no letter or digit stands there, but for the end of a color code or an escape.
#[must_use]
pub fn edge(before: &str) -> bool {
    let bytes = before.as_bytes();
    let Some((&last, rest)) = bytes.split_last() else { return true };
    if !last.is_ascii_alphanumeric() {
        return true;
    }
    let behind = rest.last().copied();
    match last {
        b'm' if color(rest) => true,
        b'n' | b't' | b'r' if behind == Some(b'\\') => true,
        _ => {
            last.is_ascii_hexdigit()
                && behind.is_some_and(|byte| byte.is_ascii_hexdigit())
                && rest.len() > 1
                && rest.get(rest.len() - 2) == Some(&b'%')
        }
    }
}

/// Whether a text ends in a color code without its `m`: `ESC [ digits`.
fn color(text: &[u8]) -> bool {
    let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    text.len().checked_sub(digits + 1).and_then(|at| text.get(at)) == Some(&b'[')
}

/// Whether a value only stands for a secret: words of templates, or nothing but filling.
#[must_use]
pub fn placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    if lower.starts_with("your") || TEMPLATE_WORDS.iter().any(|word| lower.contains(word)) {
        return true;
    }
    let filling = lower.bytes().filter(|byte| matches!(byte, b'x' | b'*' | b'.' | b'0' | b'#')).count();
    let longest = longest_run(lower.as_bytes());
    filling * 2 > value.len() && longest >= 6 || longest >= 10 && lower.contains("xxxxxxxxxx")
}

fn longest_run(bytes: &[u8]) -> usize {
    let (mut longest, mut run, mut last) = (0, 0, None);
    for &byte in bytes {
        run = if last == Some(byte) { run + 1 } else { 1 };
        last = Some(byte);
        longest = longest.max(run);
    }
    longest
}

/// Whether a value looks drawn by chance: letters with digits (or both cases mixed), and many different ones.
fn random(value: &str) -> bool {
    let digit = value.bytes().any(|byte| byte.is_ascii_digit());
    let cases = value.bytes().filter(u8::is_ascii_uppercase).count().min(value.bytes().filter(u8::is_ascii_lowercase).count());
    (digit || cases >= 4) && entropy(value) >= 2.8
}

#[cfg(test)]
mod tests;
