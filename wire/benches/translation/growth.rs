//! Works in two sizes, the second ten times the first: what grows more than it is not linear. Hostile shapes among them.

use crate::requests::{Shape, prose};
use crate::streams::Step;
use crate::work::{self, Work, pairs};

/// How much more the larger work may take: ten times its input, and some for tables that double.
pub(crate) const MOST: f64 = 12.0;

/// A kind of request: its name, how one of a size is made, and the smaller size.
type Shaped = (&'static str, fn(usize) -> Shape, usize);

/// Both sizes of every work. `scale` makes all of them larger; 1 is for instruments that are slow.
pub(crate) fn works(scale: usize) -> Vec<(Work, Work)> {
    let mut works = Vec::new();
    let named = |kind: &str, small: Work, large: Work| (Work { name: format!("{kind}, {}", small.name), ..small }, large);
    for (client, upstream) in pairs() {
        let shapes: [Shaped; 8] = [
            ("text", Shape::Text, 100 * 1024),
            ("image", Shape::Image, 80 * 1024),
            ("tools", Shape::Tools, 100 * scale),
            ("turns", Shape::Turns, 100 * scale),
            ("parts", Shape::Parts, 1000 * scale),
            ("calls answered", Shape::Calls, 100 * scale),
            ("calls of one id", Shape::Clashing, 100 * scale),
            ("unknown fields", Shape::Unknown, 100 * scale),
        ];
        for (kind, shape, size) in shapes {
            let of = |size| work::request(client, upstream, shape(size));
            works.push(named(&format!("request of {kind}"), of(size), of(10 * size)));
        }
        let (small, large) = (prose(80 * 1024), prose(800 * 1024));
        works.push(named("whole answer", work::whole(client, upstream, &small), work::whole(client, upstream, &large)));
        let of = |text| work::stream(client, upstream, &[Step::Begin], &[Step::Text(text), Step::End], 1);
        works.push(named("one delta of text", of(&small), of(&large)));
        let of = |size| {
            let steps: Vec<Step<'_>> = std::iter::repeat_n(Step::Text(" word"), size).chain([Step::End]).collect();
            work::stream(client, upstream, &[Step::Begin], &steps, 1)
        };
        works.push(named("stream of words", of(200 * scale), of(2000 * scale)));
        let of = |size| work::stream(client, upstream, &[Step::Begin], &byte_by_byte(size), 1);
        works.push(named("arguments byte by byte", of(200 * scale), of(2000 * scale)));
        let of = |size| work::stream(client, upstream, &[Step::Begin], &interleaved(size), 1);
        works.push(named("interleaved calls", of(100 * scale), of(1000 * scale)));
    }
    works
}

/// One call whose arguments come in fragments of a byte.
pub(crate) fn byte_by_byte(size: usize) -> Vec<Step<'static>> {
    let open = [Step::Call(0), Step::Arguments(0, "{\"a\":\"")];
    let close = [Step::Arguments(0, "\"}"), Step::CallEnd(0), Step::End];
    open.into_iter().chain(std::iter::repeat_n(Step::Arguments(0, "x"), size)).chain(close).collect()
}

/// All calls begin, then each gets a piece of its arguments, then another.
pub(crate) fn interleaved(calls: usize) -> Vec<Step<'static>> {
    let begin = (0..calls).map(Step::Call);
    let first = (0..calls).map(|call| Step::Arguments(call, "{\"a\":"));
    let second = (0..calls).map(|call| Step::Arguments(call, "1}"));
    let ends = (0..calls).map(Step::CallEnd);
    begin.chain(first).chain(second).chain(ends).chain([Step::End]).collect()
}

/// Requests and streams that nobody sends in earnest.
pub(crate) fn hostile() -> Vec<Work> {
    let mut works = Vec::new();
    for (client, upstream) in pairs() {
        let shapes = [
            Shape::Tools(10_000),
            Shape::Turns(10_000),
            Shape::Calls(10_000),
            Shape::Clashing(10_000),
            Shape::Parts(100_000),
            Shape::Unknown(10_000),
        ];
        works.extend(shapes.map(|shape| work::request(client, upstream, shape)));
        let delta = prose(1000 * 1000);
        works.push(work::stream(client, upstream, &[Step::Begin], &[Step::Text(&delta), Step::End], 1));
        works.push(work::stream(client, upstream, &[Step::Begin], &interleaved(10_000), 1));
        works.push(work::stream(client, upstream, &[Step::Begin], &byte_by_byte(20_000), 1));
    }
    works
}
