//! Addresses of databases and counters: which schemes there are, and how an address is shown without its password.

/// The address of a Postgres server or of a pooler before one.
///
/// # Errors
/// What was expected; never the address, which may hold a password.
pub fn postgres(text: &str) -> Result<String, String> {
    with_scheme(text, &["postgres", "postgresql"], "expected an address such as postgres://user:password@host:5432/fluxa")
}

/// The address of a Redis (or Valkey) server, of its sentinels or of a Redis Cluster.
///
/// # Errors
/// What was expected; never the address, which may hold a password.
pub fn redis(text: &str) -> Result<String, String> {
    const SCHEMES: &[&str] = &[
        "redis",
        "rediss",
        "valkey",
        "valkeys",
        "redis+sentinel",
        "rediss+sentinel",
        "redis+cluster",
        "rediss+cluster",
        "valkey+sentinel",
        "valkeys+sentinel",
        "valkey+cluster",
        "valkeys+cluster",
    ];
    with_scheme(text, SCHEMES, "expected an address such as redis://host:6379, rediss://…, redis+sentinel://… or redis+cluster://…")
}

/// Where a webhook listens.
///
/// # Errors
/// What was expected; never the address, which may hold a secret.
pub fn webhook(text: &str) -> Result<String, String> {
    with_scheme(text, &["http", "https"], "expected an address such as https://alerts.example.com/fluxa")
}

fn with_scheme(text: &str, schemes: &[&str], expected: &str) -> Result<String, String> {
    let text = text.trim();
    match text.split_once("://") {
        Some((scheme, rest)) if schemes.contains(&scheme) && !rest.is_empty() && !rest.contains(char::is_whitespace) => Ok(text.to_owned()),
        _ => Err(expected.to_owned()),
    }
}

/// The address without anything that could be a password: user and hosts stay, values of its query do not.
#[must_use]
pub fn redacted(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return String::from("***") };
    // A password may hold any character when its owner forgot to escape it, so all up to the last @ belongs to it.
    let (user, rest) = match rest.rsplit_once('@') {
        Some((login, rest)) => (login.split_once(':').map_or_else(|| login.to_owned(), |(user, _)| format!("{user}:***")) + "@", rest),
        None => (String::new(), rest),
    };
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let query = query.map_or_else(String::new, |query| {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name @ ("sslmode" | "application_name"), value)) => format!("{name}={value}"),
            Some((name, _)) => format!("{name}=***"),
            None => String::from("***"),
        });
        format!("?{}", pairs.collect::<Vec<_>>().join("&"))
    });
    format!("{scheme}://{user}{place}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let check = |text: &str, expect: &str| assert_eq!(redacted(text), expect);
        check("postgres://fluxa:canary@db:5432/fluxa?sslmode=require", "postgres://fluxa:***@db:5432/fluxa?sslmode=require");
        check("postgres://fluxa:can@a/ry?x@db/fluxa", "postgres://fluxa:***@db/fluxa");
        check("postgres://db/fluxa?user=u&password=canary", "postgres://db/fluxa?user=***&password=***");
        check("redis://:canary@r:6379/0", "redis://:***@r:6379/0");
        check("redis://r:6379", "redis://r:6379");
        check(
            "redis+sentinel://u:canary@a:1,b:2/main?sentinel_password=canary",
            "redis+sentinel://u:***@a:1,b:2/main?sentinel_password=***",
        );
        check("canary", "***");
    }

    #[test]
    fn other_schemes_are_refused_without_being_shown() {
        for text in ["mysql://u:canary@h/d", "postgres://", "canary", "redis://h", "postgres://h/d e"] {
            assert!(postgres(text).is_err_and(|error| !error.contains("canary")), "{text}");
        }
        assert!(postgres(" postgresql://h/d\n").is_ok() && redis("rediss://h").is_ok() && redis("postgres://h").is_err());
    }
}
