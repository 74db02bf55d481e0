//! The shapes that error bodies have. The first that fits wins. Source: provider notes §5.

use serde_json::Value;

/// What a body says, before it is understood.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) message: String,
    pub(super) code: Option<String>,
    /// The `type` (or Gemini's `status`) beside the code.
    pub(super) kind: Option<String>,
    /// A further code in the details.
    pub(super) detail: Option<String>,
    pub(super) retry_after_ms: Option<u64>,
    /// The field of the request that is at fault.
    pub(super) param: Option<String>,
}

pub(super) fn read(body: &[u8]) -> Found {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => of_value(&value),
        Err(_) => Found::default(),
    }
}

fn of_value(value: &Value) -> Found {
    match value {
        // `[{"error":{…}}]`: a stream that was not asked as events.
        Value::Array(list) => list.first().filter(|v| v.is_object()).map(of_value).unwrap_or_default(),
        // A bare string.
        Value::String(text) => Found { message: text.clone(), ..Found::default() },
        Value::Object(_) => of_object(value),
        _ => Found::default(),
    }
}

fn of_object(value: &Value) -> Found {
    match value.get("error") {
        Some(error @ Value::Object(_)) => return nested(value, error),
        Some(Value::String(text)) if !text.is_empty() => {
            return Found { message: text.clone(), code: word(value.get("code")), kind: word(value.get("type")), ..Found::default() };
        }
        _ => {}
    }
    if let Some(base) = value.get("base_resp") {
        return Found { message: text(base.get("status_msg")), code: word(base.get("status_code")), ..Found::default() };
    }
    if let Some(error) = value.pointer("/Response/Error") {
        return Found { message: text(error.get("Message")), code: word(error.get("Code")), ..Found::default() };
    }
    if value.get("error_msg").is_some() || value.get("error_code").is_some() {
        return Found { message: text(value.get("error_msg")), code: word(value.get("error_code")), ..Found::default() };
    }
    if let Some(message) = value.get("message").or_else(|| value.get("Message")) {
        let kind = word(value.get("type").or_else(|| value.get("__type"))).filter(|t| t != "error");
        return Found { message: text(Some(message)), code: word(value.get("code")), kind, ..Found::default() };
    }
    if let Some(detail) = value.get("detail") {
        return Found { message: text(Some(detail)), code: word(value.get("code")), kind: word(value.get("type")), ..Found::default() };
    }
    Found::default()
}

/// `{"error":{"message",…}}`.
fn nested(outer: &Value, error: &Value) -> Found {
    let message = text(error.get("message"));
    let details = error.get("details");
    let reasons = || details.and_then(Value::as_array).into_iter().flatten();
    let detail = word(details.and_then(|d| d.get("error_code")))
        .or_else(|| reasons().find_map(|d| word(d.get("reason"))))
        .or_else(|| word(error.pointer("/metadata/error_type")));
    let retry_after_ms = reasons().find_map(|d| d.get("retryDelay")?.as_str().and_then(delay_ms));
    Found {
        message: if message.is_empty() { text(outer.get("message")) } else { message },
        code: word(error.get("code").filter(|c| !c.is_null()).or_else(|| outer.get("code"))),
        kind: word(error.get("type").or_else(|| error.get("status"))),
        detail,
        retry_after_ms,
        param: word(error.get("param")),
    }
}

/// A code or type: a string or a number.
fn word(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A message: a string, an object with a message or detail, or a list of complaints about fields.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(object)) => text(object.get("message").or_else(|| object.get("detail"))),
        Some(Value::Array(list)) => {
            let complaints = list.iter().map(|item| match item {
                Value::String(text) => text.clone(),
                _ => complaint(item),
            });
            complaints.filter(|c| !c.is_empty()).collect::<Vec<_>>().join("; ")
        }
        _ => String::new(),
    }
}

/// `{"loc":["body","x"],"msg":"…"}`, as the FastAPI framework writes it. The `input` it echoes is not shown.
fn complaint(item: &Value) -> String {
    let place = item.get("loc").and_then(Value::as_array).into_iter().flatten();
    let place = place.filter_map(|p| p.as_str().map(str::to_owned).or_else(|| p.as_u64().map(|n| n.to_string())));
    let place = place.collect::<Vec<_>>().join(".");
    let message = text(item.get("msg").or_else(|| item.get("message")));
    if place.is_empty() { message } else { format!("{place}: {message}") }
}

/// `13s` or `0.5s`.
fn delay_ms(text: &str) -> Option<u64> {
    super::super::retry::retry_after(|name| (name == "retry-after").then(|| text.strip_suffix('s')).flatten(), 0)
        .and_then(|wait| u64::try_from(wait.as_millis()).ok())
}
