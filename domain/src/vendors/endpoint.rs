//! Where a configured provider serves a client: the vendor's row with the provider's overrides.

use super::{Auth, Style, Vendor};
use crate::dialect::Dialect;
use crate::provider::ProviderRecord;

/// Paths that people paste after the base address.
const PASTED: [&str; 6] = ["/chat/completions", "/v1/messages", "/responses", "/embeddings", "/completions", "/messages"];

/// The region of a provider that names none.
pub const DEFAULT_REGION: &str = "us-east-1";

/// Paths at which vendors are known to serve the same API on their other hosts, or by another name.
const KNOWN_PATHS: [&str; 2] = ["", "/v1"];

/// Where a client's dialect is served by a provider, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What is spoken there: the client's dialect.
    pub dialect: Dialect,
    /// The base address, without a slash at the end.
    pub base: String,
    /// How addresses are made.
    pub style: Style,
    /// How keys are sent, if there is one.
    pub auth: Auth,
}

impl Vendor {
    /// Where `record`, a provider of this kind, serves a client that speaks `client` as it is; `None` where it needs translation.
    ///
    /// A base address that overrides the vendor's moves the native Anthropic endpoint to the same scheme and
    /// host too, so that a provider's key never goes to a host that nobody configured for it. That is only known to be there
    /// where the override keeps the vendor's path (another region, another machine); behind an address of another layout (a
    /// proxy with a prefix) there is none unless the operator names it.
    #[must_use]
    pub fn endpoint(&self, record: &ProviderRecord, client: Dialect) -> Option<Endpoint> {
        let served = self.serves(client)?;
        let native = client == Dialect::Anthropic && self.dialect != Dialect::Anthropic;
        let base = match (native, &record.anthropic_base_url, &record.base_url) {
            (true, Some(own), _) => without_v1(&tidy(own)).to_owned(),
            (true, None, Some(own)) => {
                let own = self.tidy_base(own);
                if self.base_url.is_empty() || path_of(&own) == path_of(self.base_url) || KNOWN_PATHS.contains(&path_of(&own)) {
                    format!("{}{}", origin(&own), path_of(served.base))
                } else {
                    String::new()
                }
            }
            (false, _, Some(own)) => self.tidy_base(own),
            (_, _, None) => regional(served.base, record.region.as_deref()),
        };
        if base.is_empty() {
            return None;
        }
        Some(Endpoint { dialect: served.dialect, base, style: served.style, auth: served.auth })
    }

    /// A base address as this vendor's address style expects it, from what people paste: without a slash at the
    /// end, without the path of a call, without `/v1` where the style adds it.
    #[must_use]
    pub fn tidy_base(&self, base: &str) -> String {
        let base = tidy(base);
        match self.style {
            Style::AnthropicV1 => without_v1(&base).to_owned(),
            Style::Azure => {
                let base = without_v1(&base);
                base.strip_suffix("/openai").unwrap_or(base).to_owned()
            }
            Style::Plain | Style::Gemini | Style::Bedrock => base,
        }
    }
}

/// A base with its region filled in; the regions of China have a top-level domain of their own.
fn regional(base: &str, region: Option<&str>) -> String {
    let region = region.unwrap_or(DEFAULT_REGION);
    let base = base.replace("{region}", region);
    if region.starts_with("cn-") { base.replace(".amazonaws.com", ".amazonaws.com.cn") } else { base }
}

fn tidy(base: &str) -> String {
    let base = base.trim().trim_end_matches('/');
    let base = PASTED.iter().find_map(|path| base.strip_suffix(path)).unwrap_or(base);
    base.trim_end_matches('/').to_owned()
}

fn without_v1(base: &str) -> &str {
    base.strip_suffix("/v1").unwrap_or(base)
}

/// Scheme and host of an address.
pub(super) fn origin(base: &str) -> &str {
    let host_at = base.find("://").map_or(0, |at| at + 3);
    let end = base.get(host_at..).and_then(|rest| rest.find('/')).map_or(base.len(), |at| host_at + at);
    base.get(..end).unwrap_or(base)
}

/// What follows scheme and host.
fn path_of(base: &str) -> &str {
    base.get(origin(base).len()..).unwrap_or("")
}
