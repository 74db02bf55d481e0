//! A conversation becomes a request of Anthropic's messages. Source: protocol specification §2.1 and §3.1.

use bytes::Bytes;
use fluxa_domain::models::claude::Claude;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::blocks::{Block, Mark};
use super::thinking::{Against, Config, Thought};
use super::tools::{self, Choice, ToolSpec};
use super::turns::{self, Message};
use super::{marks, media, schema};
use crate::neutral::{Chat, Dropped, Extra, Format, Origin};
use crate::upstream::{Said, Target, Unsayable, Written};

/// What is said to get JSON without a schema, which the dialect cannot ask for.
const JSON_ONLY: &str = "Answer with one JSON object and nothing else.";

/// Longest `metadata.user_id`. Source: `metadata_param.py` of the Anthropic SDK.
const USER_CHARS: usize = 256;

/// Headers that fields need. Source: `beta` types of the Anthropic SDK.
const BETAS: &[(&str, &str)] = &[("context_management", "context-management-2025-06-27"), ("mcp_servers", "mcp-client-2025-11-20")];

#[derive(Debug)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u64,
    stream: bool,
    system: Vec<Block<'a>>,
    messages: Vec<Message<'a>>,
    tools: Vec<ToolSpec<'a>>,
    tool_choice: Option<Choice>,
    thinking: Option<Config>,
    output: Map<String, Value>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
    stop: Vec<&'a str>,
    metadata: Map<String, Value>,
    service_tier: Option<&'static str>,
    cache: Option<Mark>,
    extras: Vec<&'a Extra>,
}

pub(super) fn write(chat: &Chat, target: &Target<'_>) -> Result<Written, Unsayable> {
    if chat.answers.is_some_and(|answers| answers > 1) {
        return Err(Unsayable { what: String::from("this provider gives one answer only"), param: Some("n") });
    }
    let known = Claude::of(target.model);
    let claude = known.unwrap_or(Claude::imitator());
    let mut said = Said::default();
    let mut dropped = Vec::new();
    let mut betas = Vec::new();
    let max_tokens = max_tokens(chat, target, known);

    let mut tools = tools::tools(chat, &claude, &mut said, &mut dropped, &mut betas);
    let turns = turns::messages(chat, &claude, &mut said, &mut dropped)?;
    if turns.files {
        betas.push(media::FILES_BETA);
    }
    let against =
        Against { thoughtless_calls: turns.has_thoughtless_calls(), prefill: turns.is_prefilled(), forced_form: said.json_tool.is_some() };
    let thought = Thought::of(chat.reasoning.as_ref(), &claude, max_tokens, against);
    if thought.denied {
        Dropped::note(&mut dropped, "reasoning");
    }
    let thinks = thought.is_on();
    let mut messages = turns.list;
    let mut system: Vec<Block<'_>> = chat.system.iter().filter_map(turns::text).collect();
    if chat.format == Some(Format::Json) {
        system.push(Block::text(JSON_ONLY));
    }
    marks::bound(&mut tools, &mut system, &mut messages, chat.cache.is_some());

    let may_sample = claude.sampling && !thinks;
    let (temperature, top_p, top_k) = sampling(chat, may_sample, &mut dropped);
    let body = Body {
        model: target.model,
        max_tokens,
        stream: chat.stream,
        tool_choice: tools::choice(chat, &said, !tools.is_empty(), thinks, &mut dropped),
        thinking: thought.config,
        output: output(chat, &claude, thought.effort),
        temperature,
        top_p,
        top_k,
        stop: stop(chat, &mut dropped),
        metadata: metadata(chat, &mut dropped),
        service_tier: service_tier(chat, &mut dropped),
        cache: chat.cache.map(Mark::of),
        extras: extras(chat, &mut dropped, &mut betas),
        system,
        messages,
        tools,
    };
    // Writing this shape into memory cannot fail.
    let body = Bytes::from(serde_json::to_vec(&body).unwrap_or_default());
    betas.sort_unstable();
    betas.dedup();
    let headers = if betas.is_empty() { Vec::new() } else { vec![("anthropic-beta", betas.join(","))] };
    Ok(Written { body, dropped, said, headers })
}

/// The bound on the output, which must be said and must not be more than the model can.
fn max_tokens(chat: &Chat, target: &Target<'_>, known: Option<Claude>) -> u64 {
    let most = target.max_output.or(known.map(|claude| claude.max_output));
    match (chat.max_output, most) {
        (Some(wanted), Some(most)) => wanted.min(most),
        (Some(wanted), None) => wanted,
        (None, most) => most.unwrap_or(Claude::imitator().max_output),
    }
}

