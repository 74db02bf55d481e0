//! Every vendor of the tables is found beside a value of its shape, in the ways that settings are written.

use super::super::names::{NAMES, SHAPES};
use super::super::shape::Shape;
use super::super::table::VENDORS;
use crate::{Finding, Form, Ruleset};

/// Characters in turns, so that every stretch has letters and digits.
fn run(length: usize, of: &str, seed: usize) -> String {
    let of: Vec<char> = of.chars().collect();
    (0..length).map(|at| of[(at * at + at * 7 + seed * 5) % of.len()]).collect()
}

/// A value of this shape.
fn value(shape: Shape, seed: usize) -> String {
    match shape {
        Shape::Hex(length) => run(length, "9f3b1c07d2e84a65", seed),
        Shape::Alnum(length, _) => run(length, "k4Qz9TnW2bXs7LmV0cRy3p8", seed),
        Shape::Word(length, _) => run(length, "k4Qz9TnW2bXs7LmV0cRy3p8", seed + 1),
        Shape::Base64(length, _) => run(length, "k4Qz9TnW2bXs7LmV0cRy3p8", seed + 2),
        Shape::Digits(length, _) => run(length, "4092715386", seed),
        Shape::Uuid => format!("{}-93da-4e62-8f17-{}", run(8, "9f3b1c07d2e84a65", seed), run(12, "9f3b1c07d2e84a65", seed + 3)),
        Shape::Pair(left, between, right) => format!("{}{between}{}", value(*left, seed), value(*right, seed)),
    }
}

#[test]
fn every_vendor_is_found_in_every_way_of_writing() {
    let ruleset = Ruleset::built_in();
    let own = VENDORS.iter().flat_map(|(name, shapes)| shapes.iter().map(move |shape| (*name, *shape)));
    let others = NAMES.iter().flat_map(|name| SHAPES.iter().map(move |shape| (*name, *shape)));
    let mut missed = Vec::new();
    for (seed, (name, shape)) in own.chain(others).enumerate() {
        let value = value(shape, seed);
        let upper = name.to_ascii_uppercase();
        let ways = [
            format!("{upper}_TOKEN={value}"),
            format!("{{\"{name}_token\": \"{value}\"}}"),
            format!("var {name}Token string = '{value}'"),
            format!("<{name}Token>\n    {value}\n</{name}Token>"),
        ];
        for text in ways {
            let mut findings: Vec<Finding> = Vec::new();
            ruleset.find_one("vendor_token", &text, Form::Plain, &mut findings);
            if findings.is_empty() && value.len() < 150 {
                missed.push(text);
            }
        }
    }
    assert!(missed.is_empty(), "{} missed: {:#?}", missed.len(), missed.get(..missed.len().min(20)));
}
