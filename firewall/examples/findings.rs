//! JSON lines `{"id","text"}` in, JSON lines `{"id","findings":[[start,end,rule],…]}` out, for all built-in rules.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a tool for trying rules out")]

use std::io::BufRead;

use fluxa_firewall::{Finding, Form, Ruleset};
use serde_json::{Value, json};

fn main() {
    let ruleset = Ruleset::built_in();
    for line in std::io::stdin().lock().lines() {
        let row: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let mut findings: Vec<Finding> = Vec::new();
        ruleset.find(row["text"].as_str().unwrap(), Form::Plain, &|_| true, &mut findings);
        let found: Vec<_> = findings.iter().map(|f| json!([f.start, f.end, ruleset.rules()[f.rule].id])).collect();
        println!("{}", json!({ "id": row["id"], "findings": found }));
    }
}
