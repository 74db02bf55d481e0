//! AWS Signature Version 4: the header lines that say who asks. Pure: the moment is an argument.
//!
//! Source: AWS "Signing AWS API requests", and what AWS's own signers do where that page is silent. Three steps, each
//! of which can be looked at: [`canonical()`] text, [`Signer::string_to_sign`], [`Signer::signature`]. Start at [`Signer::sign`].

use std::fmt;

use fluxa_domain::secret::Secret;
use fluxa_domain::time::Micros;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::civil;

mod canonical;

pub use crate::percent::encode_label;
pub use canonical::{Canonical, Paths, canonical, canonical_path, canonical_query};

/// The name of the algorithm, first word of everything.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The last part of a scope.
const TERMINATOR: &str = "aws4_request";

/// Who signs, and for what.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The public half of the key.
    pub access_key_id: &'a str,
    /// The secret half.
    pub secret_access_key: &'a str,
    /// Comes with temporary credentials, and must then be sent.
    pub session_token: Option<&'a str>,
    /// `us-east-1`.
    pub region: &'a str,
    /// The service as it is known to signatures: `bedrock` also where the host is `bedrock-runtime`.
    pub service: &'a str,
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `POST`.
    pub method: &'a str,
    /// The `host` header, with the port where it is not the scheme's own.
    pub authority: &'a str,
    /// The path as it goes out, its labels percent-encoded once ([`encode_label`]).
    pub path: &'a str,
    /// The query as it goes out, without the question mark; empty for none.
    pub query: &'a str,
    /// Further headers that are signed, such as `content-type`, in any order and case. The host and the headers that
    /// [`Signer::sign`] gives are added by it. No hop-by-hop headers, and none that anything on the way may change.
    pub headers: &'a [(&'a str, &'a str)],
    /// The whole body.
    pub body: &'a [u8],
}

/// What differs between services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How the path is written in the signed text.
    pub paths: Paths,
    /// Also send (and sign) the hash of the body as `x-amz-content-sha256`. Few services want it.
    pub body_header: bool,
    /// Sign the session token. Where not, it is sent all the same.
    pub session_token: bool,
}

impl Default for Options {
    /// As all services want it but S3.
    fn default() -> Self {
        Self { paths: Paths { normalize: true, double_encode: true }, body_header: false, session_token: true }
    }
}

impl fmt::Debug for Signer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("region", &self.region).field("service", &self.service).finish_non_exhaustive()
    }
}

impl Signer<'_> {
    /// The header lines to add to a request that goes out at `at`: `x-amz-date`, `authorization`, and
    /// `x-amz-security-token` and `x-amz-content-sha256` where they apply.
    ///
    /// A vendor refuses a signature that is more than five minutes away from its own clock, so each attempt is signed anew.
    #[must_use]
    pub fn sign(&self, request: &Request<'_>, options: Options, at: Micros) -> Vec<(&'static str, String)> {
        let body_hash = sha256_hex(request.body);
        let mut lines = vec![("x-amz-date", amz_date(at))];
        if options.body_header {
            lines.push(("x-amz-content-sha256", body_hash.clone()));
        }
        let token = self.session_token.map(|token| ("x-amz-security-token", token.to_owned()));
        let (signed, unsigned) = if options.session_token { (token, None) } else { (None, token) };
        lines.extend(signed);
        let mut headers = vec![("host", request.authority)];
        headers.extend(lines.iter().map(|(name, value)| (*name, value.as_str())));
        headers.extend_from_slice(request.headers);
        let canonical =
            canonical(request.method, &canonical_path(request.path, options.paths), &canonical_query(request.query), &headers, &body_hash);
        let authorization = self.authorization(&canonical, at);
        lines.extend(unsigned);
        lines.push(("authorization", authorization));
        lines
    }

    /// `20260102/us-east-1/bedrock/aws4_request`: what the signature is good for.
    #[must_use]
    pub fn scope(&self, at: Micros) -> String {
        format!("{}/{}/{}/{TERMINATOR}", day(at), self.region, self.service)
    }

    /// The text under the signature.
    #[must_use]
    pub fn string_to_sign(&self, canonical: &str, at: Micros) -> String {
        format!("{ALGORITHM}\n{}\n{}\n{}", amz_date(at), self.scope(at), sha256_hex(canonical.as_bytes()))
    }

    /// The signature, as 64 hex digits.
    #[must_use]
    pub fn signature(&self, canonical: &str, at: Micros) -> String {
        // Every link of the chain signs as well as the secret itself, for a day; all are wiped.
        let first = Secret::new(format!("AWS4{}", self.secret_access_key));
        let date = Secret::new(hmac(first.expose().as_bytes(), &day(at)));
        let region = Secret::new(hmac(date.expose(), self.region));
        let service = Secret::new(hmac(region.expose(), self.service));
        let key = Secret::new(hmac(service.expose(), TERMINATOR));
        hex(&hmac(key.expose(), &self.string_to_sign(canonical, at)))
    }

    /// The value of the `authorization` header.
    fn authorization(&self, canonical: &Canonical, at: Micros) -> String {
        format!(
            "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={}",
            self.access_key_id,
            self.scope(at),
            canonical.signed_headers,
            self.signature(&canonical.text, at),
        )
    }
}

/// The moment as AWS writes it, `20260102T030405Z`: the value of `x-amz-date`.
#[must_use]
pub fn amz_date(at: Micros) -> String {
    let mut text = civil::rfc3339(at.0.div_euclid(Micros::PER_SECOND));
    text.retain(|c| !matches!(c, '-' | ':'));
    text
}

/// The day of a scope, `20260102`.
fn day(at: Micros) -> String {
    let mut text = amz_date(at);
    text.truncate(8);
    text
}

/// The hash of a body as signatures carry it: SHA-256, 64 hex digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    // HMAC takes keys of every length (RFC 2104), so the other arm is never taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests;
