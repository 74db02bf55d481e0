//! The terminal start: what was found, and what to type next.
//!
//! A made key is shown here and nowhere else: never in a log line, never twice.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::config::mode::Role;
use fluxa_domain::secret::Secret;

/// What there is to tell.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The version of the program.
    pub version: &'static str,
    /// What the process serves.
    pub role: Role,
    /// The address that is listened on.
    pub listen: SocketAddr,
    /// The address of metrics and probes.
    pub telemetry: Option<SocketAddr>,
    /// The database file.
    pub database: String,
    /// The configuration file that was read.
    pub config_file: Option<String>,
    /// Providers in force.
    pub providers: Vec<Found>,
    /// Routes in force: model → providers.
    pub routes: Vec<(String, String)>,
    /// How many virtual keys exist.
    pub keys: usize,
    /// The master key, only when it was made just now.
    pub master_key: Option<Secret<String>>,
    /// Where the master key is from, in words: `from FLUXA_MASTER_KEY`, `made at an earlier start`.
    pub master_origin: String,
    /// Virtual keys that were made just now: name and text.
    pub made_keys: Vec<(String, Secret<String>)>,
    /// The model for the example call.
    pub example_model: Option<String>,
    /// Whether this is `fluxa demo`.
    pub demo: bool,
    /// Sentences worth reading: drifted keys, ignored seeds.
    pub hints: Vec<String>,
    /// Whether standard output carries JSON lines, which the banner must not break.
    pub json_logs: bool,
}

/// A provider.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Where it is from: `OPENAI_API_KEY`, `fluxa.yaml line 7`, `database`.
    pub source: String,
}

/// The address that a browser or `curl` on this machine can use.
#[must_use]
pub fn url(listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    match (ip.is_loopback(), ip) {
        (true, IpAddr::V4(_)) => format!("http://localhost:{}", listen.port()),
        _ => format!("http://{}", SocketAddr::new(ip, listen.port())),
    }
}

/// What `curl` has to be told: bodies of another type are refused.
const JSON: &str = "-H 'content-type: application/json'";

/// Marks of emphasis, empty when colours are off.
struct Ink {
    bold: &'static str,
    dim: &'static str,
    mark: &'static str,
    off: &'static str,
}

/// The text, with or without colours.
#[must_use]
pub fn render(facts: &Facts, colour: bool) -> String {
    let ink = if colour {
        Ink { bold: "\u{1b}[1m", dim: "\u{1b}[2m", mark: "\u{1b}[33m", off: "\u{1b}[0m" }
    } else {
        Ink { bold: "", dim: "", mark: "", off: "" }
    };
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = found(facts, &ink, &mut out);
    let _ = keys(facts, &ink, &mut out);
    let _ = next(facts, &ink, &mut out);
    out
}

fn found(facts: &Facts, ink: &Ink, out: &mut String) -> std::fmt::Result {
    let Ink { bold, dim, off, .. } = ink;
    let title = if facts.demo { "fluxa demo" } else { "fluxa" };
    writeln!(out, "\n  {bold}{title} {}{off}", facts.version)?;
    writeln!(out, "\n  listening   {bold}{}{off}   {dim}({}){off}", url(facts.listen), facts.listen)?;
    if let Some(telemetry) = facts.telemetry {
        writeln!(out, "  metrics     {}/metrics", url(telemetry))?;
    }
    writeln!(out, "  database    {}", facts.database)?;
    if let Some(file) = &facts.config_file {
        writeln!(out, "  config      {file}")?;
    }
    if facts.providers.is_empty() {
        writeln!(out, "  providers   none yet")?;
    }
    for (index, provider) in facts.providers.iter().enumerate() {
        let label = if index == 0 { "providers" } else { "" };
        let kind = if provider.kind == provider.name { String::new() } else { format!(" ({})", provider.kind) };
        writeln!(out, "  {label:<11} {}{kind}   {dim}from {}{off}", provider.name, provider.source)?;
    }
    const SHOWN: usize = 8;
    for (index, (model, to)) in facts.routes.iter().take(SHOWN).enumerate() {
        let label = if index == 0 { "routes" } else { "" };
        writeln!(out, "  {label:<11} {model} → {to}")?;
    }
    if facts.routes.len() > SHOWN {
        writeln!(out, "  {:<11} and {} more", "", facts.routes.len() - SHOWN)?;
    }
    writeln!(out, "  keys        {}", facts.keys)
}

