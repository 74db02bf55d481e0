//! Over loopback sockets and real files: what the services of AWS answer, and what calls get.

use std::path::PathBuf;

use fluxa_domain::secret::Secret;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A test that hangs has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// 2026-01-02T03:04:05Z, by the calls' clock.
const NOW: Micros = Micros(1_767_323_045 * Micros::PER_SECOND);

/// A service on loopback that answers one request a connection.
struct Service {
    listener: TcpListener,
}

impl Service {
    async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listener.local_addr().unwrap())
    }

    /// Takes one request; it is answered when the test says what.
    async fn request(&self) -> (TcpStream, String) {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut all = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&all);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
                if body.len() >= length {
                    return (stream, text.into_owned());
                }
            }
            assert_ne!(stream.read_buf(&mut all).await.unwrap(), 0, "the client closed");
        }
    }

    /// Answers the next request, and gives it.
    async fn answer(&self, status: u16, body: &str) -> String {
        let (stream, request) = self.request().await;
        write(stream, status, body).await;
        request
    }

    /// Nobody has asked since.
    async fn is_quiet(&self) -> bool {
        tokio::time::timeout(Duration::from_millis(50), self.listener.accept()).await.is_err()
    }
}

async fn write(mut stream: TcpStream, status: u16, body: &str) {
    let text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn both<A, B>(service: impl Future<Output = A>, client: impl Future<Output = B>) -> (A, B) {
    tokio::time::timeout(PATIENCE, async { tokio::join!(service, client) }).await.unwrap()
}

/// Writes a file of a test's folder.
fn file(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn container_answer(id: &str, seconds: i64) -> String {
    let end = NOW.plus_seconds(seconds).to_rfc3339();
    format!(r#"{{"AccessKeyId":"{id}","SecretAccessKey":"s","Token":"t","Expiration":"{end}"}}"#)
}

fn sts_answer(id: &str, seconds: i64) -> String {
    let end = NOW.plus_seconds(seconds).to_rfc3339();
    format!(
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{id}</AccessKeyId>\
         <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>{end}</Expiration></Credentials>\
         </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    )
}

/// What a call `seconds` after [`NOW`] gets: the key id, or the error.
async fn get(access: &AwsAccess, seconds: i64) -> String {
    match access.credentials("eu-west-1", NOW.plus_seconds(seconds)).await {
        Ok(credentials) => match &*credentials {
            AwsCredentials::Keys { access_key_id, .. } => access_key_id.expose().clone(),
            AwsCredentials::Bearer(token) => format!("bearer {}", token.expose()),
        },
        Err(error) => error.to_string(),
    }
}

fn of_container(service: &Service) -> AwsEnvironment {
    AwsEnvironment { container_full_uri: Some(service.url("/v1/credentials?x=1")), ..AwsEnvironment::default() }
}

#[tokio::test]
async fn given_credentials_are_at_hand() {
    let token = Some(Secret::new(String::from("b")));
    let access = AwsAccess::new(AwsEnvironment { bearer_token: token, region: Some("us-west-2".into()), ..AwsEnvironment::default() });
    assert_eq!(get(&access, 0).await, "bearer b");
    // Also asked from runtimes with several threads.
    fn goes_anywhere(_: &impl Send) {}
    goes_anywhere(&access.credentials("eu-west-1", NOW));
    assert_eq!(access.region(), Some("us-west-2"));
    let nothing = AwsAccess::new(AwsEnvironment::default());
    assert_eq!(get(&nothing, 0).await, AwsCredentialsError::Missing.to_string());
}

#[tokio::test]
async fn a_container_is_asked_once_by_all_who_wait() {
    let (service, folder) = (Service::new().await, TempDir::new().unwrap());
    let token_file = file(&folder, "token", "token of the pod\n");
    let access = AwsAccess::new(AwsEnvironment {
        container_token: Some(Secret::new(String::from("not this one"))),
        container_token_file: Some(token_file),
        ..of_container(&service)
    });
    let answer = container_answer("ASIA1", 3600);
    let clients = async { tokio::join!(get(&access, 0), get(&access, 0), get(&access, 1)) };
    let (request, got) = both(service.answer(200, &answer), clients).await;
    assert_eq!(got, ("ASIA1".into(), "ASIA1".into(), "ASIA1".into()));
    assert!(request.starts_with("GET /v1/credentials?x=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nauthorization: token of the pod\r\n"), "{request}");
    assert!(request.contains(&format!("\r\nhost: {}\r\n", service.listener.local_addr().unwrap())), "{request}");
    assert_eq!(get(&access, 3000).await, "ASIA1");
    assert!(service.is_quiet().await);
}

#[tokio::test]
async fn renewing_costs_no_call_any_time() {
    let service = Service::new().await;
    let access = AwsAccess::new(of_container(&service));
    let first = container_answer("ASIA1", 3600);
    both(service.answer(200, &first), get(&access, 0)).await;
    // Five minutes before the end a call starts the renewal, and none waits for it.
    assert_eq!(get(&access, 3300).await, "ASIA1");
    assert_eq!(get(&access, 3300).await, "ASIA1");
    let mut ended = access.shared.ended.subscribe();
    let second = container_answer("ASIA2", 7200);
    both(service.answer(200, &second), ended.changed()).await.1.unwrap();
    assert_eq!(get(&access, 3301).await, "ASIA2");
    assert!(service.is_quiet().await);
}

#[tokio::test]
async fn a_service_that_is_down_is_asked_twice_and_then_left_alone() {
    let service = Service::new().await;
    let access = AwsAccess::new(of_container(&service));
    let busy = async { (service.answer(503, "{}").await, service.answer(500, r#"{"code":"X","message":"later"}"#).await) };
    let (_, got) = both(busy, get(&access, 0)).await;
    let refused = "the container's credential service refused credentials with status 500: X later";
    assert_eq!(got, refused);
    assert_eq!(get(&access, 1).await, refused);
    assert!(service.is_quiet().await);
    // A refusal that is final is not asked again, but later it may have changed.
    let (_, got) = both(service.answer(403, "{}"), get(&access, 60)).await;
    assert_eq!(got, "the container's credential service refused credentials with status 403: ");
    let answer = container_answer("ASIA1", 3600);
    let (_, got) = both(service.answer(200, &answer), get(&access, 120)).await;
    assert_eq!(got, "ASIA1");
}

#[tokio::test]
async fn a_call_that_leaves_takes_nothing_from_the_others() {
    let service = Service::new().await;
    let access = AwsAccess::new(of_container(&service));
    let mut leaving = Box::pin(get(&access, 0));
    let (stream, _) = tokio::select! {
        _ = &mut leaving => panic!("nothing was answered yet"),
        request = service.request() => request,
    };
    drop(leaving);
    let answer = container_answer("ASIA1", 3600);
    let ((), got) = both(write(stream, 200, &answer), get(&access, 0)).await;
    assert_eq!(got, "ASIA1");
    assert!(service.is_quiet().await);
}

#[tokio::test]
async fn sts_trades_the_token_of_a_service_account() {
    let (service, folder) = (Service::new().await, TempDir::new().unwrap());
    let token_file = file(&folder, "token", "jwt.of+the/pod\n");
    let access = AwsAccess::new(AwsEnvironment {
        web_identity_token_file: Some(token_file.clone()),
        role_arn: Some("arn:aws:iam::123456789012:role/gateway".into()),
        role_session_name: Some("pod-7".into()),
        sts_endpoint: Some(service.url("")),
        ..AwsEnvironment::default()
    });
    let answer = sts_answer("ASIA1", 3600);
    let (request, got) = both(service.answer(200, &answer), get(&access, 0)).await;
    assert_eq!(got, "ASIA1");
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST / HTTP/1.1\r\n") && head.contains("\r\ncontent-type: application/x-www-form-urlencoded\r\n"), "{head}");
    assert_eq!(
        body,
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fgateway\
         &RoleSessionName=pod-7&WebIdentityToken=jwt.of%2Bthe%2Fpod"
    );
    // The cluster has written a new token by the time the keys have ended.
    std::fs::write(&token_file, "second").unwrap();
    let again = sts_answer("ASIA2", 9000);
    let (request, got) = both(service.answer(200, &again), get(&access, 4000)).await;
    assert!(request.ends_with("&WebIdentityToken=second"), "{request}");
    assert_eq!(got, "ASIA2");
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let (service, folder) = (Service::new().await, TempDir::new().unwrap());
    let missing = folder.path().join("missing");
    let access = AwsAccess::new(AwsEnvironment {
        web_identity_token_file: Some(missing.clone()),
        role_arn: Some("arn".into()),
        sts_endpoint: Some(service.url("")),
        ..AwsEnvironment::default()
    });
    let got = get(&access, 0).await;
    assert!(got.starts_with(&format!("cannot read {}: ", missing.display())), "{got}");
    let bad = Some(Secret::new(String::from("a\r\nhost: evil")));
    let access = AwsAccess::new(AwsEnvironment { container_token: bad, ..of_container(&service) });
    assert_eq!(get(&access, 0).await, "the container's authorization token holds a character that no header has");
    let far = AwsEnvironment { container_full_uri: Some("http://10.0.0.1/x".into()), ..AwsEnvironment::default() };
    assert!(get(&AwsAccess::new(far), 0).await.starts_with("AWS_CONTAINER_CREDENTIALS_FULL_URI must be https"));
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gone = AwsEnvironment { container_full_uri: Some(format!("http://{gone}/")), ..AwsEnvironment::default() };
    let got = get(&AwsAccess::new(gone), 0).await;
    assert!(got.starts_with("cannot get AWS credentials from 127.0.0.1:") && got.ends_with("connection refused or unreachable"), "{got}");
    assert!(service.is_quiet().await);
    let expired = container_answer("ASIA1", -1);
    let (_, got) = both(service.answer(200, &expired), async { get(&AwsAccess::new(of_container(&service)), 0).await }).await;
    assert_eq!(got, "the credentials that came have expired: is the clock right?");
}

#[tokio::test]
async fn profiles_come_from_the_shared_files_and_are_read_again() {
    let folder = TempDir::new().unwrap();
    let credentials = file(&folder, "credentials", "[default]\naws_access_key_id=AKID1\naws_secret_access_key=s\n");
    let config = file(&folder, "config", "[default]\nregion=us-east-2\n[profile work]\nregion=eu-west-1\n");
    let files = AwsEnvironment { credentials_file: Some(credentials.clone()), config_file: Some(config), ..AwsEnvironment::default() };
    let access = AwsAccess::new(files.clone());
    assert_eq!(get(&access, 0).await, "AKID1");
    let found = access.credentials("eu-west-1", NOW).await.unwrap();
    assert!(matches!(&*found, AwsCredentials::Keys { region: Some(region), .. } if region == "us-east-2"));
    let named = |name: &str| AwsAccess::new(AwsEnvironment { profile: Some(name.into()), ..files.clone() });
    assert_eq!(get(&named("work"), 0).await, "profile work has no access keys");
    assert_eq!(get(&named("nobody"), 0).await, "profile nobody is in neither of the shared AWS files");
    std::fs::write(&credentials, "[default]\naws_access_key_id=AKID2\naws_secret_access_key=s\n").unwrap();
    assert_eq!(get(&access, 60).await, "AKID1");
    let mut ended = access.shared.ended.subscribe();
    assert_eq!(get(&access, 3600).await, "AKID1");
    ended.changed().await.unwrap();
    assert_eq!(get(&access, 3601).await, "AKID2");
}

#[tokio::test]
async fn without_a_profile_of_that_name_the_container_is_asked() {
    let (service, folder) = (Service::new().await, TempDir::new().unwrap());
    let credentials = file(&folder, "credentials", "[other]\naws_access_key_id=AKID1\naws_secret_access_key=s\n");
    let env =
        AwsEnvironment { credentials_file: Some(credentials), config_file: Some(folder.path().join("none")), ..of_container(&service) };
    let answer = container_answer("ASIA1", 3600);
    let access = AwsAccess::new(env);
    let (_, got) = both(service.answer(200, &answer), get(&access, 0)).await;
    assert_eq!(got, "ASIA1");
}

#[test]
fn a_fetch_that_is_never_started_is_said_to_have_failed() {
    let env = AwsEnvironment { container_full_uri: Some("http://localhost:1/".into()), ..AwsEnvironment::default() };
    let access = AwsAccess::new(env);
    assert!(matches!(access.shared.slot().step(NOW), Step::Fetch));
    drop(Flight { shared: Arc::clone(&access.shared), now: NOW, began: Instant::now(), result: None });
    let Step::Refuse(error) = access.shared.slot().step(NOW) else { panic!("it is still awaited") };
    assert_eq!(error.to_string(), "fetching AWS credentials broke off");
}
