//! A trusting walk over the members of a JSON text: no checks, no allocation, ends quietly at garbage.

use super::text;
use crate::count::TextCount;
use crate::limits::LOOK_DEPTH;

/// What to do with a member's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Enter an object or array; hand over any other value.
    Into,
    /// Hand over the whole value as it is written.
    Raw,
    /// Step over it.
    Pass,
}

/// Where a member is. Arrays add no level: the objects in `choices` have the parent `choices`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// 1 for members of the outermost object.
    pub(crate) depth: u32,
    pub(crate) parent: &'a [u8],
    pub(crate) key: &'a [u8],
}

/// Who looks at members.
pub(crate) trait Visit<'a> {
    /// A member was met.
    fn member(&mut self, place: Place<'a>) -> Want;
    /// The value asked for.
    fn value(&mut self, place: Place<'a>, raw: &'a [u8]);
}

/// Walks the first object of `bytes`; true when it is whole and nothing but blanks follows it.
pub(crate) fn walk<'a>(bytes: &'a [u8], visitor: &mut impl Visit<'a>) -> bool {
    let at = blanks(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return false;
    }
    object(bytes, at, 1, b"", visitor).is_some_and(|end| blanks(bytes, end) == bytes.len())
}

fn object<'a>(bytes: &'a [u8], open: usize, depth: u32, parent: &'a [u8], visitor: &mut impl Visit<'a>) -> Option<usize> {
    let mut at = blanks(bytes, open + 1);
    loop {
        match bytes.get(at)? {
            b'}' => return Some(at + 1),
            b',' => at = blanks(bytes, at + 1),
            b'"' => {
                let end = text::close(bytes, at + 1)?;
                let key = bytes.get(at + 1..end)?;
                at = blanks(bytes, end + 1);
                if bytes.get(at)? != &b':' {
                    return None;
                }
                at = blanks(bytes, at + 1);
                let place = Place { depth, parent, key };
                let want = if depth >= LOOK_DEPTH { Want::Pass } else { visitor.member(place) };
                at = match (want, bytes.get(at)?) {
                    (Want::Into, b'{') => object(bytes, at, depth + 1, key, visitor)?,
                    (Want::Into, b'[') => array(bytes, at, depth, place, visitor)?,
                    (Want::Pass, _) => past(bytes, at)?,
                    (Want::Into | Want::Raw, _) => {
                        let end = past(bytes, at)?;
                        visitor.value(place, bytes.get(at..end)?);
                        end
                    }
                };
                at = blanks(bytes, at);
            }
            _ => return None,
        }
    }
}

fn array<'a>(bytes: &'a [u8], open: usize, depth: u32, place: Place<'a>, visitor: &mut impl Visit<'a>) -> Option<usize> {
    let mut at = blanks(bytes, open + 1);
    loop {
        at = match bytes.get(at)? {
            b']' => return Some(at + 1),
            b',' => at + 1,
            b'{' => object(bytes, at, depth + 1, place.key, visitor)?,
            _ => past(bytes, at)?,
        };
        at = blanks(bytes, at);
    }
}

/// The elements of an array as they are written.
pub(crate) fn elements(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = if raw.first() == Some(&b'[') { Some(blanks(raw, 1)) } else { None };
    std::iter::from_fn(move || {
        let mut start = at?;
        if raw.get(start) == Some(&b',') {
            start = blanks(raw, start + 1);
        }
        if raw.get(start)? == &b']' {
            at = None;
            return None;
        }
        let end = past(raw, start)?;
        at = Some(blanks(raw, end));
        raw.get(start..end)
    })
}

/// The text of a string token; nothing if it is not one.
pub(crate) fn count_token(raw: &[u8]) -> TextCount {
    if raw.first() != Some(&b'"') {
        return TextCount::default();
    }
    text::scan(raw, 1).map_or_else(|_| TextCount::of(raw), |scanned| scanned.count(raw))
}

/// The contents of a string token as written; nothing if it is not a string.
pub(crate) fn contents(raw: &[u8]) -> &[u8] {
    raw.strip_prefix(b"\"").and_then(|r| r.strip_suffix(b"\"")).unwrap_or_default()
}

#[inline]
pub(crate) fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The place after the value that starts at `at`.
pub(crate) fn past(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => Some(text::close(bytes, at + 1)? + 1),
        b'{' | b'[' => {
            let mut open = 1u32;
            let mut at = at + 1;
            while open > 0 {
                at += match bytes.get(at)? {
                    b'"' => text::close(bytes, at + 1)? + 1 - at,
                    b'{' | b'[' => {
                        open += 1;
                        1
                    }
                    b'}' | b']' => {
                        open -= 1;
                        1
                    }
                    _ => 1,
                };
            }
            Some(at)
        }
        _ => {
            let mut end = at;
            while let Some(b) = bytes.get(end) {
                if matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') {
                    break;
                }
                end += 1;
            }
            // A value of no length would stand still.
            (end > at).then_some(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Paths(Vec<String>);

    impl<'a> Visit<'a> for Paths {
        fn member(&mut self, place: Place<'a>) -> Want {
            if place.key == b"skip" { Want::Pass } else { Want::Into }
        }
        fn value(&mut self, place: Place<'a>, raw: &'a [u8]) {
            let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
            self.0.push(format!("{}/{}={}", text(place.parent), text(place.key), text(raw)));
        }
    }

    #[test]
    fn members_are_met_in_order_with_their_parents() {
        let mut paths = Paths(Vec::new());
        walk(br#" {"a":1, "b":[{"c":"x\"y"},{"c":[1,{"d":null}]}],"skip":{"e":"}"},"f":{"g":true}}"#, &mut paths);
        assert_eq!(paths.0, ["/a=1", "b/c=\"x\\\"y\"", "c/d=null", "f/g=true"]);
    }

    #[test]
    fn elements_are_cut_at_their_commas() {
        let found: Vec<&[u8]> = elements(br#"[1, {"a":[2,3]} ,"x,y"]"#).collect();
        assert_eq!(found, [&b"1"[..], br#"{"a":[2,3]}"#, br#""x,y""#]);
        assert_eq!(elements(b"[]").count(), 0);
        assert_eq!(elements(b"{}").count(), 0);
    }

    proptest! {
        #[test]
        fn garbage_ends_the_walk_quietly(bytes in proptest::collection::vec(proptest::sample::select(b"{}[]\",:a1 \\".to_vec()), 0..60)) {
            walk(&bytes, &mut Paths(Vec::new()));
            let _ = elements(&bytes).count();
        }
    }
}
