//! What of a request and of an answer survives between any two dialects, found by running every reader against every writer.
//!
//! The page that it makes is `docs/fidelity.md`: `UPDATE_DOCS=1 cargo test -p fluxa-wire --test fidelity` renews it. What is
//! neither said nor named as dropped fails the test, unless `fidelity/reasons.rs` says why that is right.

#[cfg(test)]
mod fidelity {
    mod answers;
    mod dialects;
    mod judge;
    mod media;
    mod page;
    mod reasons;
    mod requests;
    mod streams;
    mod thoughts;
    mod tools;

    const RENEW: &str = "UPDATE_DOCS=1 cargo test -p fluxa-wire --test fidelity";

    #[test]
    fn the_page_says_what_the_code_does() {
        let (page, silent) = page::render();
        assert!(silent.is_empty(), "lost in silence, without a reason in fidelity/reasons.rs:\n{}", silent.join("\n"));
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fidelity.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        let differs = kept.lines().zip(page.lines()).find(|(old, new)| old != new);
        assert!(kept == page, "docs/fidelity.md is not what the code does ({differs:?}); renew it: {RENEW}");
    }
}
