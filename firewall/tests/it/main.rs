//! What holds for every text, whatever the rules are.

mod material;
mod texts;