fn sampling(chat: &Chat, may: bool, dropped: &mut Vec<Dropped>) -> (Option<f64>, Option<f64>, Option<u64>) {
    let sampling = &chat.sampling;
    let others = [
        ("presence_penalty", sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("frequency_penalty", sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("seed", sampling.seed.is_some()),
        ("logprobs", chat.logprobs.is_some()),
        ("verbosity", chat.verbosity.is_some()),
        // The usual temperature is not missed.
        ("temperature", !may && sampling.temperature.is_some_and(|temperature| (temperature - 1.0).abs() > f64::EPSILON)),
        // Newer models refuse both at once.
        ("top_p", sampling.top_p.is_some_and(|top_p| top_p < 1.0) && (!may || sampling.temperature.is_some())),
        ("top_k", !may && sampling.top_k.is_some()),
    ];
    for (field, _) in others.into_iter().filter(|(_, is_lost)| *is_lost) {
        Dropped::note(dropped, field);
    }
    if !may {
        return (None, None, None);
    }
    let temperature = sampling.temperature.map(|temperature| temperature.clamp(0.0, 1.0));
    (temperature, sampling.top_p.filter(|_| temperature.is_none()), sampling.top_k)
}

fn stop<'a>(chat: &'a Chat, dropped: &mut Vec<Dropped>) -> Vec<&'a str> {
    let good: Vec<&str> = chat.stop.iter().map(String::as_str).filter(|text| !text.trim().is_empty()).collect();
    if good.len() < chat.stop.len() {
        Dropped::note(dropped, "stop");
    }
    good
}

/// `output_config`.
fn output(chat: &Chat, claude: &Claude, effort: Option<&'static str>) -> Map<String, Value> {
    let mut output = own_object(chat, "output_config");
    if let Some(effort) = effort {
        output.insert(String::from("effort"), json!(effort));
    }
    if let (Some(Format::Schema { schema, .. }), true) = (&chat.format, claude.schemas) {
        output.insert(String::from("format"), json!({"type": "json_schema", "schema": schema::exact(schema)}));
    }
    output
}

fn metadata(chat: &Chat, dropped: &mut Vec<Dropped>) -> Map<String, Value> {
    let mut metadata = own_object(chat, "metadata");
    if let Some(user) = chat.user.as_ref().filter(|user| !user.is_empty()) {
        if is_personal(user) || user.chars().count() > USER_CHARS {
            Dropped::note(dropped, "user");
        } else {
            metadata.insert(String::from("user_id"), json!(user));
        }
    }
    metadata
}

/// Looks like an address of mail or a telephone number, which the vendor refuses.
fn is_personal(user: &str) -> bool {
    let mail =
        !user.contains(char::is_whitespace) && user.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    let digits = user.bytes().filter(u8::is_ascii_digit).count();
    let phone = (7..=15).contains(&digits) && user.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '(' | ')' | ' ' | '.'));
    mail || phone
}

fn service_tier(chat: &Chat, dropped: &mut Vec<Dropped>) -> Option<&'static str> {
    match chat.service_tier.as_deref() {
        None => None,
        Some("auto") => Some("auto"),
        Some("default") => Some("standard_only"),
        Some(_) => {
            Dropped::note(dropped, "service_tier");
            None
        }
    }
}

/// Members of an object of this dialect that have no place in the neutral form.
fn own_object(chat: &Chat, field: &str) -> Map<String, Value> {
    let mut own = chat.extras.iter().filter(|extra| extra.origin == Origin::Anthropic && extra.field == field);
    own.find_map(|extra| extra.value.as_object().cloned()).unwrap_or_default()
}

/// Fields of this dialect go back; all others are named.
fn extras<'a>(chat: &'a Chat, dropped: &mut Vec<Dropped>, betas: &mut Vec<&'static str>) -> Vec<&'a Extra> {
    let mut own = Vec::new();
    for extra in &chat.extras {
        if extra.origin != Origin::Anthropic {
            Dropped::note(dropped, extra.field.clone());
        } else if !matches!(extra.field.as_str(), "output_config" | "metadata") {
            betas.extend(BETAS.iter().filter(|(field, _)| *field == extra.field).map(|(_, beta)| *beta));
            own.push(extra);
        }
    }
    own
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", self.model)?;
        map.serialize_entry("max_tokens", &self.max_tokens)?;
        if self.stream {
            map.serialize_entry("stream", &true)?;
        }
        some(&mut map, "cache_control", self.cache.as_ref())?;
        some(&mut map, "thinking", self.thinking.as_ref())?;
        some(&mut map, "output_config", Some(&self.output).filter(|output| !output.is_empty()))?;
        some(&mut map, "temperature", self.temperature.as_ref())?;
        some(&mut map, "top_p", self.top_p.as_ref())?;
        some(&mut map, "top_k", self.top_k.as_ref())?;
        some(&mut map, "stop_sequences", Some(&self.stop).filter(|stop| !stop.is_empty()))?;
        some(&mut map, "metadata", Some(&self.metadata).filter(|metadata| !metadata.is_empty()))?;
        some(&mut map, "service_tier", self.service_tier.as_ref())?;
        some(&mut map, "tool_choice", self.tool_choice.as_ref())?;
        some(&mut map, "tools", Some(&self.tools).filter(|tools| !tools.is_empty()))?;
        some(&mut map, "system", Some(&self.system).filter(|system| !system.is_empty()))?;
        map.serialize_entry("messages", &self.messages)?;
        for extra in self.extras.iter().filter(|extra| extra.field != "thinking" || self.thinking.is_none()) {
            map.serialize_entry(&extra.field, &extra.value)?;
        }
        map.end()
    }
}

fn some<M: SerializeMap, T: Serialize + ?Sized>(map: &mut M, name: &str, value: Option<&T>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}
