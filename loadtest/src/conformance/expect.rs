//! What the client should get for a recording: the same bytes, but for the rules of the contract.
//!
//! Each rule has a reason in words, printed with the case. No rule knows a case's name. Start at [`Expectation::of`].

use serde_json::Value;

use super::{
    ask::{Op, Plan},
    corpus::Case,
    ending::{self, Ending},
    http::Reply,
    sse,
};

/// What should come back, and why it is not simply the recording.
#[derive(Debug, Clone)]
pub struct Expectation {
    answer: Answer,
    /// The rule that applies; `None` for the recording itself.
    pub rule: Option<&'static str>,
}

#[derive(Debug, Clone)]
enum Answer {
    /// Status and body as recorded, or this body.
    Same { body: Vec<u8> },
    /// The recording, or what it has of whole events and then the dialect's error event.
    SameOrEnded { body: Vec<u8> },
    /// The recording, or an error in the dialect's shape.
    SameOrError { body: Vec<u8> },
    /// The recording, or an error in the dialect's shape with the recorded status.
    SameOrShaped { body: Vec<u8> },
    /// What has arrived of whole events, and then the dialect's error event.
    Ended { body: Vec<u8> },
    /// An error in the dialect's shape with the recorded status and the vendor's message.
    Shaped,
    /// A refusal of the gateway's own with this code, and nothing of the vendor's text.
    Refused { code: &'static str },
}

impl Expectation {
    /// What the contract promises. `hides_usage`: the gateway asked for the usage chunk and the client did not.
    pub fn of(case: &Case, op: Op, hides_usage: bool) -> Self {
        let body = case.response.body.clone();
        let status = case.response.status;
        let new = |answer, rule| Self { answer, rule: Some(rule) };
        if matches!(status, 401 | 403) {
            return new(Answer::Refused { code: "upstream_auth_failed" }, "the vendor refused our key: 502 upstream_auth_failed");
        }
        if status == 400 && is_bad_key(case) {
            return new(Answer::Refused { code: "upstream_auth_failed" }, "a 400 for our key is 502 upstream_auth_failed");
        }
        if (300..400).contains(&status) {
            return new(Answer::Refused { code: "upstream_protocol_error" }, "a redirect is 502");
        }
        if status == 200 && is_no_answer(case, op) {
            return new(Answer::Refused { code: "upstream_protocol_error" }, "a 200 that is no answer is 502 upstream_protocol_error");
        }
        if status == 200 && !case.streams() && op != Op::StreamGenerate && is_error(&body) {
            return new(Answer::SameOrError { body }, "an error in a 200 is passed, or told as an error");
        }
        if status >= 400 && serde_json::from_slice::<Value>(&body).is_err() {
            return new(Answer::SameOrShaped { body }, "an error that is not JSON is passed, or told in the dialect's shape");
        }
        if status >= 400 && !has_shape(&body, op) {
            return new(Answer::Shaped, "an error of another shape is told in the dialect's");
        }
        if case.streams() || op == Op::StreamGenerate && status == 200 {
            match Ending::of(&body, op) {
                Ending::Whole | Ending::LateError => {}
                Ending::EarlyError => {
                    return new(Answer::SameOrError { body }, "an error before all content is passed, or told as an error");
                }
                Ending::Unreadable => {
                    return new(Answer::SameOrError { body }, "a stream without a readable event is passed, or told as an error");
                }
                Ending::BrokenOff => {
                    return new(Answer::SameOrEnded { body }, "a recording that breaks off is passed, or ended by an error event");
                }
            }
        }
        if hides_usage && let Some(body) = sse::without_usage(&body) {
            return new(Answer::Same { body }, "the usage chunk nobody asked for is hidden");
        }
        Self { answer: Answer::Same { body }, rule: None }
    }

    /// What the contract promises where the vendor breaks off after these bytes.
    pub fn of_broken(body: &[u8]) -> Self {
        Self { answer: Answer::Ended { body: body.to_vec() }, rule: Some("a stream that breaks off ends with the dialect's error event") }
    }

