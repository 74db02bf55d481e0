//! Rebuilds this crate when a migration is added; `sqlx::migrate!` embeds the folder but does not watch it.

#[expect(clippy::print_stdout, reason = "standard output is how a build script talks to cargo")]
fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
