//! What is measured: one piece of work, made ready and then done. Also the works that take a pair of dialects.

use std::hint::black_box;

use bytes::BytesMut;
use fluxa_wire::facts::Facts;
use fluxa_wire::translate;
use fluxa_wire::upstream::Said;

use crate::requests::{CLIENTS, Client, Shape};
use crate::streams::{Step, UPSTREAMS, Upstream, voice};

/// A piece of work. What the outer function does is not counted, what the inner one does is.
pub(crate) struct Work {
    pub(crate) name: String,
    /// Units in it: a figure is for one of them.
    pub(crate) units: usize,
    pub(crate) ready: Box<dyn Fn() -> Box<dyn FnOnce()>>,
}

impl Work {
    pub(crate) fn new<F: FnOnce() + 'static>(name: impl Into<String>, units: usize, ready: impl Fn() -> F + 'static) -> Self {
        Self { name: name.into(), units, ready: Box::new(move || Box::new(ready())) }
    }
}

/// Every client's dialect with every vendor's.
pub(crate) fn pairs() -> impl Iterator<Item = (Client, Upstream)> {
    CLIENTS.into_iter().flat_map(|client| UPSTREAMS.into_iter().map(move |upstream| (client, upstream)))
}

/// A request is read, and written for the vendor.
pub(crate) fn request(client: Client, upstream: Upstream, shape: Shape) -> Work {
    let body = client.request(shape);
    Work::new(format!("{} to {}", client.name, upstream.name), 1, move || {
        let body = body.clone();
        move || {
            let heard = client.dialect.read(client.asked(&body));
            assert!(heard.is_ok(), "{} reads {shape:?}: {heard:?}", client.name);
            let written = heard.map(|mut heard| {
                heard.chat.name_results();
                upstream.dialect.write(&heard.chat, &upstream.target)
            });
            assert!(matches!(written, Ok(Ok(_))), "{} writes {shape:?}: {written:?}", upstream.name);
            black_box(&written);
        }
    })
}

/// The steps of a stream after its beginning go through, each in a read of its own.
pub(crate) fn stream(client: Client, upstream: Upstream, before: &[Step<'_>], steps: &[Step<'_>], units: usize) -> Work {
    let bytes = |steps: &[Step<'_>]| steps.iter().map(|step| upstream.step(*step)).collect::<Vec<_>>();
    let (before, steps) = (bytes(before), bytes(steps));
    Work::new(format!("{} from {}", client.name, upstream.name), units, move || {
        let mut translation = upstream.translation(client.dialect);
        let mut out = BytesMut::with_capacity(64 * 1024);
        for step in &before {
            assert!(translation.push(step, &mut out).is_ok());
        }
        let steps = steps.clone();
        move || {
            for step in &steps {
                out.clear();
                let sound = translation.push(step, &mut out);
                assert!(sound.is_ok(), "{} takes its own stream: {sound:?}", upstream.name);
                black_box(&out);
            }
            assert!(translation.facts().error.is_none());
        }
    })
}

/// A whole answer with so much text.
pub(crate) fn whole(client: Client, upstream: Upstream, text: &str) -> Work {
    let body = upstream.whole(text);
    Work::new(format!("{} from {}", client.name, upstream.name), 1, move || {
        let body = body.clone();
        move || {
            let answer = translate::whole(upstream.dialect, &Said::default(), &body, &Facts::default(), client.dialect, &voice());
            assert!(answer.is_ok(), "{} reads its own answer", upstream.name);
            black_box(&answer);
        }
    })
}
