//! What the credential service of a container's host answers. ECS and EKS pod identity answer alike.

use fluxa_domain::secret::Secret;
use fluxa_domain::time::Micros;
use serde_json::Value;

use super::{AwsCredentials, AwsCredentialsError, Fetched, said};

/// Who this is, in errors.
const FROM: &str = "the container's credential service";

/// Reads `{"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}`, or an error `{"code", "message"}`.
pub(super) fn parse(status: u16, body: &[u8]) -> Result<Fetched, AwsCredentialsError> {
    let mut answer: Value = serde_json::from_slice(body).unwrap_or_default();
    if status != 200 {
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
        let message = format!("{} {}", text("code"), text("message"));
        return Err(AwsCredentialsError::Refused { from: FROM, status, message: said(&message) });
    }
    let mut take = |name: &str| match answer.get_mut(name).map(Value::take) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let (Some(access_key_id), Some(secret_access_key)) = (take("AccessKeyId").map(Secret::new), take("SecretAccessKey").map(Secret::new))
    else {
        return Err(AwsCredentialsError::Unavailable(format!("{FROM} answered without keys")));
    };
    let expires_at = match take("Expiration") {
        None => None,
        Some(text) => {
            let moment = Micros::from_rfc3339(&text);
            Some(moment.ok_or_else(|| AwsCredentialsError::Unavailable(format!("{FROM} answered with an expiration that is no date")))?)
        }
    };
    let session_token = take("Token").map(Secret::new);
    Ok(Fetched { credentials: AwsCredentials::Keys { access_key_id, secret_access_key, session_token, region: None }, expires_at })
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn answers_of_both_services() {
        let check = |status: u16, body: &str, expect: &str| assert_eq!(shown(status, body), expect, "{body}");
        let whole = r#"{"RoleArn":"arn:aws:iam::123456789012:role/r","AccessKeyId":"ASIA1","SecretAccessKey":"s/1","Token":"t+1","Expiration":"2026-01-02T03:04:05Z"}"#;
        check(200, whole, "ASIA1 s/1 t+1 Some(\"2026-01-02T03:04:05.000000Z\")");
        check(200, r#"{"AccessKeyId":"A","SecretAccessKey":"S"}"#, "A S - None");
        check(200, r#"{"AccessKeyId":"A","SecretAccessKey":"S","Token":null,"Expiration":null}"#, "A S - None");
        let without = "the container's credential service answered without keys";
        for body in [
            "",
            "<html>",
            "[]",
            "null",
            "{}",
            r#"{"AccessKeyId":"A"}"#,
            r#"{"AccessKeyId":"A","SecretAccessKey":""}"#,
            r#"{"AccessKeyId":1,"SecretAccessKey":2}"#,
        ] {
            check(200, body, without);
        }
        let date = r#"{"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"tomorrow"}"#;
        check(200, date, "the container's credential service answered with an expiration that is no date");
        let error = r#"{"code":"AccessDenied","message":"no\nrole \u0007here"}"#;
        check(403, error, "the container's credential service refused credentials with status 403: AccessDenied no role here");
        check(500, "oops", "the container's credential service refused credentials with status 500: ");
    }
}
