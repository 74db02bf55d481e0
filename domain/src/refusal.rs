//! What a client may be told when the answer is no. Rendered once per dialect, in `wire`.

use std::borrow::Cow;

/// A refusal: status, code, a message without secrets, and what the client should do about retrying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What went wrong.
    pub kind: RefusalKind,
    /// A sentence for people; never a secret, never a prompt.
    pub message: Cow<'static, str>,
    /// The request field at fault (`param` in OpenAI's shape).
    pub param: Option<&'static str>,
    /// Seconds after which a retry makes sense (`retry-after`).
    pub retry_after_s: Option<u64>,
    /// The status to answer when it is not the kind's own (an upstream's).
    pub status: Option<u16>,
    /// The code to answer when it is not the kind's own (an upstream's word, such as `context_length_exceeded`).
    pub code: Option<Box<str>>,
}

/// The kinds of refusal of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// No, unknown, disabled or expired key.
    InvalidApiKey,
    /// The caller's address is not on the key's list.
    IpNotAllowed,
    /// The key may not use this model.
    ModelNotAllowed,
    /// Nothing serves this model.
    ModelNotFound,
    /// Over a rate or concurrency limit.
    RateLimited,
    /// Over a budget.
    BudgetExceeded,
    /// No price is known and the policy refuses.
    ModelUnpriced,
    /// Counters or ledger cannot be reached and the policy is `deny`.
    BudgetStoreUnavailable,
    /// Blocked by the firewall.
    ContentBlocked,
    /// The body or the request is malformed.
    InvalidRequest,
    /// The body is over the limit.
    TooLarge,
    /// No such path.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The operation is not translated for what the provider speaks.
    NotTranslated,
    /// An upstream refuses our credentials.
    UpstreamAuth,
    /// An upstream answered something that is not its protocol.
    UpstreamProtocol,
    /// An upstream failed, or none could be reached.
    Upstream,
    /// An upstream did not answer in time.
    UpstreamTimeout,
    /// Upstreams are overloaded, or none is in service.
    Overloaded,
    /// The server is stopping.
    ShuttingDown,
    /// Our own fault.
    Internal,
}

impl RefusalKind {
    /// The HTTP status of this kind.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidApiKey => 401,
            Self::IpNotAllowed | Self::ModelNotAllowed => 403,
            Self::ModelNotFound | Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RateLimited => 429,
            Self::BudgetExceeded | Self::ModelUnpriced => 402,
            Self::BudgetStoreUnavailable | Self::Overloaded | Self::ShuttingDown => 503,
            Self::ContentBlocked | Self::InvalidRequest => 400,
            Self::TooLarge => 413,
            Self::NotTranslated => 501,
            Self::UpstreamAuth | Self::UpstreamProtocol | Self::Upstream => 502,
            Self::UpstreamTimeout => 504,
            Self::Internal => 500,
        }
    }

    /// The machine-readable word (`code` in OpenAI's shape).
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidApiKey => "invalid_api_key",
            Self::IpNotAllowed => "ip_not_allowed",
            Self::ModelNotAllowed => "model_not_allowed",
            Self::ModelNotFound => "model_not_found",
            Self::RateLimited => "rate_limit_exceeded",
            Self::BudgetExceeded => "budget_exceeded",
            Self::ModelUnpriced => "model_unpriced",
            Self::BudgetStoreUnavailable => "budget_store_unavailable",
            Self::ContentBlocked => "content_blocked",
            Self::InvalidRequest => "invalid_request_error",
            Self::TooLarge => "request_too_large",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotTranslated => "not_translated",
            Self::UpstreamAuth => "upstream_auth_failed",
            Self::UpstreamProtocol => "upstream_protocol_error",
            Self::Upstream => "upstream_error",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::Overloaded => "overloaded",
            Self::ShuttingDown => "shutting_down",
            Self::Internal => "internal_error",
        }
    }

    /// Whether the official SDKs should try again by themselves: `Some(false)` becomes `x-should-retry: false`.
    #[must_use]
    pub const fn should_retry(self) -> Option<bool> {
        match self {
            Self::BudgetExceeded | Self::ModelUnpriced | Self::ContentBlocked | Self::UpstreamAuth | Self::NotTranslated => Some(false),
            _ => None,
        }
    }
}

impl Refusal {
    /// A refusal of `kind` with a message.
    pub fn new(kind: RefusalKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), param: None, retry_after_s: None, status: None, code: None }
    }

    /// Names the field at fault.
    #[must_use]
    pub const fn param(mut self, param: &'static str) -> Self {
        self.param = Some(param);
        self
    }

    /// Says when to come back, in seconds.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Answers with an upstream's status instead of the kind's own.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The code to answer.
    #[must_use]
    pub fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_else(|| self.kind.code())
    }

    /// The status to answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.unwrap_or_else(|| self.kind.status())
    }
}
