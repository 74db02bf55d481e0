//! Whether what is assigned to a name is a secret: how random it looks, what the name says, what stands for "none yet".
//!
//! All of it is a judgement on form. Nothing here knows a vendor ([`crate::builtin`] does), a language's grammar, or a list of words
//! beyond those that people write in place of a secret.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use memchr::memmem;

use self::words::{ABOUT, FILES, FOLLOWERS, HARMLESS, STAND_INS};
use super::entropy;
use crate::rule::Seen;

mod words;

/// A run of letters and digits shorter than this is too short to be judged random on its own.
const RUN_BYTES: usize = 10;
/// Letters without digits need this many before their pairs say anything.
const LETTERS_BYTES: usize = 16;
/// Fewer letter pairs of English than this share of all, and letters are no words. Chance gives 0.44, English above 0.9.
const WORDY: f64 = 0.7;

/// Whether letters look drawn by chance: their pairs are not those of words.
#[must_use]
pub fn gibberish(letters: &str) -> bool {
    let bytes = letters.as_bytes();
    let pairs = bytes.windows(2).filter(|pair| pair.iter().all(u8::is_ascii_alphabetic));
    let (mut all, mut known) = (0_u32, 0_u32);
    for pair in pairs {
        let [first, second] = pair else { continue };
        all += 1;
        let followers = FOLLOWERS.get(usize::from(first.to_ascii_lowercase() - b'a')).copied().unwrap_or_default();
        known += u32::from(followers.contains(&second.to_ascii_lowercase()));
    }
    all >= 8 && f64::from(known) < WORDY * f64::from(all)
}

/// Whether a text looks drawn by chance: a long run of letters and digits in turns, or letters whose pairs no language has.
#[must_use]
pub fn random(text: &str) -> bool {
    if fewer_than(6, text) || alphabet(text) {
        return false;
    }
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(scrambled) || grouped(text)
}

/// Groups of four and more letters and digits with `-` between them, as licence keys are written.
fn grouped(text: &str) -> bool {
    let groups = || text.split('-');
    let length = groups().map(str::len).max().unwrap_or_default();
    let licence = groups().count() >= 4
        && groups().all(|group| group.len() == length && length >= 4 && group.bytes().all(|byte| !byte.is_ascii_lowercase()));
    let with_digits = groups().filter(|group| group.bytes().any(|byte| byte.is_ascii_digit())).count();
    groups().count() >= 3
        && groups().all(|group| group.len() >= 4 && group.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        && (licence || with_digits * 2 > groups().count() && scrambled(&text.replace('-', "")))
}

/// One run of letters and digits: do they take turns, as they do by chance and not in names with a number?
fn scrambled(run: &str) -> bool {
    if run.len() < RUN_BYTES {
        return false;
    }
    let bytes = run.as_bytes();
    let turns = bytes.windows(2).filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit())).count();
    let calm = in_words(bytes) * 2 < run.len();
    if turns == 0 {
        return run.len() >= LETTERS_BYTES && run.bytes().all(|byte| byte.is_ascii_alphabetic()) && gibberish(run);
    }
    turns >= 2 && calm && entropy(run) >= 2.5
}

/// How many letters of a run stand in parts that may be words. A part ends at a digit and before a capital after a small letter.
fn in_words(run: &[u8]) -> usize {
    let joined = |a: &u8, b: &u8| a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && !(a.is_ascii_lowercase() && b.is_ascii_uppercase());
    run.chunk_by(joined).filter(|part| part.len() >= 5 && !gibberish_part(part)).map(<[u8]>::len).sum()
}

/// As [`gibberish`], for parts too short for it: at most half of their pairs are known.
fn gibberish_part(bytes: &[u8]) -> bool {
    let known = bytes.windows(2).filter(|pair| {
        let [first, second] = pair else { return false };
        first.is_ascii_alphabetic()
            && FOLLOWERS.get(usize::from(first.to_ascii_lowercase() - b'a')).is_some_and(|next| next.contains(&second.to_ascii_lowercase()))
    });
    known.count() * 10 < 7 * (bytes.len() - 1)
}

