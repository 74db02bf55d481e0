//! The real tree against every rule. One failing line names the file, the line and what to do instead.

use fluxa_tidy::tree::{File, Tree, top};
use fluxa_tidy::{Findings, dependencies, docs, files, migrations, pages, portable, purity, refused, rooms, vendors};

/// Where the crates of others are accounted for.
const DEPENDENCY_TABLE: &str = "docs/decisions/0005-dependencies.md";
/// Where the kinds of vendors are listed: in the file of these that holds the table.
const VENDOR_FILES: &str = "domain/src/vendors";

fn tree() -> Tree {
    Tree::read(&top()).unwrap_or_else(|error| Tree { paths: vec![format!("unreadable: {error}")], files: Vec::new() })
}

fn each(check: impl Fn(&File) -> Findings) -> Findings {
    let tree = tree();
    assert!(tree.files.len() > 50, "the tree was not read: {:?}", tree.paths.first());
    tree.files.iter().flat_map(check).collect()
}

fn assert_none(findings: &Findings) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn every_room_keeps_within_its_walls() {
    let tree = tree();
    let manifests: Vec<&File> = tree.files.iter().filter(|file| rooms::is_manifest(&file.path)).collect();
    assert!(manifests.len() >= 8, "only {} rooms were found", manifests.len());
    assert_none(&manifests.iter().flat_map(|file| rooms::check(&file.path, &file.text)).collect());
}

#[test]
fn pure_rooms_stay_pure_and_only_the_binary_reads_the_environment() {
    assert_none(&each(purity::check));
}

#[test]
fn no_file_is_two_files() {
    assert_none(&each(files::check_size));
}

#[test]
fn every_name_says_something() {
    assert_none(&each(|file| files::check_name(&file.path)));
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    assert_none(&each(files::check_head));
}

#[test]
fn nothing_is_silenced_unfinished_or_switched_off() {
    assert_none(&each(refused::check));
}

#[test]
fn wire_names_no_vendor() {
    let kinds: Vec<String> =
        tree().files.iter().filter(|file| file.path.starts_with(VENDOR_FILES)).flat_map(|file| vendors::kinds(&file.text)).collect();
    assert!(kinds.len() >= 28 && kinds.iter().any(|kind| kind == "deepseek"), "the vendors were not read: {kinds:?}");
    assert_none(&each(|file| vendors::check(file, &kinds)));
}

#[test]
fn migrations_are_counted_and_explained() {
    let tree = tree();
    let found: Vec<&File> = tree.files.iter().filter(|file| file.path.starts_with("migrations/")).collect();
    assert!(!found.is_empty(), "no migration was found");
    assert_none(&migrations::check(&found));
}

#[test]
fn links_lead_somewhere() {
    let tree = tree();
    assert_none(&tree.ending(&[".md"]).flat_map(|page| docs::check_links(page, &tree)).collect());
}

#[test]
fn paths_in_pages_are_there() {
    let tree = tree();
    // The changelog tells of what was, too.
    assert_none(
        &tree.ending(&[".md"]).filter(|page| page.path != "CHANGELOG.md").flat_map(|page| docs::check_paths(page, &tree)).collect(),
    );
}

#[test]
fn decisions_are_counted_and_listed() {
    let tree = tree();
    let index = tree.file("docs/decisions/README.md").map(|file| file.text.clone()).unwrap_or_default();
    assert_none(&docs::check_decisions(&tree.paths, &index));
}

#[test]
fn pages_list_what_the_code_has() {
    let tree = tree();
    type Check = fn(&File, &File) -> Findings;
    let lists = [
        ("fluxa/src/config/settings.rs", "docs/configuration.md", pages::check_settings as Check),
        ("admin-api/src/endpoints.rs", "docs/api.md", pages::check_endpoints),
        ("gateway/src/metrics.rs", "docs/operations/monitoring.md", pages::check_metrics),
    ];
    for (source, page, check) in lists {
        let (Some(source), Some(page)) = (tree.file(source), tree.file(page)) else {
            assert_none(&vec![format!("{source} or {page} is not there")]);
            continue;
        };
        assert_none(&check(source, page));
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let tree = tree();
    let table = tree.file(DEPENDENCY_TABLE).map(|file| file.text.clone()).unwrap_or_default();
    let manifests: Vec<&File> = tree.files.iter().filter(|file| file.path == "Cargo.toml" || rooms::is_manifest(&file.path)).collect();
    assert_none(&dependencies::check(&manifests, DEPENDENCY_TABLE, &table));
}

#[test]
fn the_repository_is_the_same_on_every_machine() {
    assert_none(&each(portable::check));
}
