//! The shared files of AWS: `credentials` and `config`, sections of `name = value` lines.
//!
//! Read generously, as the SDKs do: comments at the start of a line or after a blank, indented lines, CR LF. Only long-lived
//! and pasted keys are understood: a profile that runs a program, signs in or assumes a role says so and is refused.

use fluxa_domain::secret::Secret;

use super::{AwsCredentials, AwsCredentialsError, Fetched, pair};

/// The two files; they spell their sections differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    /// `[name]`.
    Credentials,
    /// `[profile name]`, and `[default]`.
    Config,
}

/// What one file says about one profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    access_key_id: Option<Secret<String>>,
    secret_access_key: Option<Secret<String>>,
    session_token: Option<Secret<String>>,
    region: Option<String>,
    /// A setting that gets keys in a way we do not have.
    other: Option<&'static str>,
}

/// Ways to get keys that are not ours.
const OTHER: &[&str] = &["credential_process", "sso_session", "sso_start_url", "role_arn", "source_profile"];

/// What `text` says about the profile `wanted`; nothing where it does not name it.
pub(super) fn section(text: &str, file: File, wanted: &str) -> Option<Section> {
    let mut found: Option<Section> = None;
    let mut inside = false;
    // After `name =` with nothing behind it, indented lines are settings of that setting.
    let mut nested = false;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let indented = line.starts_with([' ', '\t']);
        let line = without_comment(line);
        if line.is_empty() {
            continue;
        }
        if let Some(head) = line.strip_prefix('[') {
            inside = head.split_once(']').and_then(|(name, _)| profile_name(name, file)).is_some_and(|name| name == wanted);
            nested = false;
            if inside {
                found.get_or_insert_default();
            }
            continue;
        }
        let Some((name, value)) = line.split_once('=') else { continue };
        if indented && nested {
            continue;
        }
        let value = value.trim();
        nested = value.is_empty();
        if let Some(section) = found.as_mut().filter(|_| inside && !value.is_empty()) {
            set(section, &name.trim().to_ascii_lowercase(), value);
        }
    }
    found
}

fn set(section: &mut Section, name: &str, value: &str) {
    let secret = || Some(Secret::new(value.to_owned()));
    match name {
        "aws_access_key_id" => section.access_key_id = secret(),
        "aws_secret_access_key" => section.secret_access_key = secret(),
        "aws_session_token" => section.session_token = secret(),
        "region" => section.region = Some(value.to_owned()),
        _ => section.other = section.other.or_else(|| OTHER.iter().find(|other| **other == name).copied()),
    }
}

/// A comment begins a line, or follows a blank: keys have no blanks, but may have the characters.
fn without_comment(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return "";
    }
    let end = [" #", " ;", "\t#", "\t;"].iter().filter_map(|mark| line.find(mark)).min();
    line.get(..end.unwrap_or(line.len())).unwrap_or(line).trim_end()
}

/// The profile that a section is about.
fn profile_name(section: &str, file: File) -> Option<&str> {
    let section = section.trim();
    let name = match file {
        File::Credentials => section,
        File::Config if section == "default" => section,
        File::Config => section.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t']))?.trim(),
    };
    Some(name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name))
}

