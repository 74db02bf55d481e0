//! Thoughts that stand in the text, between `<think>` and `</think>`, wherever a stream cuts the tags.
//!
//! They are looked for at the beginning of an answer only: an answer that explains the tags keeps them.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// A bit of an answer, told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bit {
    /// Words.
    Text(String),
    /// Thoughts.
    Thinking(String),
}

/// Tells thoughts and words of one answer apart.
#[derive(Debug, Default)]
pub(super) struct ThinkTags {
    place: Place,
    /// The beginning of what may become a tag.
    held: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Nothing but blanks has come.
    #[default]
    Before,
    /// Between the tags.
    Inside,
    /// After the closing tag: blanks are left out.
    Closed,
    /// In the text.
    Text,
}

impl ThinkTags {
    /// Takes the next text.
    pub(super) fn feed(&mut self, text: &str, out: &mut Vec<Bit>) {
        let mut text = std::mem::take(&mut self.held) + text;
        loop {
            match self.place {
                Place::Before => {
                    let rest = text.trim_start();
                    if let Some(inside) = rest.strip_prefix(OPEN) {
                        text = inside.to_owned();
                        self.place = Place::Inside;
                    } else if OPEN.starts_with(rest) {
                        self.held = text;
                        return;
                    } else {
                        self.place = Place::Text;
                    }
                }
                Place::Inside => {
                    if let Some((thoughts, rest)) = text.split_once(CLOSE) {
                        push(out, Bit::Thinking, thoughts);
                        text = rest.to_owned();
                        self.place = Place::Closed;
                    } else {
                        let keep = tag_begun(&text);
                        self.held = text.split_off(text.len() - keep);
                        push(out, Bit::Thinking, &text);
                        return;
                    }
                }
                Place::Closed => {
                    let rest = text.trim_start();
                    if rest.is_empty() {
                        return;
                    }
                    push(out, Bit::Text, rest);
                    self.place = Place::Text;
                    return;
                }
                Place::Text => {
                    push(out, Bit::Text, &text);
                    return;
                }
            }
        }
    }

    /// No more comes: what was held is what it looks like.
    pub(super) fn finish(&mut self, out: &mut Vec<Bit>) {
        let held = std::mem::take(&mut self.held);
        match self.place {
            Place::Inside => push(out, Bit::Thinking, &held),
            _ => push(out, Bit::Text, &held),
        }
    }
}

fn push(out: &mut Vec<Bit>, kind: fn(String) -> Bit, text: &str) {
    if !text.is_empty() {
        out.push(kind(text.to_owned()));
    }
}

/// How many of the last bytes may be the beginning of the closing tag.
fn tag_begun(text: &str) -> usize {
    (1..CLOSE.len()).rev().find(|&length| CLOSE.get(..length).is_some_and(|begun| text.ends_with(begun))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(pieces: &[&str]) -> (String, String) {
        let (mut tags, mut out) = (ThinkTags::default(), Vec::new());
        for piece in pieces {
            tags.feed(piece, &mut out);
        }
        tags.finish(&mut out);
        let mut told = (String::new(), String::new());
        for bit in out {
            match bit {
                Bit::Thinking(text) => told.0 += &text,
                Bit::Text(text) => told.1 += &text,
            }
        }
        told
    }

    #[test]
    fn thoughts_and_words() {
        let check = |text: &str, thoughts: &str, words: &str| {
            assert_eq!(told(&[text]), (thoughts.to_owned(), words.to_owned()), "{text}");
        };
        check("<think>a</think>\n\nb", "a", "b");
        check("\n<think>\na\n</think>b <think>c</think>", "\na\n", "b <think>c</think>");
        check("a <think>b</think>", "", "a <think>b</think>");
        check("<think>a", "a", "");
        check("<think>a</thi", "a</thi", "");
        check("<thi", "", "<thi");
        check("<thing>", "", "<thing>");
        check(" ", "", " ");
        check("<think></think>", "", "");
        check("<think>é</think>ü", "é", "ü");
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(text in "(<think>|</think>|<thi|[a-c é\n<]){0,8}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).filter(|at| text.is_char_boundary(*at)).collect();
            at.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for to in at {
                pieces.push(&text[from..to]);
                from = to;
            }
            pieces.push(&text[from..]);
            prop_assert_eq!(told(&pieces), told(&[&text]));
        }
    }
}
