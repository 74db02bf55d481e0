//! Follows the fragments of a JSON text to where it ends.

/// How far a JSON text has come.
#[derive(Debug, Default)]
pub(crate) struct JsonEnd {
    any: bool,
    opened: bool,
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl JsonEnd {
    /// Takes the next fragment.
    pub(crate) fn feed(&mut self, fragment: &str) {
        for byte in fragment.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.opened = true;
                    self.depth += 1;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        self.any |= !fragment.trim().is_empty();
    }

    /// Something came that is no blank.
    pub(crate) const fn has_any(&self) -> bool {
        self.any
    }

    /// An object or a list began.
    pub(crate) const fn has_opened(&self) -> bool {
        self.opened
    }

    /// An object or a list came to its end. Of a text that is neither (free text) nobody can tell.
    pub(crate) const fn is_whole(&self) -> bool {
        self.opened && self.depth == 0 && !self.in_string
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_and_lists_have_an_end() {
        let check = |fragments: &[&str], any: bool, opened: bool, whole: bool| {
            let mut json = JsonEnd::default();
            for fragment in fragments {
                json.feed(fragment);
            }
            assert_eq!((json.has_any(), json.has_opened(), json.is_whole()), (any, opened, whole), "{fragments:?}");
        };
        check(&[], false, false, false);
        check(&[" "], false, false, false);
        check(&["{\"a\":\"}\\", "\"{\""], true, true, false);
        check(&["{\"a\":[1", "]}"], true, true, true);
        check(&["*** Begin"], true, false, false);
    }
}
