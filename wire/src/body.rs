//! A client's body: what it says (`outline`, `multipart`) and how it is changed (`edit`). Bytes, never a tree.

pub mod edit;
pub mod fields;
pub mod malformed;
pub mod multipart;
pub mod outline;
