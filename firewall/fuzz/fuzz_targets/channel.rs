//! Any text becomes the same whole and in pieces, and as much is counted.
#![no_main]

use std::sync::Arc;

use fluxa_firewall::{CallFirewall, Form, Inspected, Plan, Ruleset};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, bool, &str)| {
    let (size, json, text) = input;
    let form = if json { Form::Json } else { Form::Plain };
    let ruleset = Ruleset::built_in();
    let call = || CallFirewall::new(Arc::clone(&ruleset), None, Some(Arc::new(Plan::own_wishes(&ruleset))), [7; 32]);
    let (mut one, mut other) = (call(), call());
    let whole = match one.response(text, form) {
        Inspected::Same => text.to_owned(),
        Inspected::Edited(text) => text,
        Inspected::Blocked => return,
    };
    let mut channel = other.channel(form);
    let mut out = String::new();
    let characters: Vec<char> = text.chars().collect();
    for piece in characters.chunks(usize::from(size).max(1)) {
        channel.push(&mut other, &piece.iter().collect::<String>(), &mut out).unwrap();
    }
    channel.finish(&mut other, &mut out).unwrap();
    assert_eq!(out, whole);
    assert_eq!(other.hits(), one.hits());
});
