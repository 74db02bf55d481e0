//! STS' `AssumeRoleWithWebIdentity`: a token of the cluster against keys of a role. Nothing is signed: the token is the proof.
//! Source: AWS STS API reference, version 2011-06-15.

use fluxa_domain::secret::Secret;
use fluxa_domain::time::Micros;
use fluxa_wire::sigv4::encode_label;

use super::xml::text_in;
use super::{AwsCredentials, AwsCredentialsError, Fetched, said};

/// Who this is, in errors.
const FROM: &str = "STS";

/// The form that is sent.
pub(super) fn form(role_arn: &str, session_name: &str, token: &Secret<String>) -> Secret<String> {
    Secret::new(format!(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}&WebIdentityToken={}",
        encode_label(role_arn),
        encode_label(session_name),
        encode_label(token.expose()),
    ))
}

/// Reads the answer.
pub(super) fn parse(status: u16, body: &[u8]) -> Result<Fetched, AwsCredentialsError> {
    let xml = std::str::from_utf8(body).unwrap_or_default();
    if status != 200 {
        let text = |name: &str| text_in(xml, "Error", name).unwrap_or_default();
        let message = format!("{} {}", text("Code"), text("Message"));
        return Err(AwsCredentialsError::Refused { from: FROM, status, message: said(&message) });
    }
    let text = |name: &str| text_in(xml, "Credentials", name).filter(|text| !text.is_empty());
    let secret = |name: &str| text(name).map(Secret::new);
    let (Some(access_key_id), Some(secret_access_key), Some(session_token)) =
        (secret("AccessKeyId"), secret("SecretAccessKey"), secret("SessionToken"))
    else {
        return Err(AwsCredentialsError::Unavailable(format!("{FROM} answered without keys")));
    };
    let Some(expires_at) = text("Expiration").and_then(|text| Micros::from_rfc3339(&text)) else {
        return Err(AwsCredentialsError::Unavailable(format!("{FROM} answered without an expiration")));
    };
    let credentials = AwsCredentials::Keys { access_key_id, secret_access_key, session_token: Some(session_token), region: None };
    Ok(Fetched { credentials, expires_at: Some(expires_at) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(credentials: &str) -> String {
        format!(
            "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
             <AssumeRoleWithWebIdentityResult>\n    <Audience>sts.amazonaws.com</Audience>\n    <AssumedRoleUser>\n      \
             <Arn>arn:aws:sts::123456789012:assumed-role/r/fluxa</Arn>\n    </AssumedRoleUser>\n    \
             <Credentials>\n{credentials}</Credentials>\n  </AssumeRoleWithWebIdentityResult>\n  \
             <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\n</AssumeRoleWithWebIdentityResponse>"
        )
    }

    fn shown(status: u16, body: &str) -> String {
        match parse(status, body.as_bytes()) {
            Ok(Fetched { credentials: AwsCredentials::Keys { access_key_id, secret_access_key, session_token, .. }, expires_at }) => {
                let token = session_token.as_ref().map_or("-", |token| token.expose());
                format!("{} {} {token} {:?}", access_key_id.expose(), secret_access_key.expose(), expires_at.map(Micros::to_rfc3339))
            }
            Ok(_) => String::from("bearer"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_form_says_who_wants_to_be_whom() {
        let token = Secret::new(String::from("header.pay-load_1.sig+nature=="));
        let form = form("arn:aws:iam::123456789012:role/r", "pod 7", &token);
        assert_eq!(
            form.expose(),
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr\
             &RoleSessionName=pod%207&WebIdentityToken=header.pay-load_1.sig%2Bnature%3D%3D"
        );
    }

    #[test]
    fn answers_of_sts() {
        let check = |status: u16, body: &str, expect: &str| assert_eq!(shown(status, body), expect, "{body}");
        let id = "<AccessKeyId>ASIA1</AccessKeyId>";
        let secret = "<SecretAccessKey>s/1+x</SecretAccessKey>";
        let token = "<SessionToken>\n        t+1==\n      </SessionToken>";
        let expiration = "<Expiration>2026-01-02T03:04:05Z</Expiration>";
        check(200, &answer(&[token, secret, expiration, id].concat()), "ASIA1 s/1+x t+1== Some(\"2026-01-02T03:04:05.000000Z\")");
        let milliseconds = "<Expiration>2026-01-02T03:04:05.678Z</Expiration>";
        check(200, &answer(&[id, secret, token, milliseconds].concat()), "ASIA1 s/1+x t+1== Some(\"2026-01-02T03:04:05.678000Z\")");
        check(200, &answer(&[id, secret, expiration].concat()), "STS answered without keys");
        check(200, &answer(&[id, secret, token].concat()), "STS answered without an expiration");
        check(200, "", "STS answered without keys");
        check(200, "<html><body>proxy</body></html>", "STS answered without keys");
        check(
            400,
            "<ErrorResponse xmlns=\"u\"><Error><Type>Sender</Type><Code>ExpiredTokenException</Code><Message>Token expired &amp; gone</Message></Error><RequestId>1</RequestId></ErrorResponse>",
            "STS refused credentials with status 400: ExpiredTokenException Token expired & gone",
        );
        check(503, "busy", "STS refused credentials with status 503: ");
    }
}
