//! What Gemini's `generateContent` refuses.

use serde_json::Value;

use super::{Offer, Talk, has, is_name, items, stranger, text};
use crate::vendor::{ask::Ask, config::MockConfig, seal};

const FIELDS: &str =
    "contents systemInstruction tools toolConfig safetySettings generationConfig cachedContent serviceTier model labels store";
const GENERATION: &str = "stopSequences responseMimeType responseSchema responseJsonSchema responseModalities candidateCount maxOutputTokens \
    temperature topP topK seed presencePenalty frequencyPenalty responseLogprobs logprobs enableEnhancedCivicAnswers speechConfig \
    thinkingConfig mediaResolution imageConfig";
const PART: &str = "text inlineData fileData functionCall functionResponse executableCode codeExecutionResult toolCall toolResponse";
/// Fields that hold the names of others.
const FREE: &str = "args response parametersJsonSchema responseJsonSchema properties labels";
/// What may stand beside the one thing that a part is.
const BESIDE: &str = "thought thoughtSignature videoMetadata mediaResolution partMetadata";

/// The most characters of a function's name.
const NAME: usize = 128;

/// A call of the turn before, which wants its response.
struct Open {
    name: String,
    id: Option<String>,
}

pub(in crate::vendor) fn read(ask: &Ask<'_>, body: &Value, config: &MockConfig) -> Result<Talk, String> {
    let body = &camel(body);
    if let Some(field) = stranger(body, FIELDS).or_else(|| stranger(&body["generationConfig"], GENERATION)) {
        return Err(format!("Invalid JSON payload received. Unknown name \"{field}\": Cannot find field."));
    }
    let thinking = &body["generationConfig"]["thinkingConfig"];
    if has(thinking, "thinkingLevel") && has(thinking, "thinkingBudget") {
        return Err("You can only set only one of thinking budget and thinking level.".to_owned());
    }
    let mut talk = Talk { tools: tools(body)?, thinks: thinking["includeThoughts"] == true, ..Talk::default() };
    let contents = &merged(items(body, "contents"));
    if contents.is_empty() {
        return Err("* GenerateContentRequest.contents: contents is not specified".to_owned());
    }
    if has(body, "systemInstruction") && items(&body["systemInstruction"], "parts").is_empty() {
        return Err("* GenerateContentRequest.system_instruction.parts: must not be empty.".to_owned());
    }
    let mut open: Vec<Open> = Vec::new();
    for (at, content) in contents.iter().enumerate() {
        // A single content may go without.
        let role = content["role"].as_str().unwrap_or("user");
        if !matches!(role, "user" | "model") {
            return Err("Please use a valid role: user, model.".to_owned());
        }
        if at == 0 && role != "user" {
            return Err("Please ensure that multiturn requests begin with a user turn.".to_owned());
        }
        let parts = items(content, "parts");
        if parts.is_empty() {
            return Err(format!("* GenerateContentRequest.contents[{at}].parts: contents.parts must not be empty."));
        }
        parts.iter().enumerate().try_for_each(|(index, part)| shape(at, index, part))?;
        let responses: Vec<&Value> = parts.iter().filter_map(|part| part.get("functionResponse")).collect();
        answer(&responses, std::mem::take(&mut open), &mut talk)?;
        open = calls(role, parts, ask.model(), config)?;
        talk.steps += usize::from(!open.is_empty());
    }
    if !open.is_empty() {
        return Err(UNEQUAL.to_owned());
    }
    Ok(talk)
}

const UNEQUAL: &str =
    "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.";

