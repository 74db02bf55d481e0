//! Server-sent events as bytes: where each ends, and which of them only carries the usage.
//!
//! Never re-writes an event; callers keep or leave out whole ranges.

use serde_json::Value;

/// The ranges of a body's events, each with its blank line; what follows the last blank line is a range too.
pub fn events(body: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let (mut start, mut at, mut line_start) = (0, 0, 0);
    while at < body.len() {
        let end = match (body[at], body.get(at + 1)) {
            (b'\r', Some(b'\n')) => at + 2,
            (b'\r' | b'\n', _) => at + 1,
            _ => {
                at += 1;
                continue;
            }
        };
        if (at == line_start && at > start) || is_event_by_itself(&body[line_start..at], &body[end..]) {
            found.push(&body[start..end]);
            start = end;
        }
        at = end;
        line_start = end;
    }
    if start < body.len() {
        found.push(&body[start..]);
    }
    found
}

/// Some servers leave out blank lines: a data line with a whole document, before another data line, is an event.
fn is_event_by_itself(line: &[u8], rest: &[u8]) -> bool {
    let whole = |line: &[u8]| {
        line.strip_prefix(b"data:").is_some_and(|text| serde_json::from_slice::<serde_json::Map<String, Value>>(text).is_ok())
    };
    rest.starts_with(b"data:") && whole(line)
}

/// The data of an event, its lines joined as the standard says; `None` without a data line.
pub fn data(event: &[u8]) -> Option<Vec<u8>> {
    let mut data: Option<Vec<u8>> = None;
    for line in event.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let Some(value) = line.strip_prefix(b"data:") else { continue };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => data = Some(value.to_vec()),
        }
    }
    data
}

/// The JSON of an event's data.
pub fn json(event: &[u8]) -> Option<Value> {
    serde_json::from_slice(&data(event)?).ok()
}

/// Whether an event is OpenAI's extra chunk: no choices, and a usage object.
pub fn is_usage_only(event: &[u8]) -> bool {
    json(event).is_some_and(|chunk| {
        chunk.get("choices").and_then(Value::as_array).is_some_and(Vec::is_empty) && chunk.get("usage").is_some_and(Value::is_object)
    })
}

/// The body without its usage-only events; `None` when it has none.
pub fn without_usage(body: &[u8]) -> Option<Vec<u8>> {
    let all = events(body);
    if !all.iter().any(|event| is_usage_only(event)) {
        return None;
    }
    Some(all.into_iter().filter(|event| !is_usage_only(event)).flatten().copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_put_together_are_the_body() {
        for body in ["", "data: 1\n\ndata: 2\n\n", "data: 1\r\n\r\n: c\r\n\r\ndata: 2", "data:1\r\rdata:2\r\r", "\n\ndata: 1\n\n\n\n"] {
            assert_eq!(events(body.as_bytes()).concat(), body.as_bytes(), "{body:?}");
        }
        assert_eq!(events(b"data: 1\r\n\r\ndata: 2\r\n\r\n").len(), 2);
        assert_eq!(events(b"data:1\r\rdata:2\r\r").len(), 2);
    }

    #[test]
    fn only_the_usage_chunk_is_left_out() {
        let filter = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
        let text = "data: {\"choices\":[{\"delta\":{}}],\"usage\":null}\n\n";
        let usage = "data: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n";
        let body = format!("{filter}{text}{usage}data: [DONE]\n\n");
        assert_eq!(without_usage(body.as_bytes()).unwrap(), format!("{filter}{text}data: [DONE]\n\n").as_bytes());
        assert_eq!(without_usage(filter.as_bytes()), None);
    }
}
