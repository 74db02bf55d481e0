//! An attempt that failed: what it means, what to try next, and what to tell the client if it was the last.

use std::time::Duration;

use bytes::Bytes;
use fluxa_domain::dialect::Dialect;
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_wire::refused_field::Mend;
use fluxa_wire::upstream::Unsayable;
use fluxa_wire::upstream_error::{ErrorKind, UpstreamError};

use crate::call::{Call, Ending};
use crate::dispatch::{Errand, Reply};
use crate::pipeline::Stop;
use crate::snapshot::ProviderView;
use crate::upstream::{AnswerHead, ConnectError, Fault};

/// What is tried after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The same target with another of its keys.
    OtherKey,
    /// The same target at once: the request was mended.
    SameAgain,
    /// The same target after a pause.
    Retry,
    /// The next target.
    OtherTarget,
    /// Nothing: the request itself is at fault.
    Final,
}

/// A failed attempt.
#[derive(Debug)]
pub(super) struct Failure {
    /// The vendor's status; 0 when there was none.
    pub(super) upstream_status: u16,
    /// One line for the log row; never a secret.
    pub(super) why: String,
    pub(super) next: Next,
    /// The pause the vendor asked for, in milliseconds.
    pub(super) pause_ms: Option<u64>,
    /// The vendor refuses the key itself.
    surely_auth: bool,
    /// What the vendor may bill all the same.
    pub(super) billed: Option<Box<Ending>>,
    /// How the request is mended before the same target is asked again.
    pub(super) mends: Vec<Mend>,
    /// What the client is told if nothing else answers.
    refusal: Refusal,
    /// The vendor's own answer, where it may be shown.
    answer: Option<Box<(AnswerHead, Bytes)>>,
}

/// Why a target has no attempt in the row.
pub(super) const SKIPPED: &str = "not asked: it failed too often a moment ago";

/// Why a target has no attempt in the row.
pub(super) const FULL: &str = "not asked: it has as many calls as it may have";

/// The refusal when every target was skipped.
pub(super) fn nothing_tried() -> Stop {
    Refusal::new(RefusalKind::Overloaded, "no provider for this model takes calls at the moment").retry_after(5).into()
}

impl Failure {
    /// No answer came.
    pub(super) fn no_answer(fault: &Fault) -> Self {
        let (kind, next) = match fault {
            Fault::Connect(ConnectError::NotAllowed(_)) => (RefusalKind::Upstream, Next::OtherTarget),
            Fault::Connect(ConnectError::TimedOut) => (RefusalKind::UpstreamTimeout, Next::Retry),
            // The vendor may be at work on it: asking again would pay twice.
            Fault::TimedOut => (RefusalKind::UpstreamTimeout, Next::OtherTarget),
            Fault::NotHttp => (RefusalKind::UpstreamProtocol, Next::OtherTarget),
            Fault::Connect(_) | Fault::Broken => (RefusalKind::Upstream, Next::Retry),
        };
        Self::plain(kind, next, 0, fault.to_string())
    }

    /// A failure without an answer that could be shown.
    pub(super) fn plain(kind: RefusalKind, next: Next, upstream_status: u16, why: String) -> Self {
        let refusal = Refusal::new(kind, why.clone());
        Self { upstream_status, why, next, pause_ms: None, surely_auth: false, billed: None, mends: Vec::new(), refusal, answer: None }
    }

    /// An error answer of the vendor: by its status, or hidden in a good one. `dialect` is the client's, where the vendor speaks it
    /// too: then an error in that dialect's shape is shown as it came.
    pub(super) fn refused(
        head: AnswerHead,
        body: Bytes,
        error: &UpstreamError,
        provider: &ProviderView,
        pause: Option<Duration>,
        should_retry: Option<bool>,
        dialect: Option<Dialect>,
    ) -> Self {
        let status = head.status;
        let pause_ms = pause.and_then(|pause| u64::try_from(pause.as_millis()).ok()).or(error.retry_after_ms);
        let code = error.code.as_deref().unwrap_or("");
        // The vendor's words may hold prompts; the row keeps only the status and the code.
        let why = if code.is_empty() { format!("status {status}") } else { format!("status {status} ({})", redact_text(provider, code)) };
        let secretive = matches!(error.kind, ErrorKind::Auth | ErrorKind::Forbidden) || matches!(status, 401 | 403);
        if secretive {
            let mut failure = Self::plain(RefusalKind::UpstreamAuth, Next::OtherKey, status, why);
            failure.surely_auth = error.kind == ErrorKind::Auth;
            failure.refusal = Refusal::new(
                RefusalKind::UpstreamAuth,
                format!("provider \"{}\" refuses the credentials it is configured with", provider.record.name),
            );
            return failure;
        }
        let next = match (error.kind, should_retry) {
            (ErrorKind::RateLimited, _) if provider.keys.len() > 1 => Next::OtherKey,
            (ErrorKind::Quota, _) => Next::OtherKey,
            (ErrorKind::BadRequest | ErrorKind::TooLarge, None | Some(false)) => Next::Final,
            (ErrorKind::NotFound, _) | (_, Some(false)) => Next::OtherTarget,
            (_, Some(true)) => Next::Retry,
            (ErrorKind::RateLimited | ErrorKind::Overloaded | ErrorKind::Server, None) => Next::Retry,
            _ if status >= 500 || matches!(status, 408 | 409 | 429) => Next::Retry,
            (_, None) => Next::Final,
        };
        let shown = if status >= 400 { status } else { ok_status_of(error.kind) };
        let kind = match error.kind {
            ErrorKind::RateLimited | ErrorKind::Quota => RefusalKind::RateLimited,
            ErrorKind::Overloaded => RefusalKind::Overloaded,
            ErrorKind::BadRequest => RefusalKind::InvalidRequest,
            ErrorKind::TooLarge => RefusalKind::TooLarge,
            ErrorKind::NotFound => RefusalKind::ModelNotFound,
            _ => RefusalKind::Upstream,
        };
        let mut refusal = Refusal::new(kind, redact_text(provider, &error.message)).with_status(shown);
        refusal.retry_after_s = pause_ms.map(|ms| ms.div_ceil(1_000));
        refusal.code = error.code.as_deref().map(|code| redact_text(provider, code)).filter(|code| is_word(code)).map(Into::into);
        // What has another shape (a proxy's page, a framework's complaints) or came with a good status is told in the client's.
        let fits = dialect.is_some_and(|dialect| fluxa_wire::refuse::has_shape(dialect, &body));
        let answer = (status >= 400 && fits).then(|| Box::new((head, provider.redact(&body))));
        Self { upstream_status: status, why, next, pause_ms, surely_auth: false, billed: None, mends: Vec::new(), refusal, answer }
    }

