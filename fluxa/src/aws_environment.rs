//! What the environment says about AWS: the variables that all AWS SDKs know, as the data plane wants them.
//!
//! Nothing is judged here; `fluxa_gateway`'s `aws` chooses among what is set.

use std::path::PathBuf;

use fluxa_domain::secret::Secret;
use fluxa_gateway::AwsEnvironment;

/// Reads the environment. A variable that is empty or blank is not set.
#[must_use]
pub fn aws_environment(env: &dyn Fn(&str) -> Option<String>) -> AwsEnvironment {
    let text = |name: &str| env(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let secret = |name: &str| text(name).map(Secret::new);
    let path = |name: &str| text(name).map(PathBuf::from);
    let home = path("HOME").or_else(|| path("USERPROFILE"));
    let at_home = |name: &str| home.as_ref().map(|home| home.join(".aws").join(name));
    AwsEnvironment {
        bearer_token: secret("AWS_BEARER_TOKEN_BEDROCK"),
        access_key_id: secret("AWS_ACCESS_KEY_ID"),
        secret_access_key: secret("AWS_SECRET_ACCESS_KEY"),
        session_token: secret("AWS_SESSION_TOKEN"),
        region: text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")),
        web_identity_token_file: path("AWS_WEB_IDENTITY_TOKEN_FILE"),
        role_arn: text("AWS_ROLE_ARN"),
        role_session_name: text("AWS_ROLE_SESSION_NAME"),
        sts_endpoint: text("AWS_ENDPOINT_URL_STS"),
        profile: text("AWS_PROFILE"),
        credentials_file: path("AWS_SHARED_CREDENTIALS_FILE").or_else(|| at_home("credentials")),
        config_file: path("AWS_CONFIG_FILE").or_else(|| at_home("config")),
        container_relative_uri: text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        container_full_uri: text("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        container_token: secret("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        container_token_file: path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> AwsEnvironment {
        aws_environment(&|name| set.iter().find(|(is, _)| *is == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn every_variable_has_its_place() {
        let names = [
            "AWS_BEARER_TOKEN_BEDROCK",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_REGION",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_ROLE_ARN",
            "AWS_ROLE_SESSION_NAME",
            "AWS_ENDPOINT_URL_STS",
            "AWS_PROFILE",
            "AWS_SHARED_CREDENTIALS_FILE",
            "AWS_CONFIG_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ];
        // Each variable holds its own name.
        let set: Vec<(&str, &str)> = names.iter().map(|name| (*name, *name)).collect();
        let env = read(&set);
        let secret = |secret: &Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().clone());
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let seen = [
            secret(&env.bearer_token),
            secret(&env.access_key_id),
            secret(&env.secret_access_key),
            secret(&env.session_token),
            env.region,
            path(&env.web_identity_token_file),
            env.role_arn,
            env.role_session_name,
            env.sts_endpoint,
            env.profile,
            path(&env.credentials_file),
            path(&env.config_file),
            env.container_relative_uri,
            env.container_full_uri,
            secret(&env.container_token),
            path(&env.container_token_file),
        ];
        assert_eq!(seen, names.map(|name| Some(name.to_owned())));
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let env = read(&[("HOME", "/h"), ("AWS_DEFAULT_REGION", "eu-west-1"), ("AWS_PROFILE", "  "), ("AWS_ACCESS_KEY_ID", "")]);
        assert_eq!((env.region.as_deref(), env.profile, env.access_key_id), (Some("eu-west-1"), None, None));
        let files = (env.credentials_file.unwrap(), env.config_file.unwrap());
        assert_eq!(files, (PathBuf::from("/h/.aws/credentials"), PathBuf::from("/h/.aws/config")));
        let nowhere = read(&[("AWS_REGION", "a"), ("AWS_DEFAULT_REGION", "b")]);
        assert_eq!((nowhere.region.as_deref(), nowhere.credentials_file, nowhere.config_file), (Some("a"), None, None));
        assert_eq!(read(&[("USERPROFILE", "/u")]).config_file, Some(PathBuf::from("/u/.aws/config")));
    }
}
