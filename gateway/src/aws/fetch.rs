//! Gets credentials from where they are: reads files, asks services. All the I/O of this part.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fluxa_domain::secret::Secret;
use tokio::io::AsyncReadExt as _;

use super::choice::Source;
use super::endpoint::Endpoint;
use super::environment::AwsEnvironment;
use super::profile::{self, File};
use super::{AwsCredentialsError, Fetched, container, endpoint, sts};
use crate::upstream::{Ask, Connector, Pool, Progress, Scratch, Timers, TlsSetup, exchange};

/// Bytes of a file that are read; shared files and tokens are a few kB.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Bytes of an answer that are read; real ones are 2 kB.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// One exchange with a service. Two of them fit into the time of a fetch.
const TIMERS: Timers = Timers { connect: Duration::from_secs(2), first_byte: Duration::from_secs(3) };
/// How often a service is asked before it counts as down.
const ATTEMPTS: u32 = 2;

/// Asks the sources in their order; the first that has credentials ends it, and so does the first that fails.
pub(super) async fn fetch(
    sources: &[Source],
    environment: &AwsEnvironment,
    region: &str,
    tls: &Arc<TlsSetup>,
) -> Result<Fetched, AwsCredentialsError> {
    for source in sources {
        match source {
            Source::WebIdentity { token_file, role_arn, session_name } => {
                let endpoint = endpoint::sts(environment, region)?;
                let token = secret_file(token_file).await?;
                let form = sts::form(role_arn, session_name, &token);
                let lines = format!("content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n", form.expose().len());
                let (status, body) = ask(&endpoint, tls, "POST", &lines, form.expose().as_bytes()).await?;
                return sts::parse(status, body.expose());
            }
            Source::Container => {
                let endpoint = endpoint::container(environment)?;
                let token = match (&environment.container_token_file, &environment.container_token) {
                    (Some(file), _) => Some(secret_file(file).await?),
                    (None, token) => token.clone(),
                };
                let lines = match &token {
                    Some(token) => Secret::new(format!("authorization: {}\r\n", one_line(token)?)),
                    None => Secret::default(),
                };
                let (status, body) = ask(&endpoint, tls, "GET", lines.expose(), &[]).await?;
                return container::parse(status, body.expose());
            }
            Source::Profile { name, required } => {
                let credentials = shared_file(environment.credentials_file.as_deref(), File::Credentials, name, *required).await?;
                let config = shared_file(environment.config_file.as_deref(), File::Config, name, *required).await?;
                let known = credentials.is_some() || config.is_some();
                if let Some(keys) = profile::keys(name, credentials, config)? {
                    return Ok(keys);
                }
                if *required {
                    let what = if known { "has no access keys" } else { "is in neither of the shared AWS files" };
                    return Err(AwsCredentialsError::Configuration(format!("profile {name} {what}")));
                }
            }
        }
    }
    Err(AwsCredentialsError::Missing)
}

/// What a shared file says about a profile. That there is no such file is no error.
async fn shared_file(path: Option<&Path>, file: File, name: &str, required: bool) -> Result<Option<profile::Section>, AwsCredentialsError> {
    let Some(path) = path else { return Ok(None) };
    match read(path).await {
        Ok(text) => Ok(profile::section(&String::from_utf8_lossy(text.expose()), file, name)),
        // A home that may not be entered is as good as none, where nobody asked for a profile.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound || !required => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// A token in a file, without the line break at its end.
async fn secret_file(path: &Path) -> Result<Secret<String>, AwsCredentialsError> {
    let bytes = read(path).await.map_err(|error| unreadable(path, &error))?;
    let text = std::str::from_utf8(bytes.expose()).map(str::trim).unwrap_or_default();
    if text.is_empty() {
        return Err(AwsCredentialsError::Unavailable(format!("{} holds no token", path.display())));
    }
    Ok(Secret::new(text.to_owned()))
}

async fn read(path: &Path) -> std::io::Result<Secret<Vec<u8>>> {
    let mut bytes = Vec::new();
    tokio::fs::File::open(path).await?.take(MAX_FILE_BYTES).read_to_end(&mut bytes).await?;
    Ok(Secret::new(bytes))
}

fn unreadable(path: &Path, error: &std::io::Error) -> AwsCredentialsError {
    AwsCredentialsError::Unavailable(format!("cannot read {}: {error}", path.display()))
}

/// A token as the value of a header: one that could end its line is none.
fn one_line(token: &Secret<String>) -> Result<&str, AwsCredentialsError> {
    let token = token.expose().trim();
    if token.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Ok(token);
    }
    Err(AwsCredentialsError::Configuration(String::from("the container's authorization token holds a character that no header has")))
}

/// Asks a service; once more where it does not answer, or says that it cannot just now.
async fn ask(
    endpoint: &Endpoint,
    tls: &Arc<TlsSetup>,
    method: &str,
    lines: &str,
    body: &[u8],
) -> Result<(u16, Secret<Vec<u8>>), AwsCredentialsError> {
    let connector = Connector { egress: endpoint.egress.clone(), tls: Arc::clone(tls) };
    let (pool, scratch) = (Rc::new(Pool::default()), Scratch::new());
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        let answer = once(endpoint, &connector, &pool, &scratch, method, lines, body).await;
        let again = answer.as_ref().map_or(true, |(status, _)| *status >= 500 || *status == 429);
        if left == 0 || !again {
            return answer;
        }
    }
}

async fn once(
    endpoint: &Endpoint,
    connector: &Connector,
    pool: &Rc<Pool>,
    scratch: &Scratch,
    method: &str,
    lines: &str,
    body: &[u8],
) -> Result<(u16, Secret<Vec<u8>>), AwsCredentialsError> {
    let Endpoint { origin, target, .. } = endpoint;
    let host = &origin.authority;
    let failed = |why: String| AwsCredentialsError::Unavailable(format!("cannot get AWS credentials from {host}: {why}"));
    let head =
        format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\naccept: */*\r\nuser-agent: fluxa\r\nconnection: close\r\n{lines}\r\n");
    let asked = exchange(connector, pool, scratch, Ask { origin, head: head.into_bytes(), body }, TIMERS).await;
    let mut answer = asked.map_err(|fault| failed(fault.to_string()))?;
    let mut received = Vec::new();
    loop {
        let read = std::future::poll_fn(|cx| answer.body.poll_data(cx, scratch, |data| received.extend_from_slice(data))).await;
        match read {
            Ok(Progress::Data) if received.len() <= MAX_ANSWER_BYTES => {}
            Ok(Progress::Data) => return Err(failed(String::from("the answer is too long"))),
            Ok(Progress::End) => return Ok((answer.head.status, Secret::new(received))),
            Err(fault) => return Err(failed(fault.to_string())),
        }
    }
}
