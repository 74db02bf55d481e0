//! A text as rules see it: evened out, with the way back to the bytes that were sent.
//!
//! Full-width letters and digits and digits of other scripts become ASCII, what has no width is left out, escapes are read.

/// What a text is, for the places where a change must keep it readable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Text for people.
    #[default]
    Plain,
    /// A JSON document in a string, as the arguments of tool calls are: it must stay one.
    Json,
}

/// A text evened out.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) text: String,
    /// For each byte of `text` where in the original its character begins; one more for the end.
    starts: Vec<usize>,
}

impl View {
    /// The evened out form of `text`, if it is another.
    pub(crate) fn of(text: &str) -> Option<Self> {
        if text.is_ascii() && !text.contains('\\') {
            return None;
        }
        let mut view = Self::default();
        let mut same = true;
        for (at, c) in text.char_indices() {
            let evened = match c {
                '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0),
                '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}' => None,
                _ => Some(c),
            };
            same &= evened == Some(c);
            if let Some(c) = evened {
                view.text.push(c);
                view.starts.resize(view.text.len(), at);
            }
        }
        view.starts.push(text.len());
        (!same).then_some(view)
    }

    /// Where in the original a stretch of the view lies.
    pub(crate) fn back(&self, start: usize, end: usize) -> (usize, usize) {
        let of = |at: usize| self.starts.get(at).or(self.starts.last()).copied().unwrap_or(0);
        (of(start), of(end))
    }
}
