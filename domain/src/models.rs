//! What models of a family can be asked, by their names. Never a vendor: the same model is sold in many places.

pub mod bedrock;
pub mod claude;
pub mod gemini;