fn distinct(text: &str) -> usize {
    let (mut low, mut high) = (0_u128, 0_u128);
    for byte in text.bytes() {
        let bit = 1_u128 << (byte & 127);
        if byte < 128 {
            low |= bit;
        } else {
            high |= bit;
        }
    }
    usize::try_from(low.count_ones() + high.count_ones()).unwrap_or(0)
}

/// Whether a text has fewer different bytes: most have enough among their first ones.
fn fewer_than(least: usize, text: &str) -> bool {
    let few = text.len() > 4 * least && text.get(..4 * least).is_none_or(|beginning| distinct(beginning) < least);
    (few || text.len() <= 4 * least) && distinct(text) < least
}

/// A list of characters, such as code has for encodings: long, no character twice, many in order.
fn alphabet(text: &str) -> bool {
    let in_order = text.as_bytes().windows(2).filter(|pair| matches!(pair, [a, b] if a.checked_add(1) == Some(*b))).count();
    text.len() >= 26 && distinct(text) * 20 >= text.len() * 19 && in_order * 2 > text.len()
}

/// Whether a text stands for a secret that is not there: `example`, `${PASSWORD}`, `<token>`, `xxxx`, `os.environ[…]`.
#[must_use]
pub fn stand_in(text: &str) -> bool {
    static WORDS: Words = Words::of(STAND_INS);
    fewer_than(3, text) || WORDS.stand_in(text) || template(text)
}

/// Words that are looked for in a text all at once, in any case.
struct Words(&'static [&'static str], OnceLock<Option<AhoCorasick>>);

impl Words {
    const fn of(words: &'static [&'static str]) -> Self {
        Self(words, OnceLock::new())
    }

    fn stand_in(&self, text: &str) -> bool {
        let ready = self.1.get_or_init(|| {
            AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .kind(Some(AhoCorasickKind::DFA))
                .match_kind(MatchKind::Standard)
                .prefilter(false)
                .build(self.0)
                .ok()
        });
        ready.as_ref().is_some_and(|words| words.try_find(Input::new(text).earliest(true)).is_ok_and(|found| found.is_some()))
    }
}

/// `${name}`, `{{name}}`, `$(name)`, `%name%`, `$name`, `#{name}`, `%s`.
fn template(text: &str) -> bool {
    if memchr::memchr3(b'$', b'{', b'%', text.as_bytes()).is_none() {
        return false;
    }
    let name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b':' | b' '))
    };
    let inside =
        |open: &str, close: &str| text.split_once(open).and_then(|(_, rest)| rest.split_once(close)).is_some_and(|(inner, _)| name(inner));
    inside("${", "}")
        || inside("{{", "}}")
        || inside("$(", ")")
        || inside("#{", "}")
        || text.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')).is_some_and(name)
        || text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).is_some_and(name)
        || text.strip_prefix('$').is_some_and(|rest| name(rest) && rest.bytes().all(|byte| byte != b' '))
        || text.starts_with("%s")
        || text.starts_with("%(")
}

/// The name that a value is assigned to, in lower case: what of it stands before the match, and what the match begins with.
fn name_of(seen: &Seen<'_>) -> String {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let left = seen.before.bytes().rev().take_while(part).count();
    let right = seen.whole.bytes().take_while(part).count();
    let left = seen.before.get(seen.before.len() - left..).unwrap_or_default();
    let right = seen.whole.get(..right.min(seen.whole.len() - seen.value.len())).unwrap_or_default();
    format!("{left}{right}")
}

/// The last word of a name: `apiKeyId` → `id`.
fn last_word(name: &str) -> String {
    let trimmed = name.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
    let bytes = trimmed.as_bytes();
    let mut from = bytes.len();
    while let Some(at) = from.checked_sub(1) {
        let Some(&byte) = bytes.get(at) else { break };
        if !byte.is_ascii_alphabetic() {
            break;
        }
        from = at;
        let before_is_lower = at.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_lowercase);
        if byte.is_ascii_uppercase() && before_is_lower {
            break;
        }
    }
    trimmed.get(from..).unwrap_or_default().to_ascii_lowercase()
}

