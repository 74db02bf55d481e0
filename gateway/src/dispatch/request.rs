//! The request as one target wants it: the client's own bytes with some edits, or the same said in another dialect.

use bytes::Bytes;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::vendors::{Path, Quirk, Style};
use fluxa_wire::address::AddressStyle;
use fluxa_wire::body::edit::{self, Edit};
use fluxa_wire::body::fields::Outline;
use fluxa_wire::neutral::Dropped;
use fluxa_wire::refused_field::Mend;
use fluxa_wire::upstream::{Said, Target as Addressee, Unsayable};

use super::{Errand, Target};
use crate::call::Call;
use crate::dialects;
use crate::snapshot::{Door, ProviderView, Way};

/// The `api-version` of Azure's classic addresses where the operator names none.
const AZURE_API_VERSION: &str = "2024-10-21";

/// A request as a target wants it.
pub(super) struct Prepared {
    pub(super) target: String,
    pub(super) body: Bytes,
    /// We asked for the usage account, the client did not.
    pub(super) hide_usage: bool,
    /// `stream_options` goes out, and is all ours.
    pub(super) added_options: bool,
    /// Headers that belong to the body.
    pub(super) headers: Vec<(&'static str, String)>,
    /// Set where the request was translated.
    pub(super) spoken: Option<Spoken>,
    /// How the body was mended.
    pub(super) mends: Vec<Mend>,
}

/// What a translation has to remember.
pub(super) struct Spoken {
    pub(super) said: Said,
    pub(super) dropped: Vec<Dropped>,
}

impl Prepared {
    /// Changes the body as the vendor wants it.
    pub(super) fn mend(&mut self, mends: &[Mend]) {
        for mend in mends {
            self.body = mend.apply(&self.body);
        }
        self.mends.extend_from_slice(mends);
    }
}

/// The request for `target`, through `door`.
///
/// # Errors
/// When the target's dialect cannot say what is asked.
pub(super) fn prepare(call: &Call, errand: &Errand<'_>, target: &Target, door: &Door, without_usage: bool) -> Result<Prepared, Unsayable> {
    match (target.way, &errand.heard) {
        (Way::Translated, Some(heard)) => translated(call, errand, target, door, without_usage, heard),
        _ => Ok(native(call, errand, target, door, without_usage)),
    }
}

fn native(call: &Call, errand: &Errand<'_>, target: &Target, door: &Door, without_usage: bool) -> Prepared {
    let provider = &target.provider;
    let outline = errand.outline;
    let (style, deployment, api_version) = address(provider, door, call.op, &target.model);
    let own_path = provider.vendor.path_at(&provider.record, call.op);
    let path = match own_path {
        Some(Path::Below(path) | Path::Origin(path)) => path,
        Some(Path::At(_)) => "",
        None if style == AddressStyle::Gemini => errand.path.rsplit(':').next().unwrap_or_default(),
        None => errand.path,
    };
    let base_path = if matches!(own_path, Some(Path::Origin(_))) { "" } else { door.base_path.as_str() };
    let query = errand.parts.uri.query().map(crate::pass_path::without_key);
    let mut target_path =
        fluxa_wire::address::target(style, base_path, path.trim_start_matches('/'), deployment, query.as_deref(), api_version);
    if path.is_empty() {
        target_path.truncate(target_path.trim_end_matches('/').len());
    }
    let mut edits = Vec::new();
    let model_sent = if style == AddressStyle::ResourceV1 { deployment } else { target.model.as_str() };
    if !model_sent.is_empty() && outline.model_name().is_some_and(|named| named != model_sent) {
        edits.extend(edit::set_model(outline, model_sent));
    }
    let refused = without_usage || provider.state.refuses_stream_options(&target.model, call.entry.at);
    let (hide_usage, added_options) = stream_options(call, provider, outline, refused, &mut edits);
    if let Some(cap) = errand.admitted.output_cap {
        edits.extend(crate::output_bound::cap(call.op, outline, provider.vendor.max_tokens_field(call.op, &target.model), cap));
    }
    // Edits touch different fields, so they cannot clash; if they ever did, the client's own bytes are the safe choice.
    let body = edit::apply(errand.body, edits).unwrap_or_else(|_| errand.body.clone());
    Prepared { target: target_path, body, hide_usage, added_options, headers: Vec::new(), spoken: None, mends: Vec::new() }
}

fn translated(
    call: &Call,
    errand: &Errand<'_>,
    target: &Target,
    door: &Door,
    without_usage: bool,
    heard: &fluxa_wire::client::Heard,
) -> Result<Prepared, Unsayable> {
    let provider = &target.provider;
    let vendor = provider.vendor;
    let op = dialects::translated_op(door.dialect);
    let refused = without_usage || provider.state.refuses_stream_options(&target.model, call.entry.at);
    let ask_usage = !refused && !vendor.has(Quirk::NoStreamOptions) && !vendor.has(Quirk::UsageUnasked);
    let (style, deployment, api_version) = address(provider, door, op, &target.model);
    let model_sent = if style == AddressStyle::ResourceV1 { deployment } else { target.model.as_str() };
    let addressee = Addressee {
        model: model_sent,
        quirks: vendor.quirks,
        max_tokens_field: vendor.max_tokens_field(op, &target.model),
        max_output: call.price.as_ref().and_then(|row| row.max_output),
        ask_usage,
    };
    let upstream = dialects::upstream(door.dialect);
    let chat = if fetches_nothing(door.dialect) { errand.inlined.get().map_or(&heard.chat, |chat| &**chat) } else { &heard.chat };
    let written = match errand.admitted.output_cap {
        Some(cap) if chat.max_output.is_none_or(|asked| asked > cap) => {
            let capped = fluxa_wire::neutral::Chat { max_output: Some(cap), ..chat.clone() };
            upstream.write(&capped, &addressee)?
        }
        _ => upstream.write(chat, &addressee)?,
    };
    let stream = chat.stream;
    let counts = call.op == Op::CountTokens;
    let (path, query) = match door.dialect {
        Dialect::Anthropic if counts => ("messages/count_tokens", None),
        Dialect::Gemini if counts => ("countTokens", None),
        Dialect::Bedrock if counts => ("count-tokens", None),
        Dialect::OpenAi => (vendor.path_at(&provider.record, op).map_or("chat/completions", below), None),
        Dialect::Anthropic => ("messages", None),
        Dialect::Gemini if stream => ("streamGenerateContent", Some("alt=sse")),
        Dialect::Gemini => ("generateContent", None),
        Dialect::Bedrock if stream => ("converse-stream", None),
        Dialect::Bedrock => ("converse", None),
    };
    let target_path = fluxa_wire::address::target(style, &door.base_path, path.trim_start_matches('/'), deployment, query, api_version);
    let body = if counts {
        let nobody = || Unsayable { what: String::from("this provider does not count tokens"), param: None };
        fluxa_wire::count_tokens::ask(door.dialect, &written.body, model_sent).ok_or_else(nobody)?
    } else {
        written.body
    };
    let mut dropped = heard.dropped.clone();
    for name in written.dropped {
        if !dropped.contains(&name) {
            dropped.push(name);
        }
    }
    Ok(Prepared {
        target: target_path,
        body,
        hide_usage: false,
        added_options: ask_usage && stream && door.dialect == Dialect::OpenAi,
        headers: written.headers,
        spoken: Some(Spoken { said: written.said, dropped }),
        mends: Vec::new(),
    })
}

/// Vendors of this dialect want media in the request itself.
pub(super) const fn fetches_nothing(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::Gemini | Dialect::Bedrock)
}

