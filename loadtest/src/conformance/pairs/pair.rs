//! One case and one client: what is asked, what must come, and the judgement.

use serde_json::{Value, json};

use super::{
    answer,
    compare::{self, Expected, Findings, Usage},
    dialect::{Client, Upstream},
    json, record,
    record::Frame,
    refused::{self, Refusal},
    said::{Said, Stop},
    setup::Setup,
    tear, vendor_side,
    wish::Wish,
};
use crate::conformance::{
    corpus::Case,
    gateway::segment,
    http::{Reply, Request},
    replay::{Replay, Seen},
};

/// Bodies up to this size are cut into pieces of 1 to 9 bytes; longer ones, into larger pieces, or a run would take hours.
const ODD_CUTS_BYTES: usize = 48 * 1024;

/// A call in pieces.
const PARTIAL: &[u8] = b"\"partialArgs\"";

/// What must come of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The answer.
    Whole,
    /// What was said before, then an error.
    Broken,
    /// Either: the end was said, but not all that follows it.
    Either,
    /// An error.
    Refused(Refusal),
}

/// Everything about a case that is the same for each client.
#[derive(Debug)]
pub struct Subject {
    /// The case.
    pub case: std::sync::Arc<Case>,
    /// Its number in this run.
    pub number: usize,
    /// The vendor's dialect.
    pub upstream: Upstream,
    /// How the recorded body is framed.
    pub frame: Frame,
    /// What it says.
    pub said: Said,
    /// What it used.
    pub usage: Usage,
    /// The client asks for a stream.
    pub streams: bool,
    /// What must come of it.
    pub fate: Fate,
    /// Where it is torn in the second round.
    pub tear: Option<usize>,
    /// What is asked.
    pub wish: Wish,
    /// The recorded model.
    pub model: String,
}

/// One request of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// By whom.
    pub client: Client,
    /// The stream is torn.
    pub torn: bool,
    /// By the official library.
    pub sdk: bool,
}

