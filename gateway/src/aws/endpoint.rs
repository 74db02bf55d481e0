//! Where credentials are asked for, and which addresses that may lead to.
//!
//! The operator's environment chooses these addresses, so they may be what no provider's address may be: the two link-local
//! addresses of containers. Only here, and only as literals. Secrets go in clear text to no other machine.

use fluxa_domain::net::EgressPolicy;

use super::AwsCredentialsError;
use super::environment::AwsEnvironment;
use crate::upstream::Origin;

/// ECS' agent; the relative address is relative to it.
const ECS: &str = "http://169.254.170.2";
/// The hosts that may be asked without TLS, beside this machine: ECS' agent, and EKS' in both families.
const CONTAINER_HOSTS: &[&str] = &["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// A place to ask.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) origin: Origin,
    /// Path and query.
    pub(super) target: String,
    pub(super) egress: EgressPolicy,
}

/// Where the credential service of the container is; the relative address goes first, as in the SDKs.
pub(super) fn container(environment: &AwsEnvironment) -> Result<Endpoint, AwsCredentialsError> {
    if let Some(path) = &environment.container_relative_uri {
        let name = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
        if !path.starts_with('/') {
            return Err(wrong(name, "must begin with a slash"));
        }
        return parse(name, &format!("{ECS}{path}"));
    }
    let name = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    parse(name, environment.container_full_uri.as_deref().unwrap_or_default())
}

/// Where STS is, for somebody in `region`.
pub(super) fn sts(environment: &AwsEnvironment, region: &str) -> Result<Endpoint, AwsCredentialsError> {
    if let Some(url) = &environment.sts_endpoint {
        return parse("AWS_ENDPOINT_URL_STS", url);
    }
    let region = environment.region.as_deref().unwrap_or(region);
    if region.is_empty() {
        return parse("STS", "https://sts.amazonaws.com/");
    }
    if !region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(wrong("AWS_REGION", "is no region"));
    }
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    parse("STS", &format!("https://sts.{region}.amazonaws.com{suffix}/"))
}

fn wrong(name: &str, why: &str) -> AwsCredentialsError {
    AwsCredentialsError::Configuration(format!("{name} {why}"))
}