/// The keys of the profile `name`, from what the two files say about it; nothing where they have none.
///
/// Keys are files' own affair: halves of two files make no key. The credentials file goes first.
pub(super) fn keys(name: &str, credentials: Option<Section>, config: Option<Section>) -> Result<Option<Fetched>, AwsCredentialsError> {
    let region = [&config, &credentials].into_iter().flatten().find_map(|section| section.region.clone());
    let mut other = None;
    for section in [credentials, config].into_iter().flatten() {
        let id = format!("aws_access_key_id of profile {name}");
        let names = [id.as_str(), "its aws_secret_access_key"];
        if let Some(keys) = pair(&section.access_key_id, &section.secret_access_key, &section.session_token, names)? {
            let credentials = match keys {
                AwsCredentials::Keys { access_key_id, secret_access_key, session_token, .. } => {
                    AwsCredentials::Keys { access_key_id, secret_access_key, session_token, region }
                }
                bearer @ AwsCredentials::Bearer(_) => bearer,
            };
            return Ok(Some(Fetched { credentials, expires_at: None }));
        }
        other = other.or(section.other);
    }
    match other {
        Some(other) => Err(AwsCredentialsError::Configuration(format!(
            "profile {name} gets its keys by {other}, which is not supported: give it access keys, or use a web identity or container role"
        ))),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(credentials: &str, config: &str, name: &str) -> String {
        let read = keys(name, section(credentials, File::Credentials, name), section(config, File::Config, name));
        match read {
            Ok(Some(Fetched { credentials: AwsCredentials::Keys { access_key_id, secret_access_key, session_token, region }, .. })) => {
                let token = session_token.as_ref().map_or("-", |token| token.expose());
                format!("{} {} {token} {}", access_key_id.expose(), secret_access_key.expose(), region.as_deref().unwrap_or("-"))
            }
            Ok(Some(_)) => String::from("bearer"),
            Ok(None) => String::from("nothing"),
            Err(error) => error.to_string(),
        }
    }

    const CREDENTIALS: &str = "\u{feff}# mine\r\n\
        [default]\r\naws_access_key_id = AKID1\r\naws_secret_access_key=se/cret+1=\r\n\r\n\
        [work]\n  aws_access_key_id=AKID2 ; old\n\tAWS_SECRET_ACCESS_KEY = secret#2 # note\n  aws_session_token = token2\n\
        [half]\naws_access_key_id = AKID3\n\
        [empty]\n\
        [\"two words\"]\naws_access_key_id = AKID4\naws_secret_access_key = secret4\n";

    const CONFIG: &str = "[default]\nregion = eu-west-1\noutput = json\n\
        [profile work]\ns3 =\n  region = not-this\n  max = 3\nregion = us-east-2\n\
        [profile  in-config ]\naws_access_key_id = AKID5\naws_secret_access_key = secret5\n\
        [sso-session work]\nregion = nowhere\n\
        [profile signed-in]\nsso_session = work\nregion = eu-west-1\n\
        [profile program]\ncredential_process = /bin/true\n\
        [half]\naws_secret_access_key = not-of-this-profile\n\
        [profile half]\naws_secret_access_key = of-the-other-file\n";

    #[test]
    fn profiles_are_read_from_both_files() {
        let check = |name: &str, expect: &str| assert_eq!(shown(CREDENTIALS, CONFIG, name), expect, "{name}");
        check("default", "AKID1 se/cret+1= - eu-west-1");
        check("work", "AKID2 secret#2 token2 us-east-2");
        check("two words", "AKID4 secret4 - -");
        check("in-config", "AKID5 secret5 - -");
        check("empty", "nothing");
        check("unknown", "nothing");
        check("profile work", "nothing");
        check("half", "aws_access_key_id of profile half is set, but its aws_secret_access_key is not");
        let unsupported = "which is not supported: give it access keys, or use a web identity or container role";
        check("signed-in", &format!("profile signed-in gets its keys by sso_session, {unsupported}"));
        check("program", &format!("profile program gets its keys by credential_process, {unsupported}"));
    }

    #[test]
    fn odd_files_are_read_as_far_as_they_go() {
        let check = |credentials: &str, expect: &str| assert_eq!(shown(credentials, "", "a"), expect, "{credentials:?}");
        check("", "nothing");
        check("[a", "nothing");
        check("aws_access_key_id = x\naws_secret_access_key = y\n", "nothing");
        check("[a]\naws_access_key_id =\naws_secret_access_key =\n", "nothing");
        // Twice: the later value counts, and sections of one name are one.
        check("[a]\naws_access_key_id=x\n[b]\n[a]\naws_access_key_id=y\naws_secret_access_key=z\nnonsense", "y z - -");
        check("[a] # comment\naws_access_key_id=x\naws_secret_access_key=z", "x z - -");
        check("\0\u{1}[a]\naws_access_key_id=x", "nothing");
    }
}
