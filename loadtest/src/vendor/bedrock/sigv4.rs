//! Whether a request is signed as AWS wants it, with the credentials that its documents use for examples.
//!
//! Written from AWS's description, for the mock alone.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac as _};
use http::request::Parts;
use sha2::{Digest as _, Sha256};

/// The access key that is known here.
pub(in crate::vendor) const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
/// Its secret.
pub(in crate::vendor) const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "bedrock";

/// How far a signature's time may be from the clock.
const SKEW_SECONDS: i64 = 300;

/// Why AWS refuses: the exception's name and what it says.
pub(in crate::vendor) type Refused = (&'static str, String);

/// Accepts a bearer token, or a right signature.
pub(in crate::vendor) fn check(head: &Parts, body: &[u8]) -> Result<(), Refused> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
    check_at(head, body, i64::try_from(now).unwrap_or(i64::MAX))
}

fn check_at(head: &Parts, body: &[u8], now: i64) -> Result<(), Refused> {
    let authorization = header(head, "authorization");
    if authorization.strip_prefix("Bearer ").is_some_and(|token| !token.is_empty()) {
        return Ok(());
    }
    let incomplete = |what: &str| ("IncompleteSignatureException", format!("Authorization header requires {what}"));
    let fields =
        authorization.strip_prefix(ALGORITHM).ok_or(("MissingAuthenticationTokenException", "Missing Authentication Token".to_owned()))?;
    let field = |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('=')).ok_or(incomplete(name));
    let (credential, signed, signature) = (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
    let [id, day, region, service, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..] else {
        return Err(incomplete("a whole credential scope"));
    };
    if id != ACCESS_KEY_ID {
        return Err(("UnrecognizedClientException", "The security token included in the request is invalid.".to_owned()));
    }
    let date = header(head, "x-amz-date");
    if service != SERVICE || !date.starts_with(day) {
        return Err(wrong(&format!("Credential should be scoped to correct service '{SERVICE}' and date, got {service} {day}")));
    }
    let names: Vec<&str> = signed.split(';').collect();
    if !names.contains(&"host") || !names.contains(&"x-amz-date") || !names.is_sorted() {
        return Err(wrong("'host' and 'x-amz-date' must be signed, in order"));
    }
    let time = seconds(&date).ok_or_else(|| wrong("x-amz-date is not a date"))?;
    if (time - now).abs() > SKEW_SECONDS {
        return Err(wrong(&format!("Signature expired or not yet current: {date}")));
    }
    let text = format!("{ALGORITHM}\n{date}\n{day}/{region}/{service}/aws4_request\n{}", digest(canonical(head, &names, body).as_bytes()));
    let key =
        [day, region, service, "aws4_request"].iter().fold(format!("AWS4{SECRET_ACCESS_KEY}").into_bytes(), |key, part| mac(&key, part));
    if hex(&mac(&key, &text)) == signature { Ok(()) } else { Err(wrong(DIFFERS)) }
}

const DIFFERS: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key \
    and signing method. Consult the service documentation for details.";

fn wrong(why: &str) -> Refused {
    ("InvalidSignatureException", why.to_owned())
}

fn canonical(head: &Parts, names: &[&str], body: &[u8]) -> String {
    let path: String = head.uri.path().bytes().map(|byte| if byte == b'/' { "/".to_owned() } else { encoded(byte) }).collect();
    let mut query: Vec<String> =
        head.uri.query().unwrap_or_default().split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    query.sort();
    let headers: String =
        names.iter().map(|name| format!("{name}:{}\n", header(head, name).split_whitespace().collect::<Vec<_>>().join(" "))).collect();
    format!("{}\n{path}\n{}\n{headers}\n{}\n{}", head.method, query.join("&"), names.join(";"), digest(body))
}

fn encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

fn header(head: &Parts, name: &str) -> String {
    head.headers.get(name).map_or_else(String::new, |value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // A key of any length is fine.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seconds since 1970 of `20260102T030405Z`.
fn seconds(date: &str) -> Option<i64> {
    let number = |from: usize, to: usize| date.get(from..to)?.parse::<i64>().ok();
    if date.len() != 16 || date.get(8..9) != Some("T") || !date.ends_with('Z') {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    // Years begin in March, so that the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + number(9, 11)? * 3600 + number(11, 13)? * 60 + number(13, 15)?)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const DATE: &str = "20260102T030405Z";
    const NOW: i64 = 1_767_323_045;

    fn signed(path: &str, token: Option<&str>, signature: &str) -> Parts {
        let names = if token.is_some() { "content-type;host;x-amz-date;x-amz-security-token" } else { "content-type;host;x-amz-date" };
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, SignedHeaders={names}, Signature={signature}"
        );
        let mut request = Request::post(path)
            .header("content-type", "application/json")
            .header("host", "bedrock-runtime.us-east-1.amazonaws.com")
            .header("x-amz-date", DATE)
            .header("authorization", authorization);
        if let Some(token) = token {
            request = request.header("x-amz-security-token", token);
        }
        request.body(()).unwrap().into_parts().0
    }

    const BODY: &[u8] = br#"{"messages":[]}"#;
    const PATH: &str = "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse";
    const SIGNATURE: &str = "0e77d6bf086533596de092c06c18106ace5bb0ab5bb9c239f1e04126db9086b0";

    /// Requests that botocore signed so.
    #[test]
    fn signatures_of_the_vendors_sdk_are_right() {
        let arn = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123/converse";
        let stream = "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse-stream";
        for (path, token, signature) in [
            (PATH, None, SIGNATURE),
            (stream, Some("SESSION/TOKEN+EXAMPLE=="), "b24b15bc624100289ee021e6ef2dd7ea011c7194f156317fe7c8b6d6fec2534b"),
            (arn, None, "96f3ce92a91a28041d47394ed28a66b81cda801188399ec78e1f2560e9eca8bb"),
        ] {
            assert_eq!(check_at(&signed(path, token, signature), BODY, NOW), Ok(()), "{path}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let good = signed(PATH, None, SIGNATURE);
        assert_eq!(check_at(&good, br#"{"messages":[ ]}"#, NOW).unwrap_err().0, "InvalidSignatureException");
        assert_eq!(check_at(&good, BODY, NOW + 301).unwrap_err().0, "InvalidSignatureException");
        let other = signed(&PATH.replace("%3A", ":"), None, SIGNATURE);
        assert_eq!(check_at(&other, BODY, NOW).unwrap_err().0, "InvalidSignatureException");
        let nobody = Request::post(PATH).body(()).unwrap().into_parts().0;
        assert_eq!(check_at(&nobody, BODY, NOW).unwrap_err().0, "MissingAuthenticationTokenException");
        let bearer = Request::post(PATH).header("authorization", "Bearer bedrock-api-key").body(()).unwrap().into_parts().0;
        assert_eq!(check_at(&bearer, BODY, NOW), Ok(()));
    }

    #[test]
    fn dates_are_read() {
        assert_eq!(seconds("19700101T000000Z"), Some(0));
        assert_eq!(seconds("20240229T235959Z"), Some(1_709_251_199));
        assert_eq!(seconds(DATE), Some(NOW));
        assert_eq!(seconds("20260102"), None);
    }
}