fn tools(body: &Value) -> Result<Vec<Offer>, String> {
    let mut offers = Vec::new();
    for declaration in items(body, "tools").iter().flat_map(|tool| items(tool, "functionDeclarations")) {
        let name = text(declaration, "name");
        if !is_name(name, "_.:-", NAME) || name.starts_with(|c: char| !c.is_ascii_alphabetic() && c != '_') {
            return Err(format!("* GenerateContentRequest.tools[0].function_declarations[{}].name: Invalid function name.", offers.len()));
        }
        if has(declaration, "parameters") && has(declaration, "parametersJsonSchema") {
            return Err("parameters and parameters_json_schema are mutually exclusive.".to_owned());
        }
        let parameters = &declaration["parameters"];
        if parameters["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("object"))
            && parameters["properties"].as_object().is_none_or(serde_json::Map::is_empty)
        {
            return Err("parameters.properties: should be non-empty for OBJECT type".to_owned());
        }
        let unknown = ["additionalProperties", "$schema", "$ref", "$defs", "const", "oneOf", "allOf"];
        if let Some(field) = unknown.iter().find(|field| parameters.get(**field).is_some()) {
            return Err(format!(
                "Invalid JSON payload received. Unknown name \"{field}\" at 'tools[0].function_declarations[0].parameters'"
            ));
        }
        let schema = if has(declaration, "parameters") { parameters } else { &declaration["parametersJsonSchema"] };
        offers.push(Offer { name: name.to_owned(), schema: schema.clone() });
    }
    Ok(offers)
}

/// A part is exactly one thing.
fn shape(at: usize, index: usize, part: &Value) -> Result<(), String> {
    let place = format!("contents[{at}].parts[{index}]");
    let known: Vec<&str> = PART.split_ascii_whitespace().filter(|name| part.get(*name).is_some()).collect();
    let [kind] = known.as_slice() else {
        return Err(format!("* GenerateContentRequest.{place}.data: required oneof field 'data' must have one initialized field"));
    };
    if let Some(field) = stranger(part, &format!("{PART} {BESIDE}")) {
        return Err(format!("Invalid JSON payload received. Unknown name \"{field}\" at '{place}': Cannot find field."));
    }
    let blob = &part[*kind];
    let good = match *kind {
        "text" => blob.is_string(),
        "inlineData" => !text(blob, "mimeType").is_empty() && !text(blob, "data").is_empty(),
        "fileData" => !text(blob, "fileUri").is_empty(),
        "functionCall" => !text(blob, "name").is_empty() && (blob["args"].is_object() || !has(blob, "args")),
        "functionResponse" => !text(blob, "name").is_empty() && blob["response"].is_object(),
        _ => true,
    };
    if good { Ok(()) } else { Err(format!("Invalid value at '{place}.{kind}'")) }
}

fn answer(responses: &[&Value], mut open: Vec<Open>, talk: &mut Talk) -> Result<(), String> {
    if responses.len() != open.len() {
        return Err(if open.is_empty() {
            "Please ensure that function response turn comes immediately after a function call turn.".to_owned()
        } else {
            UNEQUAL.to_owned()
        });
    }
    for response in responses {
        let name = text(response, "name");
        let id = response["id"].as_str();
        let place = open.iter().position(|open| open.name == name && (open.id.is_none() || id.is_none() || open.id.as_deref() == id));
        let Some(place) = place else {
            return Err(format!("Function response {name} does not match any function call of the turn before."));
        };
        open.remove(place);
        let inside = &response["response"];
        let whole = ["output", "result", "error"].iter().find_map(|field| inside[*field].as_str());
        talk.results.push(whole.map_or_else(|| inside.to_string(), str::to_owned));
    }
    Ok(())
}

fn calls(role: &str, parts: &[Value], model: &str, config: &MockConfig) -> Result<Vec<Open>, String> {
    let mut open: Vec<Open> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for part in parts {
        let signature = part["thoughtSignature"].as_str().map(standard);
        if let Some(signature) = &signature {
            if seen.contains(signature) {
                return Err("The same thought signature is on two parts.".to_owned());
            }
            seen.push(signature.clone());
        }
        let Some(call) = part.get("functionCall") else { continue };
        if role != "model" {
            return Err("Please ensure that function call turn contains only function calls of the model.".to_owned());
        }
        let name = text(call, "name");
        let right = seal::call(name, call.get("args").unwrap_or(&Value::Object(serde_json::Map::new())));
        // The calls of an agent are all its own, so it knows all their signatures.
        let excused = part["thoughtSignature"] == seal::SENTINEL && config.agent == 0;
        if open.is_empty() && signature.as_deref() != Some(right.as_str()) && !excused {
            return Err(if signature.is_none() {
                format!("Function call is missing a thought_signature in functionCall parts. Function call `{name}`.")
            } else {
                "Thought signature is not valid.".to_owned()
            });
        }
        if has(call, "id") && !takes_ids(model) {
            return Err("Invalid JSON payload received. Unknown name \"id\" at 'function_call': Cannot find field.".to_owned());
        }
        open.push(Open { name: name.to_owned(), id: call["id"].as_str().map(str::to_owned) });
    }
    Ok(open)
}

/// The body with its fields named in one way: Google takes snake_case too, and its own SDK sends some so.
fn camel(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                let name = camel_name(name);
                let value = if FREE.split_ascii_whitespace().any(|free| free == name) { value.clone() } else { camel(value) };
                (name, value)
            };
            Value::Object(fields.iter().map(field).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(camel).collect()),
        other => other.clone(),
    }
}

fn camel_name(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        name + &head.to_ascii_uppercase() + tail
    })
}

/// Contents of one role that follow each other are one: Google's own SDK keeps each chunk of a stream as a content.
fn merged(contents: &[Value]) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::new();
    for content in contents {
        match (merged.last_mut(), content["parts"].as_array()) {
            (Some(last), Some(parts)) if last["role"] == content["role"] && last["parts"].is_array() && !parts.is_empty() => {
                if let Some(into) = last["parts"].as_array_mut() {
                    into.extend(parts.iter().cloned());
                }
            }
            _ => merged.push(content.clone()),
        }
    }
    merged
}

/// Bytes may come in either alphabet of base64; Google's own SDK uses the one for addresses.
fn standard(signature: &str) -> String {
    signature.replace('-', "+").replace('_', "/")
}

/// Calls have ids from the third generation on.
pub(in crate::vendor) fn takes_ids(model: &str) -> bool {
    !["gemini-1", "gemini-2"].iter().any(|old| model.starts_with(old))
}
