//! Whatever the pieces a stream comes in, every client gets the same bytes; and a stream that was torn never looks whole.
//!
//! With `FLUXA_CORPUS` naming a folder of recordings, which are no part of the project, the same holds of each of them.

#[cfg(test)]
mod cuts {
    mod corpus;
    mod streams;

    use bytes::BytesMut;
    use fluxa_domain::dialect::{Dialect, Op};
    use fluxa_wire::client::{ClientDialect, Voice};
    use fluxa_wire::translate::{Cut, Translation};
    use fluxa_wire::upstream::{Said, UpstreamDialect};

    /// What is spoken upstream.
    #[derive(Clone, Copy)]
    pub(super) struct Upstream {
        pub(super) of: (Dialect, Op),
        pub(super) cut: Cut,
        pub(super) dialect: &'static dyn UpstreamDialect,
    }

    pub(super) const OPENAI: Upstream =
        Upstream { of: (Dialect::OpenAi, Op::Chat), cut: Cut::Sse, dialect: &fluxa_wire::upstream::openai::OpenAi };
    pub(super) const ANTHROPIC: Upstream =
        Upstream { of: (Dialect::Anthropic, Op::Messages), cut: Cut::Sse, dialect: &fluxa_wire::upstream::anthropic::Anthropic };
    pub(super) const GEMINI: Upstream =
        Upstream { of: (Dialect::Gemini, Op::GenerateContent), cut: Cut::Sse, dialect: &fluxa_wire::upstream::gemini::Gemini };
    pub(super) const BEDROCK: Upstream =
        Upstream { of: (Dialect::Bedrock, Op::Chat), cut: Cut::EventStream, dialect: &fluxa_wire::upstream::bedrock::Bedrock };

    /// A client's dialect, and what only a stream that ended well holds there.
    pub(super) struct Client {
        pub(super) dialect: &'static dyn ClientDialect,
        ends: &'static [&'static str],
    }

    pub(super) const CLIENTS: [Client; 4] = [
        Client { dialect: &fluxa_wire::client::chat::OpenAiChat, ends: &["[DONE]", "\"finish_reason\":\""] },
        Client { dialect: &fluxa_wire::client::responses::OpenAiResponses, ends: &["response.completed", "response.incomplete"] },
        Client { dialect: &fluxa_wire::client::anthropic::Anthropic, ends: &["message_stop", "\"stop_reason\":\""] },
        Client { dialect: &fluxa_wire::client::gemini::Gemini, ends: &["\"finishReason\""] },
    ];

    /// What became of a stream.
    #[derive(Debug, PartialEq, Eq)]
    pub(super) struct Told {
        pub(super) out: String,
        pub(super) is_cut: bool,
        pub(super) failed: bool,
        pub(super) error: bool,
        pub(super) tokens: Option<u64>,
    }

    pub(super) fn translate<'p>(upstream: Upstream, client: &Client, pieces: impl Iterator<Item = &'p [u8]>) -> Told {
        let voice = Voice {
            call: String::from("0123456789abcdef0123456789abcdef"),
            created_s: 1_700_000_000,
            model: String::from("m"),
            include_usage: true,
            input_estimate: 9,
            ..Voice::default()
        };
        let mut machine = Translation::new(upstream.of, upstream.cut, upstream.dialect, &Said::default(), client.dialect, voice);
        let (mut out, mut failed) = (BytesMut::new(), false);
        for piece in pieces {
            if machine.push(piece, &mut out).is_err() {
                failed = true;
                break;
            }
        }
        let facts = if failed { machine.facts().clone() } else { machine.finish(&mut out) };
        let out = String::from_utf8(out.to_vec()).unwrap();
        Told { out, is_cut: machine.is_cut(), failed, error: facts.error.is_some(), tokens: facts.usage.map(|usage| usage.total()) }
    }

    pub(super) fn in_halves(stream: &[u8], at: usize) -> impl Iterator<Item = &[u8]> {
        let (first, second) = stream.split_at(at);
        [first, second].into_iter()
    }

    /// The same stream with CRLF at its line ends.
    pub(super) fn with_crlf(stream: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(stream);
        text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
    }

    #[test]
    fn every_cut_gives_the_same_bytes() {
        for stream in streams::all() {
            for (at, client) in CLIENTS.iter().enumerate() {
                let whole = translate(stream.upstream, client, std::iter::once(&stream.bytes[..]));
                let of = |how: &str| format!("{} to client {at}, {how}", stream.name);
                assert!(!whole.out.is_empty() && whole.is_cut == stream.is_cut, "{}: {whole:?}", of("whole"));
                assert_eq!(whole, translate(stream.upstream, client, stream.bytes.chunks(1)), "{}", of("byte by byte"));
                for cut in 0..stream.bytes.len() {
                    let halves = translate(stream.upstream, client, in_halves(&stream.bytes, cut));
                    assert_eq!(whole, halves, "{}", of(&format!("cut at {cut}")));
                }
            }
        }
    }

    #[test]
    fn line_ends_and_comments_change_nothing() {
        for stream in streams::all().into_iter().filter(|stream| stream.upstream.cut == Cut::Sse) {
            let text = String::from_utf8(stream.bytes.clone()).unwrap().replace("\r\n", "\n");
            let commented = text.replace("\n\n", "\n\n: still here\n\n");
            for client in &CLIENTS {
                let whole = translate(stream.upstream, client, std::iter::once(text.as_bytes()));
                for other in [with_crlf(text.as_bytes()), commented.clone().into_bytes(), with_crlf(commented.as_bytes())] {
                    for size in [1, 7, other.len()] {
                        assert_eq!(whole, translate(stream.upstream, client, other.chunks(size)), "{} by {size}", stream.name);
                    }
                }
            }
        }
    }

    #[test]
    fn a_torn_stream_never_looks_whole() {
        for stream in streams::all() {
            for (at, client) in CLIENTS.iter().enumerate() {
                for end in 0..stream.ends_at.min(stream.bytes.len()) {
                    let torn = translate(stream.upstream, client, std::iter::once(&stream.bytes[..end]));
                    let ends: Vec<&&str> = client.ends.iter().filter(|mark| torn.out.contains(**mark)).collect();
                    assert!(ends.is_empty(), "{} to client {at}, torn at {end}: {ends:?} in {}", stream.name, torn.out);
                    assert!(torn.is_cut || torn.error, "{} to client {at}, torn at {end}", stream.name);
                }
                let whole = translate(stream.upstream, client, std::iter::once(&stream.bytes[..]));
                let ended = client.ends.iter().any(|mark| whole.out.contains(mark));
                assert_eq!(ended, stream.ends_at < stream.bytes.len() || stream.ends_with_bytes, "{} to client {at}", stream.name);
            }
        }
    }

    #[test]
    fn recorded_streams_are_the_same_in_all_pieces() {
        let Ok(root) = std::env::var("FLUXA_CORPUS") else {
            println!("skipped: FLUXA_CORPUS is not set");
            return;
        };
        let (count, wrong) = corpus::check(std::path::Path::new(&root));
        println!("{count} recorded streams to four clients");
        assert!(count > 0 && wrong.is_empty(), "{} of {count}: {wrong:#?}", wrong.len());
    }
}
