//! Every call answered once, in the content right after it: anything else is refused on the number of function responses.

use serde_json::{Map, Value};

use super::body::{Call, Content, Part, Piece, Response, object};
use crate::neutral::ToolResult;
use crate::neutral::waiting::Waiting;

/// The answer to a call that was never answered.
const NO_OUTPUT: &str = "(no output)";

/// A call that is to be answered.
struct Asked<'a> {
    own_id: &'a str,
    id: Option<&'a str>,
    name: String,
}

/// Answers all calls, in their order; a result that nothing asked for becomes words.
pub(super) fn settle(contents: Vec<Content<'_>>) -> Vec<Content<'_>> {
    let mut out = Vec::with_capacity(contents.len() + 1);
    let mut asked = Vec::new();
    for mut content in contents {
        if content.role == "user" {
            content.parts = answer(std::mem::take(&mut asked), content.parts);
            if content.parts.is_empty() {
                content.parts.push(Piece::Own(Part::text(NO_OUTPUT)));
            }
        } else {
            asked = content.parts.iter().filter_map(call).collect();
        }
        out.push(content);
    }
    if !asked.is_empty() {
        out.push(Content { role: "user", parts: answer(asked, Vec::new()) });
    }
    out
}

fn call<'a>(piece: &Piece<'a>) -> Option<Asked<'a>> {
    match piece {
        Piece::Own(Part { function_call: Some(Call { own_id, id, name, .. }), .. }) => Some(Asked { own_id, id: *id, name: name.clone() }),
        _ => None,
    }
}

/// The parts of a turn of the user: the results first, each at the place of its call.
fn answer<'a>(asked: Vec<Asked<'a>>, parts: Vec<Piece<'a>>) -> Vec<Piece<'a>> {
    let mut waiting = Waiting::default();
    for (at, call) in asked.iter().enumerate() {
        waiting.push(call.own_id, &call.name, at);
    }
    let mut answers: Vec<Option<Response<'a>>> = Vec::new();
    answers.resize_with(asked.len(), || None);
    let mut rest = Vec::with_capacity(parts.len());
    for piece in parts {
        let response = match piece {
            Piece::Own(Part { function_response: Some(response), .. }) => response,
            other => {
                rest.push(other);
                continue;
            }
        };
        // Who gives no ids means the first call of the name, or the first of all.
        let found = match response.own.map_or("", |own| own.id.as_str()) {
            "" => waiting.by_name(&response.name).or_else(|| waiting.first()),
            id => waiting.by_id(id),
        };
        match found.and_then(|at| answers.get_mut(at)) {
            Some(place) => *place = Some(response),
            None => rest.extend(words(response)),
        }
    }
    let answered = asked.into_iter().zip(answers).map(|(Asked { id, name, .. }, answer)| {
        let (response, parts) = answer.map_or_else(|| (nothing(), Vec::new()), |answer| (answer.response, answer.parts));
        Piece::Own(Part { function_response: Some(Response { own: None, id, name, response, parts }), ..Part::default() })
    });
    answered.chain(rest).collect()
}

/// What a result says, for the model to read.
fn words(response: Response<'_>) -> impl Iterator<Item = Piece<'_>> {
    let text = response.own.map(ToolResult::text).filter(|text| !text.is_empty()).map(Part::text);
    text.into_iter().chain(response.parts).map(Piece::Own)
}

fn nothing() -> Box<serde_json::value::RawValue> {
    object(&Map::from_iter([(String::from("error"), Value::from(NO_OUTPUT))]))
}
