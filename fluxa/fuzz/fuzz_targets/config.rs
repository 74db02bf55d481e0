//! Any bytes as a configuration file: a configuration or errors with a place, never a panic, never without end.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // A variable whose value tries to change the structure of the file.
    let env = |name: &str| (name.len() < 3).then(|| String::from("x: ${A}\n- {"));
    if let Err(errors) = fluxa::config::Config::parse(text, "fuzz.yaml", &env) {
        assert!(!errors.0.is_empty() && !errors.to_string().is_empty());
    }
});