fn keys(facts: &Facts, ink: &Ink, out: &mut String) -> std::fmt::Result {
    let Ink { bold, dim, mark, off } = ink;
    match &facts.master_key {
        Some(key) => {
            writeln!(out, "\n  {mark}master key{off}  {bold}{}{off}", key.expose())?;
            writeln!(out, "              {dim}made just now and shown only this once; it opens the admin API. Keep it.{off}")?;
        }
        None => writeln!(out, "  master key  {}", facts.master_origin)?,
    }
    for (name, key) in &facts.made_keys {
        writeln!(out, "\n  {mark}key {name}{off}  {bold}{}{off}", key.expose())?;
    }
    if !facts.made_keys.is_empty() {
        writeln!(out, "              {dim}shown only this once{off}")?;
    }
    Ok(())
}

fn next(facts: &Facts, ink: &Ink, out: &mut String) -> std::fmt::Result {
    let Ink { bold, dim, off, .. } = ink;
    let url = url(facts.listen);
    let master = facts.master_key.as_ref().map_or("$FLUXA_MASTER_KEY", |key| key.expose().as_str());
    let key = facts.made_keys.first().map_or("$KEY", |(_, key)| key.expose().as_str());
    let model = facts.example_model.as_deref().unwrap_or("gpt-4o-mini");
    for hint in &facts.hints {
        writeln!(out, "\n  ! {hint}")?;
    }
    writeln!(out, "\n  {bold}next{off}")?;
    if facts.role == Role::Gateway {
        writeln!(out, "  {dim}# providers, routes and keys are made at the admin API (`fluxa admin`), and are in force here at once{off}")?;
    }
    let has_admin = facts.role != Role::Gateway;
    if facts.providers.is_empty() && has_admin {
        // Seeds are planted in an empty database, which a cluster's is not for long.
        let or = if facts.role == Role::Serve { ": stop, set a key, start again with a new database; or" } else { "" };
        writeln!(out, "  {dim}# no provider yet{or}{off}")?;
        writeln!(
            out,
            "  curl -s {url}/admin/providers -H \"authorization: Bearer {master}\" {JSON} -d '{{\"name\":\"openai\",\"kind\":\"openai\",\"api_key\":\"sk-…\"}}'"
        )?;
    }
    if facts.made_keys.is_empty() && has_admin {
        writeln!(out, "  {dim}# make a virtual key{off}")?;
        writeln!(
            out,
            "  curl -s {url}/admin/keys -H \"authorization: Bearer {master}\" {JSON} -d '{{\"name\":\"me\",\"budget_usd_daily\":5}}'"
        )?;
    }
    if facts.role == Role::Admin {
        return writeln!(out, "  {dim}# calls are answered by `fluxa gateway`, on a port of its own{off}\n");
    }
    writeln!(out, "  {dim}# ask{off}")?;
    writeln!(
        out,
        "  curl -s {url}/v1/chat/completions -H \"authorization: Bearer {key}\" {JSON} -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}'"
    )?;
    if facts.demo {
        demo_steps(&facts.made_keys, &url, master, model, ink, out)?;
    }
    writeln!(out, "  {dim}# or with an OpenAI SDK{off}")?;
    writeln!(out, "  export OPENAI_BASE_URL={url}/v1")?;
    writeln!(out, "  export OPENAI_API_KEY={key}\n")
}

fn demo_steps(made: &[(String, Secret<String>)], url: &str, master: &str, model: &str, ink: &Ink, out: &mut String) -> std::fmt::Result {
    let Ink { dim, off, .. } = ink;
    let body = format!("{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"tell me a story\"}}]");
    if let Some((_, key)) = made.first() {
        writeln!(out, "  {dim}# streamed{off}")?;
        writeln!(
            out,
            "  curl -sN {url}/v1/chat/completions -H \"authorization: Bearer {}\" {JSON} -d '{body},\"stream\":true}}'",
            key.expose()
        )?;
    }
    if let Some((_, tiny)) = made.get(1) {
        writeln!(out, "  {dim}# a budget at work: the first call passes, the second is refused with 402{off}")?;
        writeln!(
            out,
            "  for i in 1 2; do curl -s -w '\\n%{{http_code}}\\n' {url}/v1/chat/completions -H \"authorization: Bearer {}\" {JSON} -d '{body}}}'; done",
            tiny.expose()
        )?;
    }
    writeln!(out, "  {dim}# what was spent{off}")?;
    writeln!(out, "  curl -s '{url}/admin/usage?group_by=model' -H \"authorization: Bearer {master}\"")
}

