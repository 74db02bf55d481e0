//! Where credentials come from, by what is configured: the first source that applies, not the first that works.
//! A source that fails is an error to be mended, and never a reason to act as somebody else.

use std::path::PathBuf;
use std::sync::Arc;

use super::environment::AwsEnvironment;
use super::{AwsCredentials, AwsCredentialsError, pair};

/// The name of the session where the environment gives none; shown in CloudTrail.
const SESSION_NAME: &str = "fluxa";
/// The profile where none is named.
const DEFAULT_PROFILE: &str = "default";

/// What to do for credentials.
#[derive(Debug)]
pub(super) enum Choice {
    /// They are at hand and stay as they are.
    Fixed(Arc<AwsCredentials>),
    /// Asked for in this order, until one has some.
    Fetch(Vec<Source>),
}

/// A place that has credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// STS, for a token that the cluster wrote into a file.
    WebIdentity { token_file: PathBuf, role_arn: String, session_name: String },
    /// The shared files.
    Profile {
        name: String,
        /// It was named: that it is not there is an error.
        required: bool,
    },
    /// The credential service of the container's host.
    Container,
}

/// Chooses for a process.
pub(super) fn choose(environment: &AwsEnvironment) -> Result<Choice, AwsCredentialsError> {
    let env = environment;
    if let Some(token) = &env.bearer_token {
        return Ok(Choice::Fixed(Arc::new(AwsCredentials::Bearer(token.clone()))));
    }
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    if let Some(keys) = pair(&env.access_key_id, &env.secret_access_key, &env.session_token, names)? {
        return Ok(Choice::Fixed(Arc::new(keys)));
    }
    if let Some(token_file) = &env.web_identity_token_file {
        let Some(role_arn) = &env.role_arn else {
            return Err(AwsCredentialsError::Configuration(String::from("AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not")));
        };
        let session_name = env.role_session_name.clone().unwrap_or_else(|| String::from(SESSION_NAME));
        return Ok(Choice::Fetch(vec![Source::WebIdentity { token_file: token_file.clone(), role_arn: role_arn.clone(), session_name }]));
    }
    if let Some(name) = &env.profile {
        return Ok(Choice::Fetch(vec![Source::Profile { name: name.clone(), required: true }]));
    }
    let mut sources = Vec::new();
    if env.credentials_file.is_some() || env.config_file.is_some() {
        sources.push(Source::Profile { name: String::from(DEFAULT_PROFILE), required: false });
    }
    if env.container_relative_uri.is_some() || env.container_full_uri.is_some() {
        sources.push(Source::Container);
    }
    if sources.is_empty() { Err(AwsCredentialsError::Missing) } else { Ok(Choice::Fetch(sources)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluxa_domain::provider::ProviderSecrets;
    use fluxa_domain::secret::Secret;

    fn secret(text: &str) -> Option<Secret<String>> {
        Some(Secret::new(text.to_owned()))
    }

    /// Everything that can be set.
    fn all() -> AwsEnvironment {
        AwsEnvironment {
            bearer_token: secret("bearer"),
            access_key_id: secret("id"),
            secret_access_key: secret("secret"),
            session_token: secret("token"),
            region: Some("eu-west-1".into()),
            web_identity_token_file: Some("/token".into()),
            role_arn: Some("arn".into()),
            role_session_name: None,
            sts_endpoint: None,
            profile: Some("work".into()),
            credentials_file: Some("/credentials".into()),
            config_file: Some("/config".into()),
            container_relative_uri: Some("/x".into()),
            container_full_uri: None,
            container_token: None,
            container_token_file: None,
        }
    }

    fn shown(env: &AwsEnvironment) -> String {
        match choose(env) {
            Ok(Choice::Fixed(credentials)) => match &*credentials {
                AwsCredentials::Bearer(token) => format!("bearer {}", token.expose()),
                AwsCredentials::Keys { access_key_id, secret_access_key, session_token, .. } => {
                    let token = session_token.as_ref().map(|token| token.expose().as_str());
                    format!("keys {} {} {token:?}", access_key_id.expose(), secret_access_key.expose())
                }
            },
            Ok(Choice::Fetch(sources)) => format!("{sources:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_first_source_that_is_configured_is_chosen() {
        let mut env = all();
        assert_eq!(shown(&env), "bearer bearer");
        env.bearer_token = None;
        assert_eq!(shown(&env), "keys id secret Some(\"token\")");
        env.session_token = None;
        assert_eq!(shown(&env), "keys id secret None");
        (env.access_key_id, env.secret_access_key) = (None, None);
        assert_eq!(shown(&env), r#"[WebIdentity { token_file: "/token", role_arn: "arn", session_name: "fluxa" }]"#);
        env.role_session_name = Some("pod-7".into());
        assert!(shown(&env).contains("pod-7"));
        // A role without a token says nothing.
        env.web_identity_token_file = None;
        assert_eq!(shown(&env), r#"[Profile { name: "work", required: true }]"#);
        env.profile = None;
        assert_eq!(shown(&env), r#"[Profile { name: "default", required: false }, Container]"#);
        (env.credentials_file, env.config_file) = (None, None);
        assert_eq!(shown(&env), "[Container]");
        (env.container_relative_uri, env.container_full_uri) = (None, Some("http://localhost/x".into()));
        assert_eq!(shown(&env), "[Container]");
        env.container_full_uri = None;
        assert_eq!(shown(&env), AwsCredentialsError::Missing.to_string());
    }

    #[test]
    fn halves_are_not_taken_for_nothing() {
        let mut env = all();
        (env.bearer_token, env.secret_access_key) = (None, None);
        assert_eq!(shown(&env), "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
        (env.access_key_id, env.secret_access_key) = (None, secret("secret"));
        assert_eq!(shown(&env), "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not");
        (env.secret_access_key, env.role_arn) = (None, None);
        assert_eq!(shown(&env), "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
    }

    #[test]
    fn a_provider_has_its_own_keys_or_none() {
        let mut secrets = ProviderSecrets::default();
        assert!(AwsCredentials::own(&secrets).unwrap().is_none());
        secrets.access_key_id = secret("id");
        assert!(matches!(AwsCredentials::own(&secrets), Err(AwsCredentialsError::Configuration(_))));
        secrets.secret_access_key = secret("very-secret");
        secrets.session_token = secret("very-token");
        let own = AwsCredentials::own(&secrets).unwrap().unwrap();
        let signer = own.signer("eu-west-1").unwrap();
        let seen = (signer.access_key_id, signer.secret_access_key, signer.session_token, signer.region, signer.service);
        assert_eq!(seen, ("id", "very-secret", Some("very-token"), "eu-west-1", "bedrock"));
        assert!(!format!("{own:?} {signer:?} {:?}", all()).contains("very"));
        assert!(AwsCredentials::Bearer(Secret::new(String::from("t"))).signer("x").is_none());
    }
}
