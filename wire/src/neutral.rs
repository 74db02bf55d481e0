//! One form for every conversation: what clients ask and vendors answer, whatever dialect they speak.
//!
//! Four client dialects ([`crate::client`]) read into it and write from it; four upstream dialects ([`crate::upstream`]) do
//! the same at the other side. What a dialect cannot say is named in [`Dropped`], never lost in silence. What must come back
//! as it was (signatures, ids) is carried opaquely. Never here: bytes of any dialect. Start at [`Chat`], then [`Event`].

pub mod answer;
pub mod chat;
pub mod dropped;
pub mod event;
pub(crate) mod free_text;
pub mod ids;
pub(crate) mod json_end;
pub mod media;
pub mod names;
pub mod part;
pub mod reasoning;
pub mod schema;
pub mod signature;
pub mod stop;
pub mod untangle;
pub(crate) mod waiting;

pub use answer::{ChatAnswer, Choice};
pub use chat::{Chat, Extra, Format, HostedTool, Role, Sampling, Tool, ToolChoice, Turn};
pub use dropped::Dropped;
pub use event::Event;
pub use media::{Media, MediaKind, Source};
pub use names::NameMap;
pub use part::{CacheMark, Citation, Foreign, Part, Text, Thinking, ToolCall, ToolResult};
pub use reasoning::{Effort, Reasoning};
pub use signature::{Origin, Signature};
pub use stop::Stop;