    /// The provider has as many calls as it may have.
    pub(super) fn full(provider: &str) -> Self {
        let text = format!("provider \"{provider}\" has as many calls in flight as it may have");
        let mut failure = Self::plain(RefusalKind::Overloaded, Next::OtherTarget, 0, text);
        failure.refusal.retry_after_s = Some(1);
        failure
    }

    /// There is nothing to sign the request with.
    pub(super) fn no_credentials(provider: &str) -> Self {
        let mut failure =
            Self::plain(RefusalKind::UpstreamAuth, Next::OtherTarget, 0, String::from("no credentials to sign the call with"));
        failure.refusal = Refusal::new(RefusalKind::UpstreamAuth, format!("provider \"{provider}\" has no credentials"));
        failure.surely_auth = true;
        failure
    }

    /// What the vendor's dialect cannot say: the request is at fault, for this target.
    pub(super) fn unsayable(unsayable: &Unsayable) -> Self {
        let mut failure = Self::plain(RefusalKind::InvalidRequest, Next::OtherTarget, 0, unsayable.what.clone());
        failure.refusal.param = unsayable.param;
        failure
    }

    /// The answer would have to be looked at, and cannot be read.
    pub(super) fn unread(upstream_status: u16) -> Self {
        let why = String::from("the firewall cannot read the answer");
        let mut failure = Self::plain(RefusalKind::ContentBlocked, Next::Final, upstream_status, why);
        failure.refusal = crate::guard::unreadable();
        failure
    }

    /// With what the vendor may bill for it, as far as that was seen.
    pub(super) fn billed(mut self, seen: Option<Ending>) -> Self {
        if seen.is_some() && self.next == Next::Retry && self.upstream_status == 0 {
            // The vendor had it long enough to work on it: the same again would pay twice.
            self.next = Next::OtherTarget;
        }
        self.billed = seen.map(Box::new);
        self
    }

    /// The same target is asked once more, with the request mended.
    pub(super) fn mended(mut self, mends: Vec<Mend>) -> Self {
        if !mends.is_empty() {
            let names: Vec<&str> = mends.iter().map(Mend::refused).collect();
            self.why = format!("{}: it refuses {}, asked again without", self.why, names.join(", "));
            self.next = Next::SameAgain;
            self.mends = mends;
        }
        self
    }

    /// Whether this says something about the provider, not about the request.
    pub(super) const fn blames_provider(&self) -> bool {
        // What a client can bring about must not close a provider to others.
        let asked_wrongly = matches!(self.refusal.kind, RefusalKind::InvalidRequest);
        let clients = asked_wrongly || matches!(self.upstream_status, 400 | 403..=407 | 409..=499) && !self.surely_auth;
        matches!(self.next, Next::Retry | Next::OtherTarget | Next::OtherKey) && !clients
    }

    /// The last word: the vendor's own answer where there was one attempt, else a refusal that names them all.
    pub(super) fn into_reply(self, call: &Call, errand: &Errand<'_>) -> Result<Reply, Stop> {
        if (call.tried == 1 || self.next == Next::Final)
            && let Some(answer) = self.answer
        {
            let (head, body) = *answer;
            return Ok(Reply::whole(head, errand.admitted, body));
        }
        let mut refusal = self.refusal;
        let mut attempts = call.entry.attempts.iter().filter(|row| row.why != SKIPPED);
        if call.tried > 1 {
            let list: Vec<String> = attempts.map(|row| format!("{}/{}: {}", row.provider, row.model, row.why)).collect();
            refusal.message = format!("{}; {} attempts failed: {}", refusal.message, call.tried, list.join("; ")).into();
        } else if let Some(row) = attempts.next() {
            refusal.message = format!("{} (provider \"{}\")", refusal.message, row.provider).into();
        }
        Err(refusal.into())
    }
}

/// A code that says something to programs: a word, no number.
fn is_word(code: &str) -> bool {
    const LONGEST: usize = 64;
    code.len() <= LONGEST
        && code.bytes().any(|b| b.is_ascii_alphabetic())
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// The status of an error that came with a good one.
const fn ok_status_of(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::BadRequest => 400,
        ErrorKind::NotFound => 404,
        ErrorKind::TooLarge => 413,
        ErrorKind::RateLimited | ErrorKind::Quota => 429,
        ErrorKind::Overloaded => 503,
        ErrorKind::Auth | ErrorKind::Forbidden | ErrorKind::Server | ErrorKind::Other => 502,
    }
}

fn redact_text(provider: &ProviderView, text: &str) -> String {
    let secrets: Vec<&str> = provider.secrets().collect();
    fluxa_wire::upstream_error::redact(text, &secrets).into_owned()
}
