//! The shapes of messages as they go out. They borrow from the conversation: pictures are written once, from where they are.

use serde::{Serialize, Serializer};
use serde_json::Value;

/// One message.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    pub(super) content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) reasoning_details: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_call_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prefix: Option<bool>,
}

/// Text or parts.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Content<'a> {
    Text(String),
    Parts(Vec<Piece<'a>>),
}

/// A part.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Piece<'a> {
    Text {
        text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Value>,
    },
    ImageUrl {
        image_url: Picture<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<Value>,
    },
    VideoUrl {
        video_url: Picture<'a>,
    },
    InputAudio {
        input_audio: Sound<'a>,
    },
    File {
        file: File<'a>,
    },
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Picture<'a> {
    pub(super) url: Address<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<&'a str>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Sound<'a> {
    pub(super) data: &'a str,
    pub(super) format: &'a str,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_data: Option<Address<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_id: Option<&'a str>,
}

/// An address; bytes are written as one without being copied first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Address<'a> {
    Url(&'a str),
    Data { mime: &'a str, data: &'a str },
}

impl Serialize for Address<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Url(url) => serializer.serialize_str(url),
            Self::Data { mime, data } => serializer.collect_str(&format_args!("data:{mime};base64,{data}")),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Call<'a> {
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) of: CallOf<'a>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum CallOf<'a> {
    Function { function: Function },
    Custom { custom: Custom<'a> },
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) arguments: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Custom<'a> {
    pub(super) name: String,
    pub(super) input: &'a str,
}