impl Subject {
    /// Reads a case.
    ///
    /// # Errors
    /// Why it cannot be asked.
    pub fn of(number: usize, case: std::sync::Arc<Case>) -> Result<Self, &'static str> {
        let upstream = Upstream::of(&case).ok_or("not a conversation")?;
        let frame = record::frame(&case);
        let failed = case.response.status >= 400;
        let asked_stream = case.has("stream") || case.has("stream-requested") || case.request.path.contains("stream");
        if frame == Frame::Json
            && asked_stream
            && !failed
            && upstream == Upstream::Gemini
            && !case.response.content_type().contains("event-stream")
        {
            return Err("a stream recorded without alt=sse, which is always asked for");
        }
        if frame == Frame::Json && asked_stream && !failed && !case.response.content_type().contains("event-stream") && case.has("stream") {
            return Err("a stream that is not recorded as one");
        }
        let body = &case.response.body;
        if upstream == Upstream::Gemini && case.has("stream") && body.windows(PARTIAL.len()).any(|window| window == PARTIAL) {
            return Err("calls in pieces, which Google sends only to those who ask for them");
        }
        let said = record::read(upstream, frame, body, case.response.status);
        let fate = fate(&case, &said, frame);
        let streams = frame != Frame::Json || asked_stream && failed;
        let wish = Wish::of(&case, upstream, &said);
        let usage = compare::usage(&case, upstream);
        let tear = if fate == Fate::Whole { tear::place(&case, frame) } else { None };
        let model = model(&case, upstream);
        Ok(Self { number, upstream, frame, said, usage, streams, fate, tear, wish, model, case })
    }

    /// The requests of a client.
    pub fn passes(&self, client: Client) -> Vec<Pass> {
        let torn: &[bool] = if self.tear.is_some() { &[false, true] } else { &[false] };
        torn.iter().flat_map(|torn| [false, true].map(|sdk| Pass { client, torn: *torn, sdk })).collect()
    }

    /// The name under which the replay serves the case.
    pub fn name(&self) -> String {
        format!("n{}", self.number)
    }

    /// What is asked of the replay, and the name of the provider and the route.
    pub fn served(&self, pass: Pass) -> (String, String) {
        let kind = self.upstream.kind(&self.case, pass.client);
        let split = if self.case.response.body.len() <= ODD_CUTS_BYTES { "1-9" } else { "16-600" };
        let spoiled = pass.torn || self.fate != Fate::Whole;
        if !spoiled {
            return (format!("{};split={split};seed=7", self.name()), format!("c{}-{kind}", self.number));
        }
        let seed = 100 + 10 * (pass.client as usize) + 2 * usize::from(pass.torn) + usize::from(pass.sdk);
        let tear = self.tear.filter(|_| pass.torn).map(|place| format!(";abort={place}")).unwrap_or_default();
        (format!("{};split={split};seed={seed}{tear}", self.name()), format!("c{}-{kind}-{seed}", self.number))
    }

    /// Adds the provider and route of a pass.
    pub fn set_up(&self, pass: Pass, setup: &mut Setup, replay: &Replay) {
        let (spec, name) = self.served(pass);
        setup.add(&name, self.upstream.kind(&self.case, pass.client), replay, &spec, &self.model);
    }

    /// Whether this client asks for the usage chunk: every other one.
    fn asks_usage(&self) -> bool {
        self.number.is_multiple_of(2)
    }

    /// The request of a pass, for the raw client.
    pub fn request(&self, pass: Pass, key: &str) -> Request {
        let name = self.served(pass).1;
        let body = self.wish.body(pass.client, &name, self.streams, self.asks_usage());
        let bearer = ("authorization".to_owned(), format!("Bearer {key}"));
        let (target, auth) = match pass.client {
            Client::Chat => ("/v1/chat/completions".to_owned(), vec![bearer]),
            Client::Responses => ("/v1/responses".to_owned(), vec![bearer]),
            Client::Messages => {
                let version = ("anthropic-version".to_owned(), "2023-06-01".to_owned());
                ("/v1/messages".to_owned(), vec![("x-api-key".to_owned(), key.to_owned()), version])
            }
            Client::Gemini => {
                let method = if self.streams { "streamGenerateContent?alt=sse" } else { "generateContent" };
                (format!("/v1beta/models/{}:{method}", segment(&name)), vec![("x-goog-api-key".to_owned(), key.to_owned())])
            }
        };
        let mut headers = auth;
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        Request { method: "POST".to_owned(), target, headers, body: body.to_string().into_bytes() }
    }

    /// The task of a pass, for the official library.
    pub fn task(&self, pass: Pass, base_url: &str, key: &str) -> Value {
        let name = self.served(pass).1;
        let body = self.wish.body(pass.client, &name, self.streams, self.asks_usage());
        json!({"base_url": base_url, "key": key, "dialect": pass.client.name(), "stream": self.streams, "model": name, "body": body})
    }

    /// Where the judge reads the recording otherwise than the reader of the corpus, who knew nothing of the judge.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let derived = &self.case.derived;
        let mut same = |what: &str, theirs: Option<usize>, ours: usize| {
            if theirs.is_some_and(|theirs| theirs != ours) {
                doubts.push(format!("the corpus reads {theirs:?} {what}, the judge {ours}"));
            }
        };
        let number = |name: &str| derived.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
        let calls = derived.get("tool_calls").and_then(Value::as_array);
        same("characters of text", number("text_chars"), self.said.text.chars().count());
        same("characters of reasoning", number("reasoning_chars"), self.said.reasoning.chars().count());
        same("calls", calls.map(Vec::len).or(Some(0)), self.said.calls.len());
        for (theirs, ours) in calls.into_iter().flatten().zip(&self.said.calls) {
            let theirs = (json::text(theirs, "/name"), serde_json::from_str::<Value>(json::text(theirs, "/arguments")).ok());
            if theirs.0 != ours.name || theirs.1.is_some() && theirs.1 != ours.json() {
                doubts.push(format!("the corpus reads the call {theirs:?}, the judge {ours:?}"));
            }
        }
        doubts
    }

    fn expected(&self, client: Client) -> Expected {
        Expected {
            client,
            native: client.is_native(self.upstream),
            said: self.said.clone(),
            usage: self.usage.clone(),
            tells_usage: client != Client::Chat || !self.streams || self.asks_usage(),
        }
    }

    /// What must come of a pass.
    pub fn fate_of(&self, pass: Pass) -> Fate {
        match self.tear.filter(|_| pass.torn) {
            None => self.fate.clone(),
            Some(place) => {
                let before = tear::before(&self.case, self.upstream, self.frame, place);
                if before.stop.is_some() || before.complete { Fate::Either } else { Fate::Broken }
            }
        }
    }

    /// Judges the raw answer.
    pub fn judge(&self, pass: Pass, reply: &Reply, seen: &[Seen], findings: &mut Findings) {
        let expected = self.expected(pass.client);
        let fate = self.fate_of(pass);
        let native = expected.native;
        if reply.header("x-fluxa-provider").is_none() {
            findings.fail("no x-fluxa-provider");
        }
        match seen {
            [seen] => {
                let dropped = reply.header("x-fluxa-dropped").unwrap_or_default();
                vendor_side::judge((pass.client, self.upstream), self.streams, &self.wish, seen, dropped, findings);
            }
            _ => findings.fail(format!(
                "the vendor was asked {} times: {} {}",
                seen.len(),
                reply.status,
                json::clip(&String::from_utf8_lossy(&reply.body))
            )),
        }
        if reply.status >= 400 {
            let message =
                self.said.error.as_ref().map(|told| told.message.as_str()).or(self.case.error_message.as_deref()).unwrap_or_default();
            match &fate {
                Fate::Refused(refusal) => refused::judge(pass.client, native, refusal, message, reply, findings),
                Fate::Either => refused::judge(pass.client, native, &Refusal::InOk, "", reply, findings),
                Fate::Broken if self.may_refuse(pass) => {
                    refused::judge(pass.client, native, &Refusal::InOk, "", reply, findings);
                }
                Fate::Whole if self.is_nothing() => findings.rule("an answer with nothing in it may be an error"),
                fate => findings.fail(format!("{fate:?} became {}: {}", reply.status, json::clip(&String::from_utf8_lossy(&reply.body)))),
            }
            return;
        }
        let heard = if native {
            let said = record::read(self.upstream, self.frame, &reply.body, reply.status);
            let usage = None;
            answer::Heard { said: Said { usage, ..said }, faults: Vec::new() }
        } else {
            answer::read(pass.client, self.streams, self.asks_usage(), &reply.body)
        };
        findings.failures.extend(heard.faults.into_iter().map(|fault| format!("grammar: {fault}")));
        let expected = if native { Expected { tells_usage: false, ..expected } } else { expected };
        self.judge_said(&fate, &expected, &heard.said, "raw", findings);
        if heard.said.error.is_some() && heard.said.complete {
            findings.fail("an error, and then an end as if nothing were");
        }
    }

    /// Judges what the official library made of it.
    pub fn judge_sdk(&self, pass: Pass, said: &Said, findings: &mut Findings) {
        let expected = self.expected(pass.client);
        let fate = self.fate_of(pass);
        if let (Fate::Refused(refusal), Some(told)) = (&fate, &said.error) {
            // An error in a native 200 is the vendor's own bytes.
            if told.status.is_none() && *refusal != Refusal::InOk {
                findings.fail(format!("sdk: the error has no status: {}", json::clip(&told.message)));
            }
            return;
        }
        if expected.native && fate == Fate::Whole {
            // The bytes were judged already; what else the library makes of them is the vendor's doing.
            let mut own = Findings::default();
            self.judge_said(&fate, &expected, said, "sdk", &mut own);
            if !own.failures.is_empty() {
                findings.notes.append(&mut own.failures);
                findings.rule("the vendor's own bytes, passed through, mean something else to the official library");
            }
            return;
        }
        self.judge_said(&fate, &expected, said, "sdk", findings);
    }

    fn judge_said(&self, fate: &Fate, expected: &Expected, said: &Said, via: &str, findings: &mut Findings) {
        match (fate, &said.error) {
            (Fate::Whole, None) => compare::judge(expected, said, via, findings),
            (Fate::Whole, Some(_)) if self.is_nothing() => findings.rule("an answer with nothing in it may be an error"),
            (Fate::Whole, Some(told)) => findings.fail(format!("{via}: an error {:?} instead of the answer", json::clip(&told.message))),
            (Fate::Broken | Fate::Either, Some(_)) => compare::judge_beginning(expected, said, via, findings),
            (Fate::Broken, None) => findings.fail(format!("{via}: a broken stream came as a whole answer")),
            (Fate::Either, None) => {
                findings.rule("an end and an error, or an end that lacks its last event: an answer or an error");
                compare::judge_beginning(expected, said, via, findings);
            }
            (Fate::Refused(Refusal::InOk), _) if expected.native => {
                findings.rule("an error in a 200 is passed in the vendor's own dialect");
            }
            (Fate::Refused(Refusal::InOk), Some(told)) => {
                let message = self.said.error.as_ref().map(|told| told.message.as_str()).unwrap_or_default();
                if via == "raw" && !message.is_empty() && !told.message.contains(message.get(..message.len().min(16)).unwrap_or(message)) {
                    findings.fail(format!("the vendor's message {:?} is not in {:?}", json::clip(message), json::clip(&told.message)));
                }
            }
            (Fate::Refused(refusal), _) => findings.fail(format!("{via}: {refusal:?} came as an answer")),
        }
    }

    /// Nothing was said before the break, so that a status can still tell it.
    fn may_refuse(&self, pass: Pass) -> bool {
        match self.tear.filter(|_| pass.torn) {
            Some(place) => tear::before(&self.case, self.upstream, self.frame, place).is_empty(),
            None => self.said.is_empty(),
        }
    }

    /// Blocked or malformed, and nothing was said.
    fn is_nothing(&self) -> bool {
        self.said.is_empty() && matches!(self.said.stop, Some(Stop::Filter | Stop::Malformed | Stop::Other) | None)
    }
}

