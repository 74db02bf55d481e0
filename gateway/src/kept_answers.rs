//! Answers that are given again: the same question of the same key (or team) within a while costs nothing and asks nobody.
//!
//! Exact: the body, byte for byte, with everything beside it that changes what a vendor answers. Only whole, good answers are
//! kept; a stream is kept as the client got it and given again as a stream. It is off unless a key or its team asks for it; what is
//! kept outside this process is sealed there.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use fluxa_domain::cache::{CacheNamespace, CachePolicy};
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::key::KeyRecord;
use futures_util::FutureExt as _;
use hyper::Uri;
use hyper::header::{CACHE_CONTROL, HeaderMap};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::call::Call;
use crate::worker::Worker;

/// Largest answer that is kept: a long text; pictures are not worth the room.
const MAX_BYTES: usize = 1024 * 1024;

/// Part of every name: what is kept by another form of this file is not read by it.
const FORM: &[u8] = b"fluxa-answer-1";

/// Headers of a client that change what a vendor answers.
const HEADERS_THAT_COUNT: [&str; 4] = ["anthropic-version", "anthropic-beta", "openai-beta", "accept-language"];

/// What the header `x-fluxa-cache` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The answer was given before.
    Hit,
    /// It was not, and will be kept.
    Miss,
    /// The client does not want one that was kept.
    Bypass,
}

impl Found {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }
}

/// What is asked, as far as it decides about an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) op: Op,
    /// Gemini's clients name the model here, and the form of a stream.
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// What distinguishes the firewall's rules that hold for it.
    pub(crate) rules: Option<&'a [u8; 32]>,
}

/// How a client's `cache-control` bears on kept answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Usual,
    /// `no-cache`: a fresh answer, which may be kept.
    Fresh,
    /// `no-store`: neither.
    Nothing,
}

/// An answer that is to be kept when it has come whole.
#[derive(Debug)]
pub(crate) struct Keep {
    name: [u8; 32],
    ttl: Duration,
    /// The bytes so far; `None` once they are too many.
    bytes: Option<BytesMut>,
}

/// What is kept before the bytes of an answer, as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    content_type: String,
    provider: String,
    upstream_model: String,
    dialect_out: String,
    finish: String,
}

/// An answer that was kept.
#[derive(Debug)]
pub(crate) struct KeptAnswer {
    pub(crate) content_type: String,
    pub(crate) provider: String,
    pub(crate) upstream_model: String,
    pub(crate) dialect_out: String,
    pub(crate) finish: String,
    pub(crate) body: Bytes,
}

/// What is to be done about kept answers for one call.
#[derive(Debug)]
pub(crate) enum Looked {
    /// Nobody asked for it.
    Off,
    /// The client wants none.
    Bypass,
    /// Nothing is kept; the answer will be.
    Miss(Keep),
    /// Here it is.
    Hit(Box<KeptAnswer>),
}

/// Looks for an answer that was kept.
pub(crate) async fn look(worker: &Worker, policy: Option<CachePolicy>, key: &KeyRecord, question: Question<'_>) -> Looked {
    let Some(policy) = policy.filter(|_| may_be_kept(question.op)) else { return Looked::Off };
    let wish = wish(question.headers);
    if wish == Wish::Nothing {
        return Looked::Bypass;
    }
    let name = name(policy, key, question);
    if wish == Wish::Usual
        && let Some(kept) = worker.gateway.shared.cache.get(&name).await.and_then(open)
    {
        return Looked::Hit(Box::new(kept));
    }
    Looked::Miss(Keep { name, ttl: Duration::from_secs(u64::from(policy.ttl_s)), bytes: Some(BytesMut::new()) })
}

/// Operations whose answers depend on nothing but the question. Responses name conversations that live elsewhere.
const fn may_be_kept(op: Op) -> bool {
    matches!(op, Op::Chat | Op::Completions | Op::Messages | Op::GenerateContent | Op::Embeddings | Op::Moderations | Op::Rerank)
}

fn wish(headers: &HeaderMap) -> Wish {
    let mut wish = Wish::Usual;
    let words = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    for word in words {
        match word.trim().to_ascii_lowercase().as_str() {
            "no-store" => return Wish::Nothing,
            "no-cache" => wish = Wish::Fresh,
            _ => {}
        }
    }
    wish
}

fn name(policy: CachePolicy, key: &KeyRecord, question: Question<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    // Every part with its length before it, so that two questions never share a name.
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(FORM);
    match (policy.shared, &key.team) {
        (CacheNamespace::Team, Some(team)) => {
            part(b"team");
            part(team.as_bytes());
        }
        (CacheNamespace::Key | CacheNamespace::Team, _) => {
            part(b"key");
            part(key.id.as_bytes());
        }
    }
    part(question.dialect.name().as_bytes());
    part(question.op.name().as_bytes());
    part(question.uri.path().as_bytes());
    // Not the key that some clients send there: it changes when it is rotated.
    question
        .uri
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .filter(|pair| !pair.starts_with("key="))
        .for_each(|pair| part(pair.as_bytes()));
    part(b"");
    for header in HEADERS_THAT_COUNT {
        part(question.headers.get(header).map_or(&b""[..], |value| value.as_bytes()));
    }
    part(question.body);
    // What was let through, or masked, under other rules is not given again.
    if let Some(rules) = question.rules {
        part(rules);
    }
    hash.finalize().into()
}

fn open(kept: Bytes) -> Option<KeptAnswer> {
    let (length, _) = kept.split_first_chunk::<4>()?;
    let at = usize::try_from(u32::from_le_bytes(*length)).ok()?.checked_add(4)?;
    let head: Head = serde_json::from_slice(kept.get(4..at)?).ok()?;
    let Head { content_type, provider, upstream_model, dialect_out, finish } = head;
    Some(KeptAnswer { content_type, provider, upstream_model, dialect_out, finish, body: kept.slice(at..) })
}

impl Keep {
    /// More of the answer, as the client gets it.
    pub(crate) fn push(&mut self, more: &[u8]) {
        match &mut self.bytes {
            Some(bytes) if bytes.len() + more.len() <= MAX_BYTES => bytes.extend_from_slice(more),
            bytes => *bytes = None,
        }
    }

    /// The answer has come whole and was good.
    pub(crate) fn keep(self, call: &Call, content_type: &str, finish: Option<&str>) {
        let Some(body) = self.bytes else { return };
        let head = Head {
            content_type: content_type.to_owned(),
            provider: call.entry.provider.clone(),
            upstream_model: call.entry.upstream_model.clone(),
            dialect_out: call.entry.dialect_out.clone(),
            finish: finish.unwrap_or_default().to_owned(),
        };
        let Ok(head) = serde_json::to_vec(&head) else { return };
        let mut value = BytesMut::with_capacity(4 + head.len() + body.len());
        value.put_u32_le(u32::try_from(head.len()).unwrap_or(u32::MAX));
        value.put_slice(&head);
        value.put_slice(&body);
        let cache = std::sync::Arc::clone(&call.worker.gateway.shared.cache);
        let (name, ttl, value) = (self.name, self.ttl, value.freeze());
        let mut putting = Box::pin(async move { cache.put(&name, value, ttl).await });
        if (&mut putting).now_or_never().is_none() {
            call.worker.tasks.spawn(putting);
        }
    }
}

#[cfg(test)]
mod tests;
