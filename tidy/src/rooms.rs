//! Who may enter whom: the table of `docs/ARCHITECTURE.md#rooms`, held against every room's `Cargo.toml`.

use crate::Findings;
use crate::manifest::{Kind, dependencies};

/// A room and its walls.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Its folder at the top of the repository.
    pub folder: &'static str,
    /// The rooms it may import; no others of ours.
    pub ours: &'static [&'static str],
    /// Crates of others it may never import.
    pub never: &'static [&'static str],
}

/// Runtimes, servers, clients and drivers: what turns a pure room into one that needs the network to be tested.
const IO: &[&str] = &[
    "tokio",
    "tokio-rustls",
    "axum",
    "hyper",
    "hyper-util",
    "reqwest",
    "sqlx",
    "rusqlite",
    "redis",
    "rustls",
    "socket2",
    "getrandom",
    "rand",
    "tracing",
    "anyhow",
];
/// The store's own mechanisms; no other room names a backend.
const BACKENDS: &[&str] = &["sqlx", "rusqlite", "redis", "reqwest"];

/// All rooms. A new room, or a new edge between two, is a change of its own with a line in `docs/decisions/`.
pub const ROOMS: &[Room] = &[
    Room { folder: "domain", ours: &[], never: IO },
    Room { folder: "wire", ours: &["domain"], never: IO },
    Room { folder: "firewall", ours: &["domain"], never: IO },
    Room { folder: "store", ours: &["domain"], never: &["axum", "hyper", "hyper-util", "reqwest", "anyhow"] },
    Room {
        folder: "gateway",
        ours: &["domain", "wire", "firewall", "store"],
        never: &["sqlx", "rusqlite", "redis", "reqwest", "axum", "anyhow"],
    },
    Room {
        folder: "admin-api",
        ours: &["domain", "firewall", "store"],
        never: &["sqlx", "rusqlite", "redis", "reqwest", "hyper", "anyhow"],
    },
    Room { folder: "fluxa", ours: &["domain", "wire", "firewall", "store", "gateway", "admin-api"], never: BACKENDS },
    Room { folder: "loadtest", ours: &[], never: BACKENDS },
    Room { folder: "tidy", ours: &[], never: &[] },
];

/// Holds one manifest (`gateway/Cargo.toml`) against the table.
#[must_use]
pub fn check(path: &str, manifest: &str) -> Findings {
    let Some(folder) = path.strip_suffix("/Cargo.toml") else { return Vec::new() };
    let Some(room) = ROOMS.iter().find(|room| room.folder == folder) else {
        return vec![format!("{path}: `{folder}` is not a room; see docs/ARCHITECTURE.md#rooms")];
    };
    // What a room's tests import is their own business: the mock vendors of `loadtest`, for one.
    dependencies(manifest)
        .into_iter()
        .filter(|dependency| dependency.kind == Kind::Product && !may_enter(room, &dependency.name))
        .map(|dependency| format!("{path}: `{}` is not allowed here; see docs/ARCHITECTURE.md#rooms", dependency.name))
        .collect()
}

fn may_enter(room: &Room, dependency: &str) -> bool {
    match dependency.strip_prefix("fluxa-") {
        Some(ours) => room.ours.contains(&ours),
        None => dependency != "fluxa" && !room.never.contains(&dependency),
    }
}

/// Whether a manifest is a room's: `folder/Cargo.toml`, and neither a fuzz target's nor a fixture's.
#[must_use]
pub fn is_manifest(path: &str) -> bool {
    path.split_once('/').is_some_and(|(_, rest)| rest == "Cargo.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_in_the_gateway_is_refused_by_name() {
        assert_eq!(
            check("gateway/Cargo.toml", "[dependencies]\nfluxa-store.workspace = true\nsqlx.workspace = true\n"),
            ["gateway/Cargo.toml: `sqlx` is not allowed here; see docs/ARCHITECTURE.md#rooms"]
        );
    }

    #[test]
    fn the_two_planes_never_meet() {
        for (path, other) in
            [("gateway/Cargo.toml", "fluxa-admin-api"), ("admin-api/Cargo.toml", "fluxa-gateway"), ("admin-api/Cargo.toml", "fluxa-wire")]
        {
            assert_eq!(check(path, &format!("[dependencies]\n{other} = {{ path = \"../x\" }}\n")).len(), 1, "{path} {other}");
        }
    }

    #[test]
    fn nothing_of_ours_enters_the_domain_and_no_runtime_does() {
        for name in ["fluxa-wire", "fluxa", "tokio", "tracing", "getrandom"] {
            assert_eq!(check("domain/Cargo.toml", &format!("[dependencies]\n{name}.workspace = true\n")).len(), 1, "{name}");
        }
        assert_eq!(check("domain/Cargo.toml", "[dependencies]\nserde.workspace = true\n"), Vec::<String>::new());
    }

    #[test]
    fn tests_may_use_the_mock_vendors() {
        assert_eq!(check("gateway/Cargo.toml", "[dev-dependencies]\nfluxa-loadtest.workspace = true\n"), Vec::<String>::new());
        assert_eq!(check("gateway/Cargo.toml", "[dependencies]\nfluxa-loadtest.workspace = true\n").len(), 1);
    }

    #[test]
    fn a_new_room_needs_a_row() {
        assert_eq!(check("billing/Cargo.toml", "").len(), 1);
        assert!(is_manifest("billing/Cargo.toml") && !is_manifest("Cargo.toml") && !is_manifest("wire/fuzz/Cargo.toml"));
    }
}