fn fate(case: &Case, said: &Said, frame: Frame) -> Fate {
    let status = case.response.status;
    if matches!(status, 401 | 403) || status == 400 && refused::is_bad_key(&case.response.body) {
        return Fate::Refused(Refusal::OurKey);
    }
    if status >= 400 {
        return Fate::Refused(Refusal::Vendor(status));
    }
    match (frame, &said.error) {
        // What was said before the error is said; no dialect has both in one answer.
        (Frame::Json, Some(_)) if !said.is_empty() => Fate::Either,
        (Frame::Json, Some(_)) => Fate::Refused(Refusal::InOk),
        (_, Some(_)) if said.is_empty() => Fate::Refused(Refusal::InOk),
        (_, Some(_)) => Fate::Broken,
        (_, None) if said.complete => Fate::Whole,
        // The reason was said, and the last event is missing.
        (_, None) if said.stop.is_some() => Fate::Either,
        (_, None) if said.is_empty() => Fate::Refused(Refusal::InOk),
        (_, None) => Fate::Broken,
    }
}

/// The model of a recording: in the request, in its path, or in the answer.
fn model(case: &Case, upstream: Upstream) -> String {
    const NO_MODEL: &str = "recorded-model";
    let path = case.request.path.split('?').next().unwrap_or_default();
    let in_path = match upstream {
        Upstream::Gemini => path.rsplit_once("models/").and_then(|(_, rest)| rest.split(':').next()),
        Upstream::Converse => path.split_once("/model/").and_then(|(_, rest)| rest.rsplit_once('/')).map(|(model, _)| model),
        _ => None,
    };
    let body = case.request.body.as_deref().and_then(|body| serde_json::from_slice::<Value>(body).ok()).unwrap_or_default();
    let named = [json::text(&body, "/model"), in_path.unwrap_or_default(), case.model.as_deref().unwrap_or_default(), NO_MODEL];
    let model = named.into_iter().find(|model| !model.is_empty()).unwrap_or(NO_MODEL);
    model.replace("%3A", ":").replace("%3a", ":").replace("%2F", "/").replace("%2f", "/")
}