/// Whether a name may be that of a secret: it is not about one, and holds no harmless word.
fn may_hold_a_secret(name: &str) -> bool {
    static WORDS: Words = Words::of(HARMLESS);
    static AUTHOR: Words = Words::of(&["author"]);
    static AUTHORIZED: Words = Words::of(&["authoriz"]);
    let author = AUTHOR.stand_in(name) && !AUTHORIZED.stand_in(name);
    !author && !ABOUT.contains(&last_word(name).as_str()) && !WORDS.stand_in(name)
}

/// Whether a text is a place: an address, a path, a file.
fn place(text: &str) -> bool {
    let ends = |ending: &&str| {
        text.len()
            .checked_sub(ending.len())
            .and_then(|at| text.as_bytes().get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(ending.as_bytes()))
    };
    memmem::find(text.as_bytes(), b"://").is_some()
        || text.starts_with("./")
        || text.starts_with("../")
        || text.starts_with("~/")
        || FILES.iter().any(ends)
}

/// `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` of hexadecimal digits.
#[must_use]
pub fn uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() })
}

/// Whether a name says password, in one of the forms people write it.
fn says_password(name: &str) -> bool {
    static WORDS: Words = Words::of(&["passw", "passwd", "pwd", "passphrase", "pswd", "psw", "pssw", "pasw"]);
    WORDS.stand_in(name) || {
        let word = last_word(name);
        matches!(word.as_str(), "pass" | "pw" | "passcode" | "passkey") || name.to_ascii_lowercase().ends_with("pw") && word.len() <= 6
    }
}

/// What stands between a name and its value: an operator, a quote, or neither.
fn between<'a>(seen: &Seen<'a>) -> &'a str {
    let name = seen.whole.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')).count();
    let value = if seen.whole.ends_with(seen.value) { Some(seen.whole.len() - seen.value.len()) } else { seen.whole.rfind(seen.value) };
    value.and_then(|value| seen.whole.get(name.min(value)..value)).unwrap_or_default()
}

/// What can be told at a glance: a name that is set to itself (`password=password=…`), and what is too short to be anything but a
/// password where no name of one stands before it.
fn hopeless(seen: &Seen<'_>) -> bool {
    let name = seen.whole.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let repeats = || {
        seen.value
            .as_bytes()
            .get(..name)
            .is_some_and(|begin| begin.eq_ignore_ascii_case(seen.whole.as_bytes().get(..name).unwrap_or_default()))
    };
    let before = seen.whole.len().saturating_sub(seen.value.len());
    let may_be_password = || memchr::memchr2(b'p', b'P', seen.whole.as_bytes().get(..before).unwrap_or_default()).is_some();
    let next = || seen.value.as_bytes().get(name).is_some_and(|byte| matches!(byte, b'=' | b':' | b' '));
    repeats() && next() || seen.value.len() < 10 && !may_be_password()
}

/// Whether what a name of a secret is set to is one: random for keys and tokens; for passwords at least of two kinds of characters.
/// Where no operator stands between them, only what can be nothing else is.
#[must_use]
pub fn assigned(seen: &Seen<'_>) -> bool {
    if hopeless(seen) {
        return false;
    }
    let name = name_of(seen);
    let value = seen.value.trim_end_matches(['.', ':', ',', ')', ']', '}', '?', '!', '|']);
    if !may_hold_a_secret(&name) || stand_in(value) || place(value) {
        return false;
    }
    let between = between(seen);
    let (operator, quote, option) =
        (between.contains(['=', ':', '>', ',', '(', '%']), between.contains(['"', '\'', '`']), name.starts_with('-'));
    let verb = between.trim().split([' ', '\t']).next().is_some_and(|word| matches!(word, "is" | "was" | "IS" | "Is"));
    // `AWS::EKS::AccessEntry` and its like are types.
    let scope = seen.before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if scope.ends_with("::") && between.starts_with(['"', '\'']) {
        return false;
    }
    if says_password(&name) {
        if last_word(&name) == "pass" && !operator && !option || seen.value.starts_with('-') {
            return false;
        }
        return password(seen.value) && (operator || quote || option || verb && chosen(value));
    }
    let least = if operator || option { 10 } else { 16 };
    let bare = operator
        || option
        || value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=' | b'/' | b'+' | b'.'));
    value.len() >= least && bare && (random(value) || uuid(value))
}

