//! The bodies that go back to clients, and the headers every answer carries.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::relay::RelayBody;

/// An error of a mounted body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The body of an answer that the data plane did not make.
pub type MountBody = UnsyncBoxBody<Bytes, BoxError>;

/// The body of an answer.
pub(crate) enum ReplyBody {
    /// All of it, at once.
    Full(Option<Bytes>),
    /// What a vendor sends, as it comes.
    Relay(Box<RelayBody>),
    /// The admin API's.
    Mounted(MountBody),
}

impl ReplyBody {
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::Full((!bytes.is_empty()).then_some(bytes))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relay(relay) => relay.poll_bytes(cx).map(|next| next.map(|bytes| bytes.map(Frame::data))),
            Self::Mounted(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_none(),
            Self::Relay(relay) => relay.is_over(),
            Self::Mounted(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Relay(relay) => relay.known_length().map_or_else(SizeHint::default, SizeHint::with_exact),
            Self::Mounted(body) => body.size_hint(),
        }
    }
}

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
pub(crate) const X_FLUXA_ID: HeaderName = HeaderName::from_static("x-fluxa-id");
pub(crate) const X_FLUXA_PROVIDER: HeaderName = HeaderName::from_static("x-fluxa-provider");
pub(crate) const X_FLUXA_MODEL: HeaderName = HeaderName::from_static("x-fluxa-model");
pub(crate) const X_FLUXA_ATTEMPTS: HeaderName = HeaderName::from_static("x-fluxa-attempts");
pub(crate) const X_FLUXA_COST: HeaderName = HeaderName::from_static("x-fluxa-cost-usd");
pub(crate) const X_FLUXA_COST_STATE: HeaderName = HeaderName::from_static("x-fluxa-cost-state");
pub(crate) const X_FLUXA_DEGRADED: HeaderName = HeaderName::from_static("x-fluxa-degraded");
pub(crate) const X_FLUXA_CACHE: HeaderName = HeaderName::from_static("x-fluxa-cache");
pub(crate) const X_FLUXA_DROPPED: HeaderName = HeaderName::from_static("x-fluxa-dropped");
pub(crate) const X_FLUXA_FIREWALL: HeaderName = HeaderName::from_static("x-fluxa-firewall");
pub(crate) const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Puts a value that may hold odd bytes: what cannot be a header is left out.
pub(crate) fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Puts a number.
pub(crate) fn put_number(headers: &mut HeaderMap, name: HeaderName, value: u64) {
    headers.insert(name, HeaderValue::from(value));
}
