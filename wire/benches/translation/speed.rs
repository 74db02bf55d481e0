//! What the table shows.

use std::hint::black_box;

use fluxa_domain::time::Micros;
use fluxa_wire::frame::event_stream::EventStream;
use fluxa_wire::frame::sse::Framer;
use fluxa_wire::neutral::Event;
use fluxa_wire::neutral::untangle::Untangle;
use fluxa_wire::sigv4::{Options, Request, Signer};

use crate::requests::{Shape, prose};
use crate::streams::{Step, UPSTREAMS};
use crate::work::{self, Work, pairs};

const EVENTS: usize = 1000;

/// A part of the table.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) works: Vec<Work>,
}

/// All of it.
pub(crate) fn sections() -> Vec<Section> {
    let answer = prose(100 * 1024);
    let of_pairs = |title, of: &dyn Fn(crate::requests::Client, crate::streams::Upstream) -> Work| Section {
        title,
        works: pairs().map(|(client, upstream)| of(client, upstream)).collect(),
    };
    let request = |title, shape| of_pairs(title, &move |client, upstream| work::request(client, upstream, shape));
    vec![
        of_pairs("text delta, an event", &|client, upstream| {
            let steps = [Step::Text(" word"); EVENTS];
            work::stream(client, upstream, &[Step::Begin, Step::Text("A")], &steps, EVENTS)
        }),
        of_pairs("arguments delta, an event (gemini: a whole call)", &|client, upstream| {
            let steps = [Step::Arguments(0, "abcde"); EVENTS];
            let before = [Step::Begin, Step::Call(0), Step::Arguments(0, "{\"a\":\"")];
            work::stream(client, upstream, &before, &steps, EVENTS)
        }),
        of_pairs("whole answer of 100 kB", &|client, upstream| work::whole(client, upstream, &answer)),
        request("request of 10 kB of text", Shape::Text(10 * 1024)),
        request("request of 100 kB of text", Shape::Text(100 * 1024)),
        request("request of 1 MB of text", Shape::Text(1024 * 1024)),
        request("request with 200 tools", Shape::Tools(200)),
        request("request with an image of 800 kB of base64", Shape::Image(800 * 1024)),
        Section { title: "parts of it", works: vec![untangle(false), untangle(true), sse(), event_stream(), signature()] },
    ]
}

/// A hundred calls at once, ten fragments each, in turn.
fn untangle(overlaps: bool) -> Work {
    const CALLS: u32 = 100;
    let mut events = Vec::new();
    for call in 0..CALLS {
        events.push(Event::CallBegin { choice: 0, call, id: format!("call_{call}"), name: String::from("tool_0"), signature: None });
    }
    for fragment in ["{", "\"a\"", ":", "[", "1", ",", "2", "]", " ", "}"] {
        events.extend((0..CALLS).map(|call| Event::CallArguments { choice: 0, call, fragment: fragment.to_owned() }));
    }
    events.push(Event::End);
    let name = if overlaps { "order of interleaved calls, an event, client takes them" } else { "order of interleaved calls, an event" };
    Work::new(name, events.len(), move || {
        let events = events.clone();
        move || {
            let mut order = Untangle::new(overlaps);
            let mut out = Vec::new();
            for event in events {
                order.push(event, &mut out);
            }
            black_box(&out);
        }
    })
}

fn bytes_of(name: &str, steps: &[Step<'_>]) -> Vec<u8> {
    UPSTREAMS
        .iter()
        .filter(|upstream| upstream.name == name)
        .flat_map(|upstream| steps.iter().flat_map(|step| upstream.step(*step)))
        .collect()
}

fn sse() -> Work {
    let bytes = bytes_of("openai", &[Step::Text(" word"); EVENTS]);
    Work::new("server-sent events cut, an event", EVENTS, move || {
        let bytes = bytes.clone();
        move || {
            let mut framer = Framer::new();
            for read in bytes.chunks(4096) {
                let sound = framer.push(read, |piece, _| {
                    black_box(piece);
                });
                assert!(sound.is_ok());
            }
        }
    })
}

fn event_stream() -> Work {
    let bytes = bytes_of("bedrock", &[Step::Text(" word"); EVENTS]);
    Work::new("binary frames cut, an event", EVENTS, move || {
        let bytes = bytes.clone();
        move || {
            let mut frames = EventStream::new();
            for read in bytes.chunks(4096) {
                let sound = frames.push(read, |message| {
                    black_box(message.event_type());
                });
                assert!(sound.is_ok());
            }
        }
    })
}

fn signature() -> Work {
    let body = prose(100 * 1024).into_bytes();
    Work::new("signature of a request of 100 kB", 1, move || {
        let body = body.clone();
        move || {
            let signer = Signer {
                access_key_id: "AKIDEXAMPLE",
                secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                session_token: None,
                region: "us-east-1",
                service: "bedrock",
            };
            let request = Request {
                method: "POST",
                authority: "bedrock-runtime.us-east-1.amazonaws.com",
                path: "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
                query: "",
                headers: &[("content-type", "application/json")],
                body: &body,
            };
            black_box(signer.sign(&request, Options::default(), Micros(1_700_000_000_000_000)));
        }
    })
}

/// Whether a work is wanted.
pub(crate) fn is_chosen(title: &str, work: &Work, filter: &str) -> bool {
    title.contains(filter) || work.name.contains(filter)
}
