//! Escapes: `\u0041`, `\n`, `\"`, however often they were escaped again, and the colors of terminals.

use super::{Even, Form};

/// Backslashes before one character: escaped three times.
const BACKSLASHES: usize = 8;

/// How long the escape at the start of `rest` is and what it becomes; nothing where the end cuts it off.
pub(super) fn read(rest: &[u8], form: Form, last: bool) -> Option<(usize, Even)> {
    let slashes = rest.iter().take(BACKSLASHES).take_while(|byte| **byte == b'\\').count();
    let Some(&next) = rest.get(slashes) else {
        return last.then_some((slashes, Even::Same));
    };
    // In a document, an even number of backslashes ends before a quote: it is the end of a string.
    let even = slashes.is_multiple_of(2);
    let one = |c: char| Some((slashes + 1, Even::As(c)));
    match next {
        b'u' => match unit(rest, slashes + 1, last)? {
            Some(0x1B) => color(rest, slashes + 5, last),
            Some(high @ 0xD800..=0xDBFF) => pair(rest, slashes, high, last),
            Some(code) => Some((slashes + 5, char::from_u32(code).map_or(Even::Same, evened))),
            None => Some((slashes, Even::Same)),
        },
        b'n' => one('\n'),
        b't' => one('\t'),
        b'r' => one('\r'),
        b'b' | b'f' if form == Form::Json && !even => one(' '),
        b'x' if rest.len() < slashes + 3 && !last => None,
        b'x' if rest.get(slashes + 1..slashes + 3).is_some_and(|code| code.eq_ignore_ascii_case(b"1b")) => color(rest, slashes + 3, last),
        b'"' if !(form == Form::Json && even) => one('"'),
        b'/' => one('/'),
        b'\'' if form == Form::Plain || !even => one('\''),
        _ => Some((slashes, Even::Same)),
    }
}

fn evened(c: char) -> Even {
    match super::digits::even(c) {
        Even::Same => Even::As(c),
        other => other,
    }
}

/// Four hexadecimal digits at `at`; `Some(None)` where something else stands there.
fn unit(rest: &[u8], at: usize, last: bool) -> Option<Option<u32>> {
    let mut code = 0;
    for place in at..at + 4 {
        match rest.get(place) {
            Some(&byte) => match char::from(byte).to_digit(16) {
                Some(digit) => code = code * 16 + digit,
                None => return Some(None),
            },
            None => return last.then_some(None),
        }
    }
    Some(Some(code))
}

/// The second half of a character beyond the first plane.
fn pair(rest: &[u8], slashes: usize, high: u32, last: bool) -> Option<(usize, Even)> {
    let first = slashes + 5;
    for place in first..=first + slashes {
        let wanted = if place == first + slashes { b'u' } else { b'\\' };
        match rest.get(place) {
            Some(&byte) if byte == wanted => {}
            Some(_) => return Some((first, Even::Same)),
            None => return last.then_some((first, Even::Same)),
        }
    }
    match unit(rest, first + slashes + 1, last)? {
        Some(low @ 0xDC00..=0xDFFF) => {
            let c = char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
            Some((first + slashes + 5, c.map_or(Even::Same, evened)))
        }
        _ => Some((first, Even::Same)),
    }
}

/// The longest list of numbers in a terminal's color.
const COLOR_BYTES: usize = 16;

/// A terminal's color, whose `ESC` ends at `from`: it stands where a space could.
pub(super) fn color(rest: &[u8], from: usize, last: bool) -> Option<(usize, Even)> {
    let stay = Some((from, Even::As(' ')));
    match rest.get(from) {
        Some(b'[') => {}
        Some(_) => return stay,
        None => return if last { stay } else { None },
    }
    let numbers = rest.iter().skip(from + 1).take(COLOR_BYTES).take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    match rest.get(from + 1 + numbers) {
        Some(byte) if byte.is_ascii_alphabetic() => Some((from + 2 + numbers, Even::As(' '))),
        Some(_) => stay,
        None => {
            if last {
                stay
            } else {
                None
            }
        }
    }
}
