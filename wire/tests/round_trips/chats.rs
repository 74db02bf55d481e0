//! Conversations at random.

use fluxa_wire::neutral::{
    CacheMark, Chat, Format, Media, MediaKind, Origin, Part, Role, Sampling, Signature, Source, Text, Thinking, Tool, ToolCall, ToolChoice,
    ToolResult, Turn,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

fn words() -> impl Strategy<Value = String> {
    "[a-zäß漢\"\\\\ ]{0,12}[a-z]"
}

fn media() -> impl Strategy<Value = Part> {
    // The first letter keeps the bytes from looking like those of another format.
    let data = || "[a-c][A-Za-z0-9+/]{7}";
    prop_oneof![
        3 => (data(), prop_oneof![Just("image/png"), Just("image/webp"), Just("image/jpeg")])
            .prop_map(|(data, mime)| (MediaKind::Image, Source::Inline { mime: mime.into(), data }, None)),
        1 => "[a-z]{3}".prop_map(|name| (MediaKind::Image, Source::Url { mime: None, url: format!("https://pictures.example/{name}.png") }, None)),
        1 => "[A-Za-z0-9+/]{2}".prop_map(|data| {
            (MediaKind::Document, Source::Inline { mime: "application/pdf".into(), data: format!("JVBERi{data}") }, Some(String::from("plan.pdf")))
        }),
        1 => words().prop_map(|text| (MediaKind::Document, Source::Text(text), None)),
    ]
    .prop_map(|(kind, source, name)| Part::Media(Media { name, ..Media::new(kind, source) }))
}

fn picture() -> impl Strategy<Value = Part> {
    "[a-c][A-Za-z0-9+/]{7}".prop_map(|data| Part::Media(Media::new(MediaKind::Image, Source::Inline { mime: "image/png".into(), data })))
}

/// Marks that no other text of a conversation looks like; standard base64, as Gemini's must be.
fn mark(origin: Origin) -> impl Strategy<Value = Signature> {
    let begin = if origin == Origin::Gemini { "GGGG" } else { "KKKK" };
    "[A-Za-z0-9+/]{12}".prop_map(move |rest| Signature::new(origin, format!("{begin}{rest}")))
}

fn thought() -> impl Strategy<Value = Part> {
    let mark = prop_oneof![mark(Origin::Anthropic), mark(Origin::Gemini)];
    let shown = (words(), mark).prop_map(|(text, mark)| Part::Thinking(Thinking { text, signature: Some(mark) }));
    prop_oneof![3 => shown, 1 => self::mark(Origin::Anthropic).prop_map(Part::Redacted)]
}

#[derive(Clone, Debug)]
struct Called {
    value: String,
    count: i64,
    answer: String,
    picture: Option<Part>,
    failed: bool,
}

fn called() -> impl Strategy<Value = Called> {
    (words(), any::<i64>(), words(), option::weighted(0.2, picture()), any::<bool>())
        .prop_map(|(value, count, answer, picture, failed)| Called { value, count, answer, picture, failed })
}

/// What the user says, what the assistant thinks, says and calls, whether its first call is signed, and whether the results
/// come in the order of the calls, and what the system says after the user.
type Round = ((String, Vec<Part>), Option<Part>, Option<String>, Vec<Called>, Option<Signature>, bool, Option<String>);

fn round() -> impl Strategy<Value = Round> {
    let said = (words(), vec(prop_oneof![words().prop_map(Part::text), media()], 0..3));
    (
        said,
        option::of(thought()),
        option::of(words()),
        vec(called(), 0..4),
        option::of(prop_oneof![mark(Origin::Gemini), mark(Origin::OpenAi)]),
        any::<bool>(),
        option::weighted(0.2, words()),
    )
}

fn tools() -> Vec<Tool> {
    let schema = json!({"type": "object", "properties": {"x": {"type": "string"}, "n": {"type": "integer"}}});
    ["first_tool", "second-tool"]
        .map(|name| Tool { name: name.into(), description: Some("d".into()), schema: Some(schema.clone()), ..Tool::default() })
        .into()
}

pub(super) fn chats() -> impl Strategy<Value = Chat> {
    (vec(words(), 0..3), vec(round(), 1..4)).prop_map(|(system, rounds)| {
        let mut turns: Vec<Turn> = Vec::new();
        let mut results: Vec<Part> = Vec::new();
        for (at, ((first, said), thought, answered, calls, signed, in_order, told)) in rounds.into_iter().enumerate() {
            // Results stand alone or before what else is said.
            let mut user = std::mem::take(&mut results);
            user.push(Part::text(first));
            user.extend(said);
            turns.push(Turn::new(Role::User, user));
            // Instructions in the middle.
            turns.extend(told.map(|text| Turn::new(Role::System, vec![Part::text(text)])));
            let mut parts: Vec<Part> = thought.into_iter().collect();
            parts.extend(answered.map(Part::text));
            for (number, call) in calls.into_iter().enumerate() {
                let id = format!("call_{at}_{number}");
                let name = String::from(if number % 2 == 0 { "first_tool" } else { "second-tool" });
                let arguments = json!({"x": call.value, "n": call.count}).to_string();
                let signature = signed.clone().filter(|_| number == 0);
                parts.push(Part::Call(ToolCall { id: id.clone(), name: name.clone(), arguments, signature, cache: None }));
                let mut content = vec![Part::text(call.answer)];
                content.extend(call.picture);
                results.push(Part::Result(ToolResult { id, name: Some(name), content, is_error: call.failed, cache: None }));
            }
            if !in_order {
                results.reverse();
            }
            if parts.iter().all(|part| matches!(part, Part::Thinking(_) | Part::Redacted(_))) {
                parts.push(Part::text("yes"));
            }
            turns.push(Turn::new(Role::Assistant, parts));
        }
        results.push(Part::text("go on"));
        turns.push(Turn::new(Role::User, results));
        Chat { system: system.into_iter().map(Text::new).collect(), turns, tools: tools(), max_output: Some(4_000), ..Chat::default() }
    })
}

/// Bedrock takes nothing at an address.
pub(super) fn without_addresses(mut chat: Chat) -> Chat {
    for media in chat.remote_media() {
        media.source = Source::Inline { mime: "image/png".into(), data: "aaaaAAAA".into() };
    }
    chat
}

pub(super) fn settings() -> impl Strategy<Value = Chat> {
    let choice = prop_oneof![Just(ToolChoice::Auto), Just(ToolChoice::Required), Just(ToolChoice::Named("second-tool".into()))];
    let format = prop_oneof![
        Just(Format::Json),
        "[a-z]{1,6}".prop_map(|name| Format::Schema {
            name: None,
            description: None,
            schema: json!({"type": "object", "properties": {name: {"type": "string"}}}),
            strict: None,
        }),
    ];
    let sampling = (option::of(0..=4_u32), option::of(any::<i32>()));
    (option::of(choice), 100..9_000_u64, sampling, vec("[A-Z]{2,6}", 0..4), option::of(format), any::<bool>()).prop_map(
        |(tool_choice, bound, (temperature, seed), stop, format, marked)| {
            let system = Text { cache: marked.then(CacheMark::default), ..Text::new("s") };
            // A form of the answer is asked of some models by a forced tool.
            let tools = if format.is_some() { Vec::new() } else { tools() };
            Chat {
                system: vec![system],
                turns: vec![Turn::new(Role::User, vec![Part::text("q")])],
                tool_choice: tool_choice.filter(|_| !tools.is_empty()),
                tools,
                max_output: Some(bound),
                sampling: Sampling {
                    temperature: temperature.map(|n| f64::from(n) / 4.0),
                    seed: seed.map(i64::from),
                    ..Sampling::default()
                },
                stop,
                // Claude is asked for a form in ways of its own.
                format,
                ..Chat::default()
            }
        },
    )
}
