//! Every recorded stream of a client's dialect through the screen. Reads `FLUXA_CORPUS`; without it there is nothing to do.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use bytes::BytesMut;
    use fluxa_domain::dialect::{Dialect, Op};
    use fluxa_wire::leaf::LeafKind;
    use fluxa_wire::relay::Framing;
    use fluxa_wire::screen::{Censor, Screen, Stopped, Strand};
    use serde_json::Value;

    /// Holds words back until they are whole, and writes them large.
    #[derive(Debug, Default)]
    struct Reader {
        holds: bool,
        large: bool,
        held: BTreeMap<Strand, String>,
        /// Every text, with a mark where it ended.
        texts: BTreeMap<Strand, String>,
    }

    impl Reader {
        fn tell(&self, text: &str, out: &mut String) {
            if self.large { out.push_str(&text.to_ascii_uppercase()) } else { out.push_str(text) }
        }
    }

    impl Censor for Reader {
        fn piece(&mut self, strand: &Strand, piece: &str, out: &mut String) -> Result<(), Stopped> {
            self.texts.entry(strand.clone()).or_default().push_str(piece);
            let mut text = self.held.remove(strand).unwrap_or_default();
            text.push_str(piece);
            let whole = text.trim_end_matches(|c: char| self.holds && c.is_ascii_alphanumeric()).len();
            self.held.insert(strand.clone(), text.split_off(whole));
            self.tell(&text, out);
            Ok(())
        }
        fn end(&mut self, strand: &Strand, out: &mut String) -> Result<(), Stopped> {
            self.texts.entry(strand.clone()).or_default().push('\u{1}');
            let held = self.held.remove(strand).unwrap_or_default();
            self.tell(&held, out);
            Ok(())
        }
        fn whole(&mut self, text: &str, _: LeafKind, again: bool) -> Result<Option<String>, Stopped> {
            Ok((self.large && again).then(|| text.to_ascii_uppercase()))
        }
    }

    type Kind = (Dialect, Op, Framing);

    fn screened((dialect, op, framing): Kind, stream: &[u8], size: usize, mut censor: Reader) -> (Vec<u8>, BTreeMap<Strand, String>) {
        let mut screen = Screen::new(dialect, op, framing);
        let mut out = BytesMut::new();
        for piece in stream.chunks(size) {
            screen.push(piece, &mut censor, &mut out).unwrap();
        }
        screen.finish(&mut censor, &mut out).unwrap();
        (out.to_vec(), censor.texts)
    }

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else if path.extension().is_some_and(|end| end == "json") {
                found.push(path);
            }
        }
    }

    /// A recorded stream and its dialect.
    fn stream(case: &Value) -> Option<(Kind, &str)> {
        let body = case["response"]["body"].as_str()?;
        let start = body.trim_start_matches('\u{feff}').trim_start();
        let sse = start.starts_with("data:") || start.starts_with("event:") || start.starts_with(':') || start.starts_with("id:");
        let framing = if sse { Framing::Sse } else { Framing::JsonArray };
        let (dialect, op) = match case["endpoint"].as_str()? {
            "chat" => (Dialect::OpenAi, Op::Chat),
            "completions" => (Dialect::OpenAi, Op::Completions),
            "responses" => (Dialect::OpenAi, Op::Responses),
            "messages" => (Dialect::Anthropic, Op::Messages),
            "generateContent" => (Dialect::Gemini, Op::GenerateContent),
            _ => return None,
        };
        (sse || dialect == Dialect::Gemini && start.starts_with('[')).then_some(((dialect, op, framing), body))
    }

    #[test]
    fn recorded_streams_come_out_as_they_went_in() {
        let Ok(corpus) = std::env::var("FLUXA_CORPUS") else { return };
        let mut found = Vec::new();
        files(Path::new(&corpus), &mut found);
        let (mut streams, mut same, mut cut_off, mut texts) = (0u32, 0u32, 0u32, 0u32);
        for path in found {
            let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let Some((kind, body)) = stream(&case) else { continue };
            streams += 1;
            let body = body.as_bytes();
            let (out, original) = screened(kind, body, 61, Reader::default());
            // Half an event at the end is the one thing that is left out.
            if out == body {
                same += 1;
            } else {
                assert!(body.starts_with(&out), "{}", path.display());
                println!("cut off: {} (-{} bytes)", path.display(), body.len() - out.len());
                cut_off += 1;
            }
            texts += u32::try_from(original.len()).unwrap();
            let (held, _) = screened(kind, body, 1009, Reader { holds: true, ..Reader::default() });
            let (large, _) = screened(kind, body, 1009, Reader { holds: true, large: true, ..Reader::default() });
            assert_eq!(screened(kind, &held, 4096, Reader::default()).1, original, "{}", path.display());
            let upper: BTreeMap<Strand, String> = original.into_iter().map(|(strand, text)| (strand, text.to_ascii_uppercase())).collect();
            assert_eq!(screened(kind, &large, 4096, Reader::default()).1, upper, "{}", path.display());
        }
        println!("{streams} streams with {texts} texts, {same} byte for byte, {cut_off} without the half event they end in");
        assert!(same > 0);
    }
}