fn parse(name: &str, text: &str) -> Result<Endpoint, AwsCredentialsError> {
    let url = url::Url::parse(text).map_err(|_| wrong(name, "is no address"))?;
    let (origin, _) = Origin::parse(text).map_err(|error| wrong(name, &format!("cannot be used: {error}")))?;
    let host = url.host_str().unwrap_or_default();
    let here = origin.ip.map_or(host == "localhost", |ip| ip.to_canonical().is_loopback());
    let egress = if CONTAINER_HOSTS.contains(&host) {
        // The policy is for this one address, which is a literal.
        EgressPolicy { allow_metadata: true, ..EgressPolicy::default() }
    } else if here {
        EgressPolicy { allow_loopback: true, ..EgressPolicy::default() }
    } else if origin.tls.is_some() {
        // Services of AWS have private addresses where a network has endpoints of its own.
        EgressPolicy { allow_private_ranges: true, ..EgressPolicy::default() }
    } else {
        return Err(wrong(name, "must be https, or an address of this machine or of the container's credential service"));
    };
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    Ok(Endpoint { target: format!("{}{query}", url.path()), origin, egress })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluxa_domain::net::egress_allowed;

    fn shown(found: Result<Endpoint, AwsCredentialsError>) -> String {
        match found {
            Ok(endpoint) => {
                let scheme = if endpoint.origin.tls.is_some() { "https" } else { "http" };
                format!("{scheme} {} {}", endpoint.origin.authority, endpoint.target)
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn containers_are_asked_at_known_addresses_or_by_tls() {
        let full = |url: &str| container(&AwsEnvironment { container_full_uri: Some(url.into()), ..AwsEnvironment::default() });
        let check = |url: &str, expect: &str| assert_eq!(shown(full(url)), expect, "{url}");
        check("http://169.254.170.23/v1/credentials", "http 169.254.170.23 /v1/credentials");
        check("http://[fd00:ec2::23]/v1/credentials", "http [fd00:ec2::23] /v1/credentials");
        check("http://[FD00:0ec2:0::0023]:80/v1", "http [fd00:ec2::23] /v1");
        check("http://169.254.170.2:80/a?b=c", "http 169.254.170.2 /a?b=c");
        check("http://localhost:8080/a", "http localhost:8080 /a");
        check("http://127.0.0.9/a", "http 127.0.0.9 /a");
        check("http://[::1]:1/a", "http [::1]:1 /a");
        check("https://credentials.example.com", "https credentials.example.com /");
        let refused =
            "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or an address of this machine or of the container's credential service";
        for url in [
            "http://credentials.example.com/a",
            "http://169.254.169.254/latest",
            "http://169.254.170.20/a",
            "http://10.0.0.1/a",
            "http://localhost.example.com/",
            "http://127.0.0.1.example.com/",
            "http://[fd00:ec2::254]/",
        ] {
            check(url, refused);
        }
        check("", "AWS_CONTAINER_CREDENTIALS_FULL_URI is no address");
        check("file:///etc/passwd", "AWS_CONTAINER_CREDENTIALS_FULL_URI cannot be used: not an absolute http or https address");
        check("http://u:p@localhost/", "AWS_CONTAINER_CREDENTIALS_FULL_URI cannot be used: user names in the address are not allowed");
    }

    #[test]
    fn a_relative_address_goes_first_and_stays_on_its_host() {
        let check = |path: &str, expect: &str| {
            let full = Some(String::from("http://localhost/full"));
            let env = AwsEnvironment { container_relative_uri: Some(path.into()), container_full_uri: full, ..AwsEnvironment::default() };
            assert_eq!(shown(container(&env)), expect, "{path}");
        };
        check("/v2/credentials/abc", "http 169.254.170.2 /v2/credentials/abc");
        check("//example.com/x", "http 169.254.170.2 //example.com/x");
        check("@example.com/x", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with a slash");
        check(".example.com/x", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with a slash");
    }

    #[test]
    fn sts_is_asked_in_the_region() {
        let check = |env: Option<&str>, region: &str, expect: &str| {
            let env = AwsEnvironment { region: env.map(str::to_owned), ..AwsEnvironment::default() };
            assert_eq!(shown(sts(&env, region)), expect);
        };
        check(None, "eu-west-1", "https sts.eu-west-1.amazonaws.com /");
        check(Some("us-east-2"), "eu-west-1", "https sts.us-east-2.amazonaws.com /");
        check(None, "cn-north-1", "https sts.cn-north-1.amazonaws.com.cn /");
        check(None, "", "https sts.amazonaws.com /");
        check(Some("x.example.com/"), "", "AWS_REGION is no region");
        let own = |url: &str| sts(&AwsEnvironment { sts_endpoint: Some(url.into()), ..AwsEnvironment::default() }, "eu-west-1");
        assert_eq!(shown(own("http://127.0.0.1:99")), "http 127.0.0.1:99 /");
        assert_eq!(shown(own("https://vpce-1.sts.example.com/x")), "https vpce-1.sts.example.com /x");
        assert!(own("http://sts.example.com").is_err());
    }

    #[test]
    fn what_is_opened_is_opened_for_that_address_only() {
        let allowed = |url: &str, ip: &str| {
            let env = AwsEnvironment { container_full_uri: Some(url.into()), ..AwsEnvironment::default() };
            egress_allowed(&container(&env).unwrap().egress, ip.parse().unwrap()).is_ok()
        };
        assert!(allowed("http://169.254.170.23/", "169.254.170.23"));
        assert!(allowed("http://[fd00:ec2::23]/", "fd00:ec2::23"));
        assert!(allowed("http://localhost/", "127.0.0.1"));
        // A name that resolves to something else than it says.
        assert!(!allowed("http://localhost/", "10.0.0.1"));
        assert!(!allowed("https://credentials.example.com/", "169.254.169.254"));
        assert!(!allowed("https://credentials.example.com/", "127.0.0.1"));
        assert!(allowed("https://credentials.example.com/", "10.0.0.1"));
    }
}
