//! JSON lines `{"id","text"}` in, JSON lines `{"id","findings":[[start,end,rule],…]}` out, for all built-in rules.
#![expect(clippy::print_stdout, reason = "a tool for trying rules out")]

use std::error::Error;
use std::io::BufRead;

use fluxa_firewall::{Finding, Form, Ruleset};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let ruleset = Ruleset::built_in();
    for line in std::io::stdin().lock().lines() {
        let row: Value = serde_json::from_str(&line?)?;
        let text = row.get("text").and_then(Value::as_str).unwrap_or_default();
        let mut findings: Vec<Finding> = Vec::new();
        ruleset.find(text, Form::Plain, &|_| true, &mut findings);
        let name = |rule: usize| ruleset.rules().get(rule).map_or("", |rule| rule.id.as_str());
        let found: Vec<_> = findings.iter().map(|of| json!([of.start, of.end, name(of.rule)])).collect();
        println!("{}", json!({ "id": row.get("id"), "findings": found }));
    }
    Ok(())
}
