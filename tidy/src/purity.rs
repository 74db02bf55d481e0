//! What a room may not do, beyond what its manifest shows: `std` has a clock, an environment and sockets too.

use crate::Findings;
use crate::code::{Strings, code, is_test_file, says, without_tests};
use crate::tree::File;

/// A thing that some rooms never do, and the words that give it away.
struct Deed {
    what: &'static str,
    signs: &'static [&'static str],
    rooms: &'static [&'static str],
}

/// Rooms that are functions of their arguments.
const PURE: &[&str] = &["domain", "wire", "firewall"];

const DEEDS: &[Deed] = &[
    Deed {
        what: "reads a clock; `now` is an argument",
        signs: &["Instant", "SystemTime", "Timestamp::now", "Zoned::now", "TimeZone::system", "now_v7", "now_v1", "now_v6"],
        rooms: &["domain", "wire", "firewall", "store"],
    },
    Deed {
        what: "makes randomness; random bytes are an argument",
        signs: &["getrandom", "new_v4", "thread_rng", "RandomState"],
        rooms: PURE,
    },
    Deed {
        what: "reads the environment; only `fluxa` does",
        signs: &["std::env", "env::var", "env::vars", "env::var_os", "env::args"],
        rooms: &["domain", "wire", "firewall", "store", "gateway", "admin-api"],
    },
    Deed {
        what: "touches files",
        signs: &["std::fs", "fs::read", "fs::write", "File::open", "File::create", "std::io::stdin", "stdout", "stderr"],
        rooms: PURE,
    },
    Deed { what: "opens sockets", signs: &["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "ToSocketAddrs"], rooms: PURE },
    Deed { what: "is async; a pure room computes", signs: &["async", ".await", "std::future", "std::task"], rooms: PURE },
    Deed { what: "starts threads or processes", signs: &["std::thread", "std::process", "thread::spawn"], rooms: PURE },
    Deed { what: "logs; it returns what happened", signs: &["println!", "eprintln!", "tracing", "log::info", "log::warn"], rooms: PURE },
];

/// Where time may be measured (never told): shared mechanisms give up on a server that is slow, and let kept answers expire.
const MEASURES_TIME: &str = "store/src/shared/";

/// Holds one source file against what its room never does; tests may do all of it.
#[must_use]
pub fn check(file: &File) -> Findings {
    let Some((room, inside)) = file.path.split_once('/') else { return Vec::new() };
    if !inside.starts_with("src/") || !inside.ends_with(".rs") || is_test_file(&file.path) {
        return Vec::new();
    }
    let text = without_tests(&code(&file.text, Strings::Blank));
    let mut found = Vec::new();
    for deed in DEEDS.iter().filter(|deed| deed.rooms.contains(&room)) {
        for (index, line) in text.lines().enumerate() {
            let measures_time = |sign: &str| sign == "Instant" && file.path.starts_with(MEASURES_TIME);
            if let Some(sign) = deed.signs.iter().find(|sign| says(line, sign) && !measures_time(sign)) {
                found.push(format!("{}:{}: `{sign}`: {room} never {}", file.path, index + 1, deed.what));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check(&File { path: path.to_owned(), text: text.to_owned() }).len()
    }

    #[test]
    fn each_deed_is_seen_in_a_pure_room() {
        for line in [
            "let now = Instant::now();",
            "use std::time::SystemTime;",
            "let id = Uuid::now_v7();",
            "getrandom::fill(&mut bytes)",
            "let v = std::env::var(\"X\");",
            "let t = std::fs::read(p);",
            "let s = TcpStream::connect(a);",
            "pub async fn read() {}",
            "let x = y.await;",
            "std::thread::sleep(d);",
            "tracing::info!(\"x\");",
        ] {
            assert_eq!(findings("domain/src/key.rs", line).min(1), 1, "{line}");
            assert_eq!(findings("wire/src/frame/sse.rs", line).min(1), 1, "{line}");
        }
    }

    #[test]
    fn words_in_comments_strings_and_tests_are_no_deeds() {
        assert_eq!(
            findings(
                "domain/src/key.rs",
                "//! reads no `Instant`\nlet a = \"std::fs\";\nuse std::time::Duration;\nuse std::net::IpAddr;\n"
            ),
            0
        );
        assert_eq!(findings("domain/src/key.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n"), 0);
        assert_eq!(findings("wire/src/body/tests.rs", "use std::fs;"), 0);
        assert_eq!(findings("wire/tests/golden.rs", "use std::fs;"), 0);
    }

    #[test]
    fn only_the_binary_reads_the_environment() {
        for room in ["store", "gateway", "admin-api"] {
            assert_eq!(findings(&format!("{room}/src/lib.rs"), "let v = std::env::var(\"X\");"), 1, "{room}");
        }
        assert_eq!(findings("fluxa/src/cli.rs", "let v = std::env::var(\"X\");"), 0);
        assert_eq!(findings("gateway/src/clock.rs", "Instant::now()"), 0);
        assert_eq!(findings("store/src/open.rs", "Instant::now()"), 1);
        assert_eq!(findings("store/src/shared/memory/cache.rs", "Instant::now()"), 0);
        assert_eq!(findings("store/src/shared/memory/cache.rs", "SystemTime::now()"), 1);
    }
}