/// Tells a person what was found, on a terminal; and a machine the same without keys, where logs are JSON lines.
pub fn announce(facts: &Facts) {
    use std::io::IsTerminal as _;
    let terminal = if facts.json_logs { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if facts.json_logs {
        let providers: Vec<&str> = facts.providers.iter().map(|provider| provider.name.as_str()).collect();
        tracing::info!(version = facts.version, providers = %providers.join(","), "listening on {}", facts.listen);
        for hint in &facts.hints {
            tracing::info!("{hint}");
        }
    }
    print(&render(facts, terminal && !no_colour), facts.json_logs);
}

/// Prints the banner: to standard output, or beside it when standard output carries JSON lines.
pub fn print(text: &str, to_stderr: bool) {
    use std::io::Write as _;
    // A closed terminal is no reason to stop serving.
    let _ = if to_stderr { std::io::stderr().write_all(text.as_bytes()) } else { std::io::stdout().write_all(text.as_bytes()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            version: "0.1.0",
            role: Role::Serve,
            listen: "0.0.0.0:8080".parse().unwrap(),
            telemetry: Some("127.0.0.1:9090".parse().unwrap()),
            database: String::from("./fluxa.db"),
            config_file: None,
            providers: vec![Found { name: String::from("openai"), kind: String::from("openai"), source: String::from("OPENAI_API_KEY") }],
            routes: vec![(String::from("gpt-4o"), String::from("openai, deepseek"))],
            keys: 0,
            master_key: Some(Secret::new(String::from("fxm-made"))),
            master_origin: String::new(),
            made_keys: Vec::new(),
            example_model: None,
            demo: false,
            hints: Vec::new(),
            json_logs: false,
        }
    }

    #[test]
    fn a_first_start_says_what_to_type() {
        let text = render(&facts(), false);
        for part in [
            "fluxa 0.1.0",
            "http://localhost:8080",
            "openai   from OPENAI_API_KEY",
            "gpt-4o → openai, deepseek",
            "fxm-made",
            "/admin/keys",
            "/v1/chat/completions",
            "OPENAI_BASE_URL=http://localhost:8080/v1",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains('\u{1b}'));
        assert!(render(&facts(), true).contains('\u{1b}'));
    }

    #[test]
    fn a_member_says_only_what_works_there() {
        let gateway = render(&Facts { role: Role::Gateway, ..facts() }, false);
        assert!(gateway.contains("/v1/chat/completions") && !gateway.contains("/admin/") && gateway.contains("`fluxa admin`"), "{gateway}");
        let admin = render(&Facts { role: Role::Admin, providers: Vec::new(), ..facts() }, false);
        assert!(admin.contains("/admin/keys") && admin.contains("/admin/providers") && !admin.contains("/v1"), "{admin}");
        assert!(!admin.contains("new database"), "{admin}");
    }

    #[test]
    fn a_later_start_shows_no_key() {
        let text = render(&Facts { master_key: None, master_origin: String::from("from FLUXA_MASTER_KEY"), ..facts() }, false);
        assert!(text.contains("master key  from FLUXA_MASTER_KEY") && text.contains("Bearer $FLUXA_MASTER_KEY"), "{text}");
    }

    #[test]
    fn the_demo_shows_both_keys() {
        let key = |text: &str| Secret::new(String::from(text));
        let made_keys = vec![(String::from("demo"), key("vk-one")), (String::from("demo-tiny"), key("vk-two"))];
        let text = render(&Facts { demo: true, made_keys, example_model: Some(String::from("echo")), ..facts() }, false);
        for part in ["Bearer vk-one", "Bearer vk-two", "402", "\"model\":\"echo\"", "OPENAI_API_KEY=vk-one", "stream"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn an_address_becomes_one_that_can_be_typed() {
        let check = |listen: &str, expect: &str| assert_eq!(url(listen.parse().unwrap()), expect);
        check("0.0.0.0:80", "http://localhost:80");
        check("[::]:80", "http://[::1]:80");
        check("10.0.0.1:80", "http://10.0.0.1:80");
        check("127.0.0.1:80", "http://localhost:80");
    }
}
