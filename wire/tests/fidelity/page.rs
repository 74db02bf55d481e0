//! The page.

use std::fmt::Write as _;

use super::answers;
use super::dialects::{CLIENTS, UPSTREAMS};
use super::judge::{self, Feature, Judgement};
use super::media::MEDIA;
use super::reasons::{self, Reason};
use super::requests::{ACCOUNT, BOUNDS, FORM, WORDS};
use super::streams;
use super::thoughts::THOUGHTS;
use super::tools::TOOLS;

const INTRO: &str = "# Fidelity

A client may speak one dialect and the vendor another; fluxa translates in between. This page says what survives that, field by field. It is not written by hand: a test runs
every reader against every writer, looks for each feature in what comes out, and compares the result with this page (`cargo test -p fluxa-wire --test fidelity`). Where client
and vendor speak the same dialect nothing is translated: the bytes pass as they are, and the cells of those pairs only say what translation would do, for instance when a retry
goes to a vendor of another dialect.

| word | meaning |
|---|---|
| kept | said in the same form |
| translated | said in the vendor's own form |
| partly | said, but what is named behind it was left out |
| dropped | left out, and named in the answer's header `x-fluxa-dropped` under the names given |
| refused | left out it would give the client something else than it asked for, so the request is refused (400), or goes to the next route |
| without | left out and not named, for the reason in the notes |
| – | the client's dialect has no word for it |

What a vendor takes also depends on the model. The columns are: OpenAI (gpt-4.1, and gpt-5.1 for thinking), a vendor or server that speaks OpenAI's chat completions and is not
known to take more than everybody does, Anthropic (Claude Sonnet 4.5), Gemini (2.5 Flash, and 3 Pro for thinking), and Bedrock's Converse (Claude Sonnet 4.5).

What stands at an address is fetched by the gateway for Gemini and Bedrock before the request is written, and then counts as a picture or document in the request; the rows of
addresses say what becomes of one that is not fetched.
";

/// The page, and what is lost in silence without a reason.
pub(super) fn render() -> (String, Vec<String>) {
    let (mut page, mut silent) = (String::from(INTRO), Vec::new());
    let mut notes: Vec<&'static Reason> = Vec::new();
    for (at, client) in CLIENTS.iter().enumerate() {
        write!(page, "\n## Requests of clients that speak {}\n\n", client.name).unwrap();
        head(&mut page, UPSTREAMS.iter().map(|upstream| upstream.name));
        for feature in [WORDS, MEDIA, TOOLS, THOUGHTS, FORM, BOUNDS, ACCOUNT].into_iter().flatten() {
            request_row(&mut page, feature, at, &mut notes, &mut silent);
        }
    }
    for upstream in UPSTREAMS.iter().filter(|upstream| upstream.name != "like OpenAI") {
        write!(page, "\n## Answers of {}\n\n", upstream.name).unwrap();
        head(&mut page, CLIENTS.iter().map(|client| client.name));
        for (name, cells) in answers::judged(upstream).into_iter().chain(streams::judged(upstream)) {
            let cells = cells.iter().enumerate().map(|(at, cell)| {
                let of = || format!("{name}: {} to {}", upstream.name, CLIENTS[at].name);
                told(reasons::TOLD, name, cell, of, &mut notes, &mut silent)
            });
            row(&mut page, name, cells.collect());
        }
    }
    page.push_str("\n## Notes\n\n");
    for reason in notes {
        writeln!(page, "- **{}**: {}", capital(reason.feature), reason.why).unwrap();
    }
    (page, silent)
}

fn head<'n>(page: &mut String, columns: impl Iterator<Item = &'n str>) {
    let names: Vec<&str> = columns.collect();
    writeln!(page, "| | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len())).unwrap();
}

fn row(page: &mut String, name: &str, cells: Vec<String>) {
    writeln!(page, "| {name} | {} |", cells.join(" | ")).unwrap();
}

fn request_row(page: &mut String, feature: &Feature, at: usize, notes: &mut Vec<&'static Reason>, silent: &mut Vec<String>) {
    let client = &CLIENTS[at];
    let cells: Vec<String> = UPSTREAMS
        .iter()
        .map(|upstream| {
            let of = || format!("{}: {} to {}", feature.name, client.name, upstream.name);
            told(reasons::ASKED, feature.name, &judge::judge(feature, at, client, upstream), of, notes, silent)
        })
        .collect();
    if cells.iter().any(|cell| cell != "–") {
        row(page, feature.name, cells);
    }
}

fn told(
    list: &'static [Reason],
    name: &str,
    judgement: &Judgement,
    of: impl Fn() -> String,
    notes: &mut Vec<&'static Reason>,
    silent: &mut Vec<String>,
) -> String {
    let names = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match judgement {
        Judgement::Unknown => String::from("–"),
        Judgement::Kept => String::from("kept"),
        Judgement::Translated => String::from("translated"),
        Judgement::InPart(named) => format!("partly: {}", names(named)),
        Judgement::Dropped(named) => format!("dropped: {}", names(named)),
        Judgement::Refused(_) => String::from("refused"),
        Judgement::Silent => {
            match reasons::of(list, &of(), name) {
                Some(reason) if notes.iter().any(|known| std::ptr::eq(*known, reason)) => {}
                Some(reason) => notes.push(reason),
                None => silent.push(of()),
            }
            String::from("without")
        }
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
