//! What the process' environment says about AWS, as plain values. The names are those that all AWS SDKs know.

use std::path::PathBuf;

use fluxa_domain::secret::Secret;

/// The variables that choose credentials. An empty variable is an absent one.
#[derive(Clone, Debug, Default)]
pub struct AwsEnvironment {
    /// `AWS_BEARER_TOKEN_BEDROCK`: a Bedrock API key.
    pub bearer_token: Option<Secret<String>>,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Option<Secret<String>>,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<Secret<String>>,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<Secret<String>>,
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    pub region: Option<String>,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`: set by EKS for service accounts (IRSA).
    pub web_identity_token_file: Option<PathBuf>,
    /// `AWS_ROLE_ARN`.
    pub role_arn: Option<String>,
    /// `AWS_ROLE_SESSION_NAME`.
    pub role_session_name: Option<String>,
    /// `AWS_ENDPOINT_URL_STS`: where STS is, instead of its regional address.
    pub sts_endpoint: Option<String>,
    /// `AWS_PROFILE`.
    pub profile: Option<String>,
    /// `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`.
    pub credentials_file: Option<PathBuf>,
    /// `AWS_CONFIG_FILE`, else `~/.aws/config`.
    pub config_file: Option<PathBuf>,
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`: set by ECS.
    pub container_relative_uri: Option<String>,
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI`: set by EKS pod identity.
    pub container_full_uri: Option<String>,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub container_token: Option<Secret<String>>,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`: goes before the token itself, as it is renewed.
    pub container_token_file: Option<PathBuf>,
}
