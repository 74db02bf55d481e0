//! What a client asks a model for.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::part::{CacheMark, Part, Text};
use super::reasoning::Reasoning;
use super::signature::Origin;

/// A conversation to be continued, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chat {
    /// The leading instructions, each block for itself.
    pub system: Vec<Text>,
    /// The turns. Neighbours of the same role may stand unmerged: writers merge them where their dialect wants it.
    pub turns: Vec<Turn>,
    /// Tools that the client runs.
    pub tools: Vec<Tool>,
    /// Tools that the vendor runs.
    pub hosted_tools: Vec<HostedTool>,
    /// Whether tools must, may or must not be used; nothing where the client left it open.
    pub tool_choice: Option<ToolChoice>,
    /// Whether several tools may be called at once.
    pub parallel_tools: Option<bool>,
    /// The bound on the output in tokens, thinking included.
    pub max_output: Option<u64>,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Texts at which generation stops.
    pub stop: Vec<String>,
    /// How many answers (`n`, `candidateCount`); nothing is one.
    pub answers: Option<u32>,
    /// Log-probabilities are wanted, with so many alternatives for each token.
    pub logprobs: Option<u32>,
    /// The form of the answer.
    pub format: Option<Format>,
    /// How long-winded the answer is to be (OpenAI's `verbosity`: `low`, `medium`, `high`).
    pub verbosity: Option<String>,
    /// How much thinking; nothing where the client left it open.
    pub reasoning: Option<Reasoning>,
    /// The answer is to be streamed.
    pub stream: bool,
    /// Who the client's own user is (`user`, `metadata.user_id`, `safety_identifier`).
    pub user: Option<String>,
    /// Pairs that the client wants kept beside the call (OpenAI's `metadata`).
    pub metadata: Map<String, Value>,
    /// `auto`, `default`, `flex`, `priority`, in OpenAI's words.
    pub service_tier: Option<String>,
    /// What prompts with the same beginning share (OpenAI's `prompt_cache_key`).
    pub cache_key: Option<String>,
    /// A mark of the request itself: "cache as much as possible" (Anthropic's top-level `cache_control`).
    pub cache: Option<CacheMark>,
    /// Fields that have no place above. Writers of the same origin put them back; all others name them in `Dropped`.
    pub extras: Vec<Extra>,
}

/// A field that only its own dialect knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Extra {
    /// Whose it is.
    pub origin: Origin,
    /// Its name at the top level of the request there.
    pub field: String,
    /// Its value, as it was.
    pub value: Value,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The client's side, tools included: results of tools are parts of the user's turns.
    User,
    /// The model.
    Assistant,
    /// Instructions in the middle of a conversation; the leading ones are in [`Chat::system`].
    System,
}

/// What one side said.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Who.
    pub role: Role,
    /// What, in order.
    pub parts: Vec<Part>,
    /// The speaker's name (OpenAI's `name`).
    pub name: Option<String>,
}

impl Turn {
    /// A turn without a name.
    #[must_use]
    pub const fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, name: None }
    }
}

/// A tool that the client runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The JSON schema of its arguments; nothing where it takes none.
    pub schema: Option<Value>,
    /// Arguments must obey the schema exactly.
    pub strict: Option<bool>,
    /// A cache mark after it.
    pub cache: Option<CacheMark>,
    /// It takes free text instead of JSON (OpenAI's `custom` tools): on dialects that know JSON only its writer asks for
    /// `{"input": "..."}`, and its reader takes the text out again.
    pub free_text: bool,
    /// Further members that only their own dialect knows.
    pub extras: Vec<Extra>,
}

/// A tool that the vendor runs.
#[derive(Clone, Debug, PartialEq)]
pub enum HostedTool {
    /// A search of the web: it is in every dialect.
    WebSearch {
        /// Searches at most.
        max_uses: Option<u64>,
    },
    /// Any other, as its dialect writes it.
    Other {
        /// Whose it is.
        origin: Origin,
        /// Its type, for `x-fluxa-dropped`: `code_execution_20250825`.
        kind: String,
        /// As it was written.
        value: Value,
    },
}

/// Whether tools must be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// As the model likes.
    Auto,
    /// No tool.
    None,
    /// Some tool.
    Required,
    /// This tool.
    Named(String),
    /// One of these; `required` says whether one must be.
    Allowed {
        /// Their names.
        names: Vec<String>,
        /// One of them must be called.
        required: bool,
    },
}

/// How tokens are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sampling {
    /// 0 to 2 (0 to 1 on some dialects).
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// The most likely so many.
    pub top_k: Option<u64>,
    /// -2 to 2.
    pub presence_penalty: Option<f64>,
    /// -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// For answers that can be had again.
    pub seed: Option<i64>,
}

/// The form of the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// Some JSON.
    Json,
    /// JSON that obeys a schema.
    Schema {
        /// The schema's name; OpenAI wants one. Clients of the other dialects have none.
        name: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// The JSON schema.
        schema: Value,
        /// It must be obeyed exactly. With neither this nor a name the client's dialect knows no schemas but such.
        strict: Option<bool>,
    },
}

impl Chat {
    /// Gives every result of a tool the name of the tool it answers, where the call is in the conversation.
    pub fn name_results(&mut self) {
        let mut names: HashMap<String, String> = HashMap::new();
        for turn in &mut self.turns {
            for part in &mut turn.parts {
                match part {
                    Part::Call(call) => {
                        names.insert(call.id.clone(), call.name.clone());
                    }
                    Part::Result(result) if result.name.is_none() => {
                        result.name = names.get(&result.id).cloned();
                    }
                    _ => {}
                }
            }
        }
    }

    /// Tools are called or answered somewhere in the conversation.
    #[must_use]
    pub fn has_tool_history(&self) -> bool {
        self.turns.iter().flat_map(|turn| &turn.parts).any(|part| matches!(part, Part::Call(_) | Part::Result(_)))
    }

    /// Addresses of media that are not in the request: what a vendor that cannot fetch needs fetched for it.
    pub fn remote_media(&mut self) -> impl Iterator<Item = &mut super::media::Media> {
        self.turns.iter_mut().flat_map(|turn| &mut turn.parts).flat_map(|part| {
            let found: Vec<&mut super::media::Media> = match part {
                Part::Media(media) => vec![media],
                Part::Result(result) => {
                    result.content.iter_mut().filter_map(|part| if let Part::Media(media) = part { Some(media) } else { None }).collect()
                }
                _ => Vec::new(),
            };
            found.into_iter().filter(|media| matches!(&media.source, super::media::Source::Url { url, .. } if url.starts_with("http")))
        })
    }
}
