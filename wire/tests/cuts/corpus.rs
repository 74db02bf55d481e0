//! Recorded streams, from outside the project, in pieces of all kinds.

use std::path::Path;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{ANTHROPIC, BEDROCK, CLIENTS, GEMINI, OPENAI, Upstream, translate, with_crlf};
use fluxa_wire::translate::Cut;

/// Cuts of one pass.
const CUTS: usize = 20;

struct Recorded {
    id: String,
    upstream: Upstream,
    body: Vec<u8>,
}

/// How many streams there are, and which came out differently, and how.
pub(super) fn check(root: &Path) -> (usize, Vec<String>) {
    let streams = recorded(root);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for half in 0..2 {
            let (streams, wrong) = (&streams, &wrong);
            scope.spawn(move || {
                for stream in streams.iter().skip(half).step_by(2) {
                    let found = differences(stream);
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    (streams.len(), wrong.into_inner().unwrap())
}

fn differences(stream: &Recorded) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, client) in CLIENTS.iter().enumerate() {
        let whole = translate(stream.upstream, client, std::iter::once(&stream.body[..]));
        let mut same = |how: &str, other: super::Told| {
            if other != whole {
                wrong.push(format!("{} to client {at}: {how}", stream.id));
            }
        };
        same("byte by byte", translate(stream.upstream, client, stream.body.chunks(1)));
        let cuts = seeded(&stream.id, stream.body.len());
        let pieces = cuts.windows(2).map(|pair| &stream.body[pair[0]..pair[1]]);
        same("random cuts", translate(stream.upstream, client, pieces));
        // Lone carriage returns are line ends too: they must not become two.
        if stream.upstream.cut == Cut::Sse && !stream.body.contains(&b'\r') {
            same("CRLF", translate(stream.upstream, client, std::iter::once(&with_crlf(&stream.body)[..])));
        }
    }
    wrong
}

/// Places of cuts, from the id: the same each time.
fn seeded(id: &str, bytes: usize) -> Vec<usize> {
    let mut seed = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut cuts = vec![0, bytes];
    for _ in 0..CUTS {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        cuts.push(usize::try_from(seed % (bytes as u64 + 1)).unwrap());
    }
    cuts.sort_unstable();
    cuts
}

fn recorded(root: &Path) -> Vec<Recorded> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
            let Ok(case) = serde_json::from_slice::<Value>(&std::fs::read(file.path()).unwrap_or_default()) else { continue };
            let upstream = match case.get("endpoint").and_then(Value::as_str) {
                Some("chat") => OPENAI,
                Some("messages") => ANTHROPIC,
                Some("generateContent") => GEMINI,
                Some("converse-stream") => BEDROCK,
                _ => continue,
            };
            let response = &case["response"];
            let body = match (response["body_base64"].as_str(), response["body"].as_str()) {
                (Some(text), _) => STANDARD.decode(text).unwrap(),
                (None, Some(text)) => text.as_bytes().to_vec(),
                (None, None) => continue,
            };
            let events = upstream.cut == Cut::EventStream || [&b"data:"[..], b"event:", b":"].iter().any(|begin| body.starts_with(begin));
            if response["status"] == 200 && events {
                found.push(Recorded { id: case["id"].as_str().unwrap_or_default().to_owned(), upstream, body });
            }
        }
    }
    found
}
