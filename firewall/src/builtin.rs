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
mod pii_us;
mod vendors;

/// All tables.
const TABLES: [&[Rule]; 9] = [
    credentials::RULES,
    connections::RULES,
    vendors::RULES,
    generic::RULES,
    pii::RULES,
    pii_cn::RULES,
    pii_us::RULES,
    finance::RULES,
    network::RULES,
];

/// All rules, in the order of their tables.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    TABLES.into_iter().flatten()
}

#[cfg(test)]
mod tests;
