//! The corpus on disk: one JSON file a case, listed by `index.json` or, without one, found by walking the folder.
//!
//! Start at [`load`]. Bodies are bytes: text or base64 in the file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

/// One recorded exchange.
#[derive(Debug, Clone)]
pub struct Case {
    /// Unique name.
    pub id: String,
    /// Whose answer it is.
    pub vendor: String,
    /// The kind of call, in the corpus's words.
    pub endpoint: String,
    /// How true to the wire the body is; `raw` is.
    pub capture: String,
    /// What is special about it.
    pub tags: Vec<String>,
    /// What was asked.
    pub request: Asked,
    /// What came back.
    pub response: Answered,
    /// The usage object as the vendor last sent it, if any.
    pub usage: Option<Value>,
    /// The model named in the answer.
    pub model: Option<String>,
    /// The message of the vendor's error.
    pub error_message: Option<String>,
    /// What the corpus's own reader found, but for the usage.
    pub derived: Map<String, Value>,
}

/// A recorded request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// HTTP method.
    pub method: String,
    /// Path and query at the vendor.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; `None` where the source kept none.
    pub body: Option<Vec<u8>>,
}

/// A recorded answer.
#[derive(Debug, Clone)]
pub struct Answered {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body after undoing its content coding.
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
struct Listed {
    file: PathBuf,
}

#[derive(Deserialize)]
struct CaseFile {
    id: String,
    provider: String,
    endpoint: String,
    #[serde(default)]
    capture: String,
    #[serde(default)]
    tags: Vec<String>,
    request: Side,
    response: Side,
    #[serde(default)]
    derived: Map<String, Value>,
}

#[derive(Deserialize)]
struct Side {
    method: Option<String>,
    path: Option<String>,
    status: Option<u16>,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<String>,
    body_base64: Option<String>,
}

impl Case {
    /// Whether the case has this tag.
    pub fn has(&self, tag: &str) -> bool {
        self.tags.iter().any(|have| have == tag)
    }

    /// Whether the answer is an event stream.
    pub fn streams(&self) -> bool {
        self.response.content_type().contains("event-stream") && self.response.status < 400
    }
}

impl Answered {
    /// The recorded content type, or JSON's.
    pub fn content_type(&self) -> &str {
        self.headers.iter().find(|(name, _)| name == "content-type").map_or("application/json", |(_, value)| value)
    }
}

/// Loads every case under `folder` whose id contains `filter`, in the order of their ids.
///
/// # Errors
/// A file that cannot be read, or is no case.
pub fn load(folder: &Path, filter: Option<&str>) -> Result<Vec<Case>> {
    let index = folder.join("index.json");
    let files = if index.exists() {
        let text = fs::read(&index).with_context(|| format!("cannot read {}", index.display()))?;
        let listed: Vec<Listed> = serde_json::from_slice(&text).with_context(|| format!("{} is no list", index.display()))?;
        listed.into_iter().map(|row| folder.join(row.file)).collect()
    } else {
        let mut found = Vec::new();
        walk(folder, &mut found)?;
        found
    };
    let mut cases = Vec::with_capacity(files.len());
    for file in files {
        let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let case = serde_json::from_slice::<CaseFile>(&text)
            .map_err(anyhow::Error::from)
            .and_then(Case::try_from)
            .with_context(|| format!("{} is no case", file.display()))?;
        if filter.is_none_or(|part| case.id.contains(part)) {
            cases.push(case);
        }
    }
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(cases)
}

impl TryFrom<CaseFile> for Case {
    type Error = anyhow::Error;

    fn try_from(file: CaseFile) -> Result<Self> {
        let mut derived = file.derived;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let error_message = text(derived.get("error").and_then(|error| error.get("message")));
        let model = text(derived.get("model"));
        let asked = Asked {
            method: file.request.method.clone().unwrap_or_else(|| "POST".to_owned()),
            path: file.request.path.clone().unwrap_or_default(),
            headers: headers(&file.request.headers),
            body: file.request.bytes()?,
        };
        let answered = Answered {
            status: file.response.status.unwrap_or(200),
            headers: headers(&file.response.headers),
            body: file.response.bytes()?.unwrap_or_default(),
        };
        Ok(Self {
            id: file.id,
            vendor: file.provider,
            endpoint: file.endpoint,
            capture: file.capture,
            tags: file.tags,
            request: asked,
            response: answered,
            usage: derived.remove("usage").filter(Value::is_object),
            model,
            error_message,
            derived,
        })
    }
}

impl Side {
    fn bytes(&self) -> Result<Option<Vec<u8>>> {
        match (&self.body_base64, &self.body) {
            (Some(text), _) => base64(text).map(Some),
            (None, Some(text)) => Ok(Some(text.clone().into_bytes())),
            (None, None) => Ok(None),
        }
    }
}

fn headers(map: &Map<String, Value>) -> Vec<(String, String)> {
    map.iter().filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned()))).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "json") {
            found.push(path);
        }
    }
    Ok(())
}

/// Standard base64; too little of it here for a dependency.
fn base64(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut bits) = (0_u32, 0);
    for &c in text.as_bytes() {
        let digit = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' | b'\n' | b'\r' => continue,
            _ => bail!("not base64: {:?}", char::from(c)),
        };
        word = word << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits & 0xff) as u8);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_undone() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9vYmFy", "foobar")] {
            assert_eq!(base64(text).unwrap(), bytes.as_bytes());
        }
        assert!(base64("*").is_err());
    }
}
