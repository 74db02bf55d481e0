//! Who the gateway is to AWS: access keys, given or fetched, and kept fresh.
//!
//! The environment is read by the binary and given as an [`AwsEnvironment`]; nothing here reads it, signs a call, or knows
//! a model. What is decided (`choice`, `slot`) and what is read (`profile`, `sts`, `container`) is pure; `fetch` is all
//! that touches files and sockets. Start at [`AwsAccess::credentials`] in `access.rs`.

use std::fmt;

use fluxa_domain::provider::ProviderSecrets;
use fluxa_domain::secret::Secret;
use fluxa_domain::time::Micros;
use fluxa_wire::sigv4::Signer;

mod access;
mod choice;
mod container;
mod endpoint;
mod environment;
mod fetch;
mod profile;
mod slot;
mod sts;
mod xml;

pub use access::AwsAccess;
pub use environment::AwsEnvironment;

/// What proves to AWS who asks.
pub enum AwsCredentials {
    /// Keys that sign each call.
    Keys {
        /// The public half.
        access_key_id: Secret<String>,
        /// The secret half.
        secret_access_key: Secret<String>,
        /// Comes with temporary keys.
        session_token: Option<Secret<String>>,
        /// The region of the profile that the keys came from, where it names one.
        region: Option<String>,
    },
    /// A Bedrock API key: sent as `authorization: Bearer …`, nothing is signed.
    Bearer(Secret<String>),
}

/// Why there are no credentials. The texts are for the operator: they name files, variables and addresses, never secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AwsCredentialsError {
    /// Nothing is configured.
    #[error("no AWS credentials: give the provider access keys, or set AWS_ACCESS_KEY_ID, AWS_PROFILE or a role")]
    Missing,
    /// What is configured cannot work: somebody must change it.
    #[error("{0}")]
    Configuration(String),
    /// The source of credentials answered, and gave none.
    #[error("{from} refused credentials with status {status}: {message}")]
    Refused {
        /// Who: `STS`, `the container's credential service`.
        from: &'static str,
        /// HTTP status.
        status: u16,
        /// Its own words, cut.
        message: String,
    },
    /// The source of credentials could not be reached or understood: it may work in a moment.
    #[error("{0}")]
    Unavailable(String),
}

/// Credentials with the moment at which they end.
#[derive(Debug)]
struct Fetched {
    credentials: AwsCredentials,
    /// Nothing for keys that do not end.
    expires_at: Option<Micros>,
}

impl AwsCredentials {
    /// The keys of a provider, where it has its own. Its API keys (bearer tokens) are not looked at: they rotate.
    ///
    /// # Errors
    /// When one half of a key is missing.
    pub fn own(secrets: &ProviderSecrets) -> Result<Option<Self>, AwsCredentialsError> {
        let names = ["the provider's access_key_id", "its secret_access_key"];
        pair(&secrets.access_key_id, &secrets.secret_access_key, &secrets.session_token, names)
    }

    /// What must not be told to anyone, as it is redacted: AWS quotes session tokens where a signature is wrong.
    pub(crate) fn secret_parts(&self) -> impl Iterator<Item = &str> {
        let (one, other) = match self {
            Self::Keys { secret_access_key, session_token, .. } => (secret_access_key, session_token.as_ref()),
            Self::Bearer(token) => (token, None),
        };
        [Some(one), other].into_iter().flatten().map(|secret| secret.expose().as_str())
    }

    /// What signs calls to Bedrock in `region`; nothing for a bearer token.
    #[must_use]
    pub fn signer<'a>(&'a self, region: &'a str) -> Option<Signer<'a>> {
        match self {
            Self::Keys { access_key_id, secret_access_key, session_token, .. } => Some(Signer {
                access_key_id: access_key_id.expose(),
                secret_access_key: secret_access_key.expose(),
                session_token: session_token.as_ref().map(|token| token.expose().as_str()),
                region,
                // Signatures know the runtime's host by this name too.
                service: "bedrock",
            }),
            Self::Bearer(_) => None,
        }
    }
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys { .. } => "Keys(***)",
            Self::Bearer(_) => "Bearer(***)",
        })
    }
}

/// Both halves of a key, or none of them.
fn pair(
    access_key_id: &Option<Secret<String>>,
    secret_access_key: &Option<Secret<String>>,
    session_token: &Option<Secret<String>>,
    names: [&str; 2],
) -> Result<Option<AwsCredentials>, AwsCredentialsError> {
    let [id, secret] = names;
    let lacks = |has: &str, lacks: &str| Err(AwsCredentialsError::Configuration(format!("{has} is set, but {lacks} is not")));
    match (access_key_id, secret_access_key) {
        (None, None) => Ok(None),
        (Some(_), None) => lacks(id, secret),
        (None, Some(_)) => lacks(secret, id),
        (Some(access_key_id), Some(secret_access_key)) => Ok(Some(AwsCredentials::Keys {
            access_key_id: access_key_id.clone(),
            secret_access_key: secret_access_key.clone(),
            session_token: session_token.clone(),
            region: None,
        })),
    }
}

/// Words of a credential service as they are kept: one line, not too long.
fn said(text: &str) -> String {
    /// Characters kept of an error's text; real ones are one sentence.
    const KEPT_CHARS: usize = 300;
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).take(KEPT_CHARS).collect()
}
