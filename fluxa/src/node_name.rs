//! What this process is called among the others: the setting, else the machine's name and four random digits.

use crate::config::Config;

/// The longest part of a machine's name that is taken.
const MAX_HOST: usize = 63;

/// The name. Two processes never get the same unless somebody sets it.
#[must_use]
pub fn of(config: &Config) -> String {
    if let Some(name) = &config.server.node_name {
        return name.clone();
    }
    let mut random = [0; 4];
    // Without random numbers nothing else starts either; the process id tells neighbors on one machine apart.
    if getrandom::fill(&mut random).is_err() {
        random = std::process::id().to_be_bytes();
    }
    let host = crate::load::env("HOSTNAME").or_else(|| std::fs::read_to_string("/etc/hostname").ok()).unwrap_or_default();
    compose(&host, random)
}

fn compose(host: &str, random: [u8; 4]) -> String {
    let host: String = host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(MAX_HOST).collect();
    let host = if host.is_empty() { "fluxa" } else { &host };
    format!("{host}-{:08x}", u32::from_be_bytes(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_the_machines_and_chance() {
        assert_eq!(compose("pod-7\n", [0, 0, 0, 9]), "pod-7-00000009");
        assert_eq!(compose(" ", [255; 4]), "fluxa-ffffffff");
        assert_eq!(compose("a/b c", [0; 4]), "abc-00000000");
        let named = Config::parse("server: { node_name: x }", "f", &|_| None).unwrap();
        assert_eq!(of(&named), "x");
    }
}