    /// Compares; a difference is told in words.
    ///
    /// # Errors
    /// What differs.
    pub fn check(&self, case: &Case, op: Op, reply: &Reply) -> Result<(), String> {
        let same_status = || status(case.response.status, reply);
        match &self.answer {
            Answer::Same { body } => {
                same_status()?;
                same(body, &reply.body)?;
                same_type(case, reply)
            }
            Answer::SameOrError { body } => {
                if reply.status < 400 {
                    same_status()?;
                    return same(body, &reply.body);
                }
                refusal(op, reply, None)
            }
            Answer::SameOrShaped { body } => {
                same_status()?;
                same(body, &reply.body).or_else(|_| refusal(op, reply, None))
            }
            Answer::Ended { body } => {
                same_status()?;
                if ending::ended_by_error(body, &reply.body) {
                    return Ok(());
                }
                let end = String::from_utf8_lossy(&reply.body[reply.body.len().saturating_sub(160)..]).into_owned();
                Err(format!("not the whole events and one error: {} bytes of {}, at their end {end:?}", reply.body.len(), body.len()))
            }
            Answer::Shaped => {
                same_status()?;
                refusal(op, reply, None)?;
                let told = serde_json::from_slice(&reply.body).ok().as_ref().and_then(message).unwrap_or_default();
                match serde_json::from_slice(&case.response.body).ok().as_ref().and_then(message) {
                    Some(message) if !told.contains(&message) => Err(format!("the vendor's message {message:?} is not in {told:?}")),
                    _ => Ok(()),
                }
            }
            Answer::SameOrEnded { body } => {
                same_status()?;
                same(body, &reply.body).or_else(|why| if ending::ended_by_error(body, &reply.body) { Ok(()) } else { Err(why) })
            }
            Answer::Refused { code } => {
                status(502, reply)?;
                refusal(op, reply, Some(code))?;
                let text = String::from_utf8_lossy(&reply.body);
                match case.error_message.as_deref().filter(|message| message.len() > 12 && text.contains(message)) {
                    Some(message) => Err(format!("the vendor's own text {message:?} is shown")),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Whether the request that reached the vendor is the client's: the same bytes, but for what must be changed.
///
/// # Errors
/// What differs.
pub fn check_request(plan: &Plan, upstream: &[u8]) -> Result<(), String> {
    let sent = plan.request.body.as_slice();
    if sent == upstream {
        return Ok(());
    }
    // One insertion (`stream_options`), or one value changed (`include_usage`: false): the rest is untouched.
    const CHANGED_BYTES: usize = 8;
    let start = sent.iter().zip(upstream).take_while(|(a, b)| a == b).count();
    let end = sent[start..].iter().rev().zip(upstream[start.min(upstream.len())..].iter().rev()).take_while(|(a, b)| a == b).count();
    let asks =
        |body: &[u8]| serde_json::from_slice::<Value>(body).ok().and_then(|body| body.pointer("/stream_options/include_usage")?.as_bool());
    if start + end + CHANGED_BYTES >= sent.len() && asks(upstream) == Some(true) && asks(sent) != Some(true) {
        return Ok(());
    }
    // Azure has the model in its path.
    if plan.kind == "azure" {
        return Ok(());
    }
    Err(format!("the vendor got another request: {}", difference(sent, upstream)))
}

/// The rule of [`check_repeats`].
pub const REPEATED: &str = "an optional field that the vendor refuses is left out, and the vendor is asked again, up to three times";

/// Whether a vendor that was asked more than once had refused an optional field, and each request is the one before it
/// without fields that the vendor named.
///
/// # Errors
/// What is asked again for no such reason, or differs in more.
pub fn check_repeats(case: &Case, reply: &Reply, requests: &[&[u8]]) -> Result<(), String> {
    const MOST_REPEATS: usize = 3;
    let repeats = requests.len().saturating_sub(1);
    let refused = matches!(case.response.status, 400 | 422);
    if repeats > MOST_REPEATS || repeats > 0 && !refused {
        return Err(format!("the vendor was asked {} times", requests.len()));
    }
    let named = String::from_utf8_lossy(&case.response.body);
    // Where the refusal is passed in the end, nothing is missing from an answer: the header may be absent.
    let dropped: Option<Vec<&str>> = reply.header("x-fluxa-dropped").map(|names| names.split(',').map(str::trim).collect());
    for pair in requests.windows(2) {
        let [Ok(Value::Object(before)), Ok(Value::Object(mut after))] = [pair[0], pair[1]].map(serde_json::from_slice) else {
            return Err("a request asked again is no object".to_owned());
        };
        let gone: Vec<&String> = before.keys().filter(|name| !after.contains_key(*name)).collect();
        for name in &gone {
            if !named.contains(name.as_str()) {
                return Err(format!("asked again without {name:?}, which the vendor did not name"));
            }
            if dropped.as_ref().is_some_and(|dropped| !dropped.contains(&name.as_str())) {
                return Err(format!("asked again without {name:?}, but x-fluxa-dropped has {dropped:?}"));
            }
            after.insert((*name).clone(), before[*name].clone());
        }
        if gone.is_empty() || before != after {
            return Err(format!("asked again with another request: {}", difference(pair[0], pair[1])));
        }
    }
    Ok(())
}

/// Whether a request asks for the usage chunk.
pub fn asks_usage(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|body| body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true)))
}

fn status(wanted: u16, reply: &Reply) -> Result<(), String> {
    if reply.status == wanted {
        return Ok(());
    }
    let text: String = String::from_utf8_lossy(&reply.body).chars().take(160).collect();
    Err(format!("status {} instead of {wanted}: {text}", reply.status))
}

fn same(wanted: &[u8], got: &[u8]) -> Result<(), String> {
    if wanted == got { Ok(()) } else { Err(format!("another body: {}", difference(wanted, got))) }
}

fn same_type(case: &Case, reply: &Reply) -> Result<(), String> {
    let media = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (wanted, got) = (media(case.response.content_type()), media(reply.header("content-type").unwrap_or_default()));
    if wanted == got { Ok(()) } else { Err(format!("content type {got:?} instead of {wanted:?}")) }
}

/// Where two bodies part, with a little of each.
fn difference(wanted: &[u8], got: &[u8]) -> String {
    const SHOWN: usize = 48;
    let at = wanted.iter().zip(got).take_while(|(a, b)| a == b).count();
    let from = at.saturating_sub(SHOWN / 4);
    let shown = |bytes: &[u8]| String::from_utf8_lossy(&bytes[from.min(bytes.len())..(at + SHOWN).min(bytes.len())]).into_owned();
    format!("at byte {at} {:?} instead of {:?} ({} bytes, not {})", shown(got), shown(wanted), got.len(), wanted.len())
}

/// An error body in the shape of the dialect.
fn refusal(op: Op, reply: &Reply, code: Option<&str>) -> Result<(), String> {
    let text = || String::from_utf8_lossy(&reply.body).chars().take(160).collect::<String>();
    let body: Value = serde_json::from_slice(&reply.body).map_err(|_| format!("the error is not JSON: {}", text()))?;
    let Some(error) = body.get("error").filter(|error| error.get("message").is_some_and(Value::is_string)) else {
        return Err(format!("not an error of this dialect: {}", text()));
    };
    if op.is_anthropic() {
        let shaped = body.get("type").and_then(Value::as_str) == Some("error") && error.get("type").is_some_and(Value::is_string);
        return if shaped { Ok(()) } else { Err(format!("not an error of this dialect: {}", text())) };
    }
    if op.is_gemini() {
        let number = error.get("code").and_then(Value::as_u64) == Some(reply.status.into());
        let shaped = number && error.get("status").is_some_and(Value::is_string);
        return if shaped { Ok(()) } else { Err(format!("not an error of this dialect: {}", text())) };
    }
    match code {
        Some(code) if error.get("code").and_then(Value::as_str) != Some(code) => Err(format!("not the code {code:?}: {}", text())),
        _ => Ok(()),
    }
}

/// Whether an error is in the shape of the dialect already.
fn has_shape(body: &[u8], op: Op) -> bool {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return false };
    // A stream of Gemini's that is an array is one in its errors too.
    let body = if op.is_gemini() { body.get(0).unwrap_or(&body) } else { &body };
    let says = body.pointer("/error/message").is_some_and(Value::is_string);
    match op {
        op if op.is_anthropic() => says && body.pointer("/error/type").is_some_and(Value::is_string),
        op if op.is_gemini() => says && body.pointer("/error/code").is_some_and(Value::is_number),
        _ => says,
    }
}

/// The words of an error in any shape.
fn message(body: &Value) -> Option<String> {
    let found = ["/error/message", "/error", "/message", "/detail"].iter().find_map(|path| body.pointer(path)?.as_str());
    found.map(str::to_owned)
}

/// Vendors that say 400 where others say 401.
fn is_bad_key(case: &Case) -> bool {
    let text = String::from_utf8_lossy(&case.response.body).to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().all(|word| text.contains(word));
    says(&["incorrect api key"]) || says(&["api_key_invalid"]) || says(&["invalid api key"]) || says(&["api key not valid"])
}

/// A success without anything of an answer in it.
fn is_no_answer(case: &Case, op: Op) -> bool {
    let body = &case.response.body;
    if matches!(op, Op::Speech | Op::Transcriptions) {
        return body.is_empty();
    }
    if case.streams() {
        return !sse::events(body).iter().any(|event| sse::data(event).is_some());
    }
    serde_json::from_slice::<Value>(body).is_err()
}

/// An error told with status 200.
fn is_error(body: &[u8]) -> bool {
    let Ok(json) = serde_json::from_slice::<Value>(body) else { return false };
    let told = json.get("error").is_some_and(|error| !error.is_null()) && json.get("output").is_none();
    let number = |path: &str| json.pointer(path).and_then(Value::as_i64).unwrap_or(0);
    told || number("/base_resp/status_code") != 0 || (json.get("sid").is_some() && number("/code") != 0)
}

#[cfg(test)]
mod tests;