const fn below(path: Path) -> &'static str {
    match path {
        Path::Below(path) | Path::Origin(path) => path,
        Path::At(_) => "chat/completions",
    }
}

fn address<'a>(provider: &'a ProviderView, door: &Door, op: Op, model: &'a str) -> (AddressStyle, &'a str, Option<&'a str>) {
    match door.style {
        Style::AnthropicV1 => (AddressStyle::AnthropicV1, model, None),
        Style::Azure => {
            let deployment = provider.record.deployments.get(model).map_or(model, String::as_str);
            let version = provider.record.api_version.as_deref();
            let unified =
                matches!(version, Some("v1" | "preview" | "latest")) || matches!(op, Op::Responses | Op::Other) || model.is_empty();
            if unified {
                (AddressStyle::ResourceV1, deployment, version.filter(|version| matches!(*version, "v1" | "preview" | "latest")))
            } else {
                (AddressStyle::Deployment, deployment, Some(version.unwrap_or(AZURE_API_VERSION)))
            }
        }
        Style::Gemini if !model.is_empty() => (AddressStyle::Gemini, model, None),
        Style::Bedrock if !model.is_empty() => (AddressStyle::Bedrock, model, None),
        Style::Plain | Style::Gemini | Style::Bedrock => (AddressStyle::Plain, model, None),
    }
}

/// Asks for the usage account of a stream where the vendor takes that, and takes the field out where it does not.
/// Says whether the account is to be hidden, and whether the whole field is ours.
fn stream_options(call: &Call, provider: &ProviderView, outline: &Outline, refused: bool, edits: &mut Vec<Edit>) -> (bool, bool) {
    let streams_chat = call.dialect == Dialect::OpenAi && matches!(call.op, Op::Chat | Op::Completions) && outline.wants_stream();
    let sent = outline.stream_options.is_some();
    if provider.vendor.has(Quirk::NoStreamOptions) || refused {
        if sent {
            edits.extend(edit::drop_stream_options(outline));
        }
        return (false, false);
    }
    if !streams_chat || outline.wants_usage() || provider.vendor.has(Quirk::UsageUnasked) {
        return (false, false);
    }
    edits.extend(edit::ask_usage(outline));
    (true, !sent)
}