/// Whether what stands in quotes behind a word for passwords is one, of any characters but blanks.
#[must_use]
pub fn quoted(seen: &Seen<'_>) -> bool {
    let value = seen.value;
    let count = |kind: fn(&u8) -> bool| value.bytes().filter(kind).count();
    let (digits, letters, signs) = (count(u8::is_ascii_digit), count(u8::is_ascii_alphabetic), count(u8::is_ascii_punctuation));
    may_hold_a_secret(&name_of(seen))
        && !stand_in(value)
        && !place(value)
        && letters >= 2
        && (digits > 0 && signs > 0 && !value.contains(['/', '_', '-']) || signs >= 3 && distinct(value) >= 10 && strange(value))
}

/// Signs that no name, path, selector or format is made of, at least three kinds.
fn strange(text: &str) -> bool {
    distinct(
        &text
            .bytes()
            .filter(|byte| matches!(byte, b'!'..=b',' | b';'..=b'@' | b'[' | b']' | b'^' | b'{'..=b'~'))
            .map(char::from)
            .collect::<String>(),
    ) >= 3
}

/// Whether what follows a word for passwords in a language without Latin letters is one.
#[must_use]
pub fn native(seen: &Seen<'_>) -> bool {
    let value = seen.value.trim_end_matches(['.', ':', ',', ')', ']', '}']);
    let word = seen.whole.strip_suffix(seen.value).unwrap_or_default();
    let said = word.contains([':', '：', '=', '＝', '>', '是', '为', '為', 'は', '은', '는']);
    let key = word.starts_with("密钥") || word.starts_with("密鑰") || word.starts_with("令牌");
    if !said || stand_in(value) || place(value) {
        return false;
    }
    if key {
        random(value)
    } else {
        password(value) || value.len() <= 12 && value.bytes().all(|byte| byte.is_ascii_digit()) && !in_order(value)
    }
}

/// `123456` and its like: nobody's secret.
fn in_order(digits: &str) -> bool {
    digits.as_bytes().windows(2).all(|pair| matches!(pair, [a, b] if a.checked_add(1) == Some(*b) || a == b))
}

/// Whether what carries a mark is a token: of enough different characters, and no stretch of something encoded.
#[must_use]
pub fn marked(seen: &Seen<'_>) -> bool {
    let encoded = seen.before.ends_with('+') || seen.before.ends_with('/') && !seen.before.ends_with("//");
    !encoded && distinct(seen.value) >= 6
}

/// Whether a text stands for no secret: it is no name of one, and no template.
#[must_use]
pub fn filled_in(seen: &Seen<'_>) -> bool {
    !stand_in(seen.value)
}

/// Whether a text looks drawn by chance, and stands for nothing: what follows `Bearer`, or a mark.
#[must_use]
pub fn bearer(seen: &Seen<'_>) -> bool {
    !stand_in(seen.value) && random(seen.value)
}

/// A password as a program or a careful person makes it: letters of both cases or a sign, and digits.
fn chosen(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.bytes().any(|byte| kind(&byte));
    text.len() >= 6 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

/// Whether a text can be a password that a person or a machine chose: letters with digits or signs, not the text of a program.
#[must_use]
pub fn password(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let signs = text
        .bytes()
        .filter(|byte| matches!(byte, b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'+' | b'=' | b'?' | b'~'))
        .count();
    if text.len() < 6 || code(text) || letters == 0 {
        return false;
    }
    digits > 0 && letters >= 2
        || signs > 0 && text.len() >= 8 && !text.starts_with(['@', '#', '$', '%', '&', '*', '?', '=', '!'])
        || gibberish(text)
}

/// A call, an index, a field, a comparison: something that a program evaluates.
fn code(text: &str) -> bool {
    let call = text.find(['(', '[']).is_some_and(|at| at > 0 && text.as_bytes().get(at - 1).is_some_and(u8::is_ascii_alphanumeric));
    let field = text.as_bytes().windows(2).any(|pair| matches!(pair, b"->" | b"::" | b"==" | b"=>" | b"&&" | b"||"));
    let dotted =
        text.split('.').count() > 1 && text.split('.').all(|part| part.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic()));
    call || field || dotted
}

#[cfg(test)]
mod tests;
