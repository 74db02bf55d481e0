//! The shapes of an answer's chunks, read without copying text. Lenient: what has another type than it should is kept as a value
//! or passed over, because servers that speak the dialect differ in nearly every field.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor, value};
use serde_json::Value;

/// A chunk of a stream, or a whole answer.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(super) id: Loose<'a>,
    #[serde(borrow)]
    pub(super) model: Loose<'a>,
    #[serde(borrow)]
    pub(super) choices: Option<Many<ChoiceChunk<'a>>>,
    #[serde(borrow)]
    pub(super) service_tier: Loose<'a>,
    #[serde(borrow)]
    pub(super) system_fingerprint: Loose<'a>,
    /// Sources of a search, the same in every chunk.
    pub(super) search_results: Option<Value>,
    pub(super) citations: Option<Value>,
}

/// One of the answers.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct ChoiceChunk<'a> {
    pub(super) index: Number,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    /// In a box, because it is large and not in the chunks of a stream.
    #[serde(borrow)]
    pub(super) message: Option<Box<Delta<'a>>>,
    #[serde(borrow)]
    pub(super) finish_reason: Loose<'a>,
    /// The stop sequence that was met, on some servers.
    #[serde(borrow)]
    pub(super) stop_reason: Loose<'a>,
    pub(super) logprobs: Option<Value>,
    /// The generation broke off, on servers that ask others.
    pub(super) error: Option<Value>,
}

/// What a message holds, or the next bit of it.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) content: Loose<'a>,
    #[serde(borrow)]
    pub(super) refusal: Loose<'a>,
    #[serde(borrow)]
    pub(super) reasoning_content: Loose<'a>,
    #[serde(borrow)]
    pub(super) reasoning: Loose<'a>,
    pub(super) reasoning_details: Option<Value>,
    pub(super) thinking_blocks: Option<Value>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Many<CallDelta<'a>>>,
    #[serde(borrow)]
    pub(super) function_call: Option<FunctionDelta<'a>>,
    pub(super) annotations: Option<Value>,
    pub(super) images: Option<Value>,
    pub(super) audio: Option<Value>,
    pub(super) extra_content: Option<Value>,
}

/// A bit of a call.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct CallDelta<'a> {
    pub(super) index: Number,
    #[serde(borrow)]
    pub(super) id: Loose<'a>,
    #[serde(borrow)]
    pub(super) function: Option<FunctionDelta<'a>>,
    #[serde(borrow)]
    pub(super) custom: Option<CustomDelta<'a>>,
    pub(super) extra_content: Option<Value>,
}

/// The function of a call.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct FunctionDelta<'a> {
    #[serde(borrow)]
    pub(super) name: Loose<'a>,
    #[serde(borrow)]
    pub(super) arguments: Loose<'a>,
}

/// A tool of free text.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct CustomDelta<'a> {
    #[serde(borrow)]
    pub(super) name: Loose<'a>,
    #[serde(borrow)]
    pub(super) input: Loose<'a>,
}

/// What should be text.
#[derive(Debug, Default)]
pub(super) enum Loose<'a> {
    /// Nothing, or null.
    #[default]
    None,
    /// Text.
    Text(Cow<'a, str>),
    /// Something else.
    Other(Value),
}

impl Loose<'_> {
    /// The text, if it is one and not empty.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The text; other values as they are written in JSON.
    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text.into_owned()),
            Self::Other(value) => Some(value.to_string()),
            _ => None,
        }
    }
}

/// What should be a number from 0 on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Number(pub(super) Option<u32>);

/// What should be a list; one object stands for a list of one.
#[derive(Debug)]
pub(super) struct Many<T>(pub(super) Vec<T>);

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(text)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Loose::Other(Value::Bool(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Loose::Other(Value::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Loose::Other(Value::from(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Loose::Other(Value::from(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        Value::deserialize(value::SeqAccessDeserializer::new(list)).map(Loose::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Value::deserialize(value::MapAccessDeserializer::new(map)).map(Loose::Other)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Number(u32::try_from(value).ok()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Number(u32::try_from(value).ok()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Number(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Number(None))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Number(text.parse().ok()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Number(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Number(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Number(None))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ManyVisitor(std::marker::PhantomData))
    }
}

struct ManyVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ManyVisitor<T> {
    type Value = Many<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        // A null among them means nothing.
        while let Some(item) = list.next_element::<Option<T>>()? {
            items.extend(item);
        }
        Ok(Many(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(value::MapAccessDeserializer::new(map)).map(|item| Many(vec![item]))
    }
}
