//! The built-in rules: tables of rows, one file a family. Shapes are those that vendors and standards publish; each row's samples are
//! its tests.

use crate::rule::Rule;

mod connections;
mod credentials;
mod finance;
mod generic;
mod network;
mod pii;
mod pii_cn;
mod pii_ids;
mod pii_papers;
mod pii_us;
mod vendors;

/// All tables.
const TABLES: [&[Rule]; 11] = [
    credentials::RULES,
    connections::RULES,
    vendors::RULES,
    generic::RULES,
    pii::RULES,
    pii_cn::RULES,
    pii_us::RULES,
    pii_ids::RULES,
    pii_papers::RULES,
    finance::RULES,
    network::RULES,
];

/// All rules, in the order of their tables.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    TABLES.into_iter().flatten()
}

/// How many rows tables have.
const fn count(tables: &[&[Rule]]) -> usize {
    let (mut rows, mut table) = (0, 0);
    while table < tables.len() {
        rows += tables[table].len();
        table += 1;
    }
    rows
}

/// One table of several; made while the program is built.
const fn join<const N: usize>(tables: &[&[Rule]]) -> [Rule; N] {
    let mut rows = [Rule::CREDENTIAL; N];
    let (mut at, mut table) = (0, 0);
    while table < tables.len() {
        let mut row = 0;
        while row < tables[table].len() {
            rows[at] = tables[table][row];
            (at, row) = (at + 1, row + 1);
        }
        table += 1;
    }
    rows
}

#[cfg(test)]
mod tests;
