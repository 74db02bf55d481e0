//! The life of one call. Read this first.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fluxa_domain::cache::CachePolicy;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::key::KeyRecord;
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_wire::body::fields::Field;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderName};

use crate::admission::{self, Priced, Wanted};
use crate::call::Call;
use crate::dispatch::{self, Chance, Errand, Reply};
use crate::guard::{self, Guard};
use crate::hearing;
use crate::http::{Inbound, key_query, token};
use crate::kept_answers::{self, Found, Looked, Question};
use crate::scopes::{CallScopes, Groups};
use crate::size::Size;
use crate::snapshot::{View, Way};
use crate::tags;
use crate::worker::Worker;

/// Why a call was stopped, and what to say beside the error.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) refusal: Refusal,
    pub(crate) headers: Vec<(HeaderName, String)>,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, headers: Vec::new() }
    }
}

impl From<admission::Turned> for Stop {
    fn from(turned: admission::Turned) -> Self {
        Self { refusal: turned.refusal, headers: turned.headers }
    }
}

/// Takes a call from its head to its answer. The body of a streamed answer flows afterwards, metered and settled at its end.
pub(crate) async fn handle(worker: &Rc<Worker>, call: &mut Call, inbound: Inbound) -> Result<Reply, Stop> {
    let gateway = Arc::clone(&worker.gateway);
    let now = call.entry.at;
    let Inbound { parts, body, dialect, op, path, ip } = inbound;

    // Who asks: headers only, a stranger's body is never read.
    let token = token(&parts.headers, key_query(&parts.uri), dialect);
    let (access, revision) = gateway.keys.identify(&gateway.store, token, now).await?;
    let view = gateway.view_since(revision).await;
    call.belongs_to(&access, view.revision);
    access.key.may_enter(ip, now)?;
    let groups = Groups::of(&view, &access.key);
    groups.may_enter()?;
    let mut tags = tags::of_header(&parts.headers)?;

    // What is asked.
    let mut body = crate::body::read(&parts.headers, body, gateway.settings.max_body_bytes).await?;
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut outline = read_outline(&parts.method, dialect, op, content_type, &body)?;
    let named = crate::http::gemini_call(dialect, &path);
    if let Some(method) = &named {
        outline.stream = Some(Field { span: 0..0, value: method.stream });
    }
    let model = named.as_ref().map_or_else(|| outline.model_name().unwrap_or_default().to_owned(), |method| method.model.clone());
    let model = model.as_str();
    if op != Op::Other && model.is_empty() {
        return Err(Refusal::new(RefusalKind::InvalidRequest, "the request names no model").param("model").into());
    }
    model.clone_into(&mut call.entry.model);
    call.entry.stream = outline.wants_stream();
    call.service_tier.clone_from(&outline.service_tier);
    let route = view.routes.find(model);
    call.guard = Guard::of(&view, &gateway.settings, &access.key, groups, route)?.map(Box::new);
    if let Some(guard) = call.guard.as_mut().filter(|_| route.is_none_or(|route| route.model.contains('*'))) {
        // A call may end before its texts are looked at.
        call.entry.model = guard.for_the_row(model);
    }
    groups.label(&mut call.entry);
    // Where there is a guard, only what it has seen is written down.
    let stores = gateway.settings.store_content;
    if call.guard.is_none() {
        note(call, &mut tags, (op, &outline), &body, stores);
    }
    access.key.may_use(model)?;
    groups.may_use(model)?;
    let scopes = worker.scopes.of(&access.key, groups, view.revision, model, now);

    // Where to, in which order, and at which price.
    let prefix = route.filter(|route| route.prompt_affinity).map(|_| crate::prompt_prefix::hash(&body));
    let chance = Chance { roll: worker.roll(), prefix, now };
    let mut plan = dispatch::plan(&view, &parts.headers, op, dialect, model, chance)?;
    let mut resumed = None;
    if op == Op::Responses && outline.previous_response {
        resumed = Box::pin(hearing::resume(&gateway, &access.key.id, &body, now, &mut plan)).await?;
        if let Some(whole) = &resumed {
            body = whole.body.clone();
            outline = read_outline(&parts.method, dialect, op, content_type, &body)?;
        }
    }
    let mut said = None;
    if let Some(mut guard) = call.guard.take() {
        let model_is_known = route.is_some_and(|route| !route.model.contains('*'));
        let asked = guard::Asked { parts: &parts, path: &path, dialect, op, content_type, body: &body, model, model_is_known };
        let judged = guard.request(&asked);
        tags.values_mut().for_each(|tag| *tag = guard.for_the_row(tag));
        if judged.is_err() {
            call.entry.model = guard.for_the_row(model);
        }
        call.entry.firewall = guard.hits();
        call.guard = Some(guard);
        if let Some(edited) = judged? {
            // The question of what was answered before is what the client asked: its own values come back in the answer.
            said = Some(std::mem::replace(&mut body, edited));
            outline = read_outline(&parts.method, dialect, op, content_type, &body)?;
            if let Some(method) = &named {
                outline.stream = Some(Field { span: 0..0, value: method.stream });
            }
        }
        note(call, &mut tags, (op, &outline), &body, stores);
    }
    let mut heard = hearing::hear((dialect, op), &body, (model, outline.wants_stream()), &mut plan)?;
    if let (Some(heard), Some(resumed)) = (&mut heard, resumed) {
        heard.repeat.insert(String::from("previous_response_id"), resumed.id.into());
    }
    let (plan, targets) = price(&gateway, &view, &scopes, may_cost(&parts.method, op), plan, now)?;

    // What was answered before is given again.
    let guard = call.guard.as_deref();
    let asked = said.as_ref().filter(|_| guard.is_some_and(Guard::has_stand_ins)).unwrap_or(&body);
    let rules = guard.map(Guard::fingerprint);
    let question = Question { dialect, op, uri: &parts.uri, headers: &parts.headers, body: asked, rules };
    match kept_answers::look(worker, cache_policy(&view, &access.key), &access.key, question).await {
        Looked::Off => {}
        Looked::Bypass => call.found = Some(Found::Bypass),
        Looked::Miss(keep) => (call.found, call.keep_answer) = (Some(Found::Miss), Some(Box::new(keep))),
        Looked::Hit(kept) => {
            let admitted = admission::admit_kept(&gateway, call, &access.key, &scopes).await?;
            return Ok(Reply::given_again(call, admitted, *kept));
        }
    }

    // May they spend it.
    let size = Size::of(op, &outline, &body, admission::reserves_most(&access.key, &scopes));
    call.input_likely = size.input_likely;
    call.output_likely = size.output_likely();
    (call.absurd_input, call.absurd_output) = (size.absurd_input(), size.absurd_output());
    let first = plan.first().map_or(("", ""), |target| (target.provider.record.name.as_str(), target.model.as_str()));
    let may_cost = may_cost(&parts.method, op);
    let wanted = Wanted { key: &access.key, scopes: &scopes, size, targets: &targets, first, may_cost };
    let admitted = admission::admit(&gateway, call, &wanted).await?;
    call.hold_reservation();

    // The only calls to vendors; the first byte of an answer commits to it.
    let errand = Errand {
        parts: &parts,
        path: &path,
        content_type,
        body: &body,
        outline: &outline,
        heard,
        inlined: std::cell::OnceCell::new(),
        prefix,
        keeps: op == Op::Responses,
        admitted,
    };
    let answering = dispatch::first_answer(worker, call, &errand, &plan, &targets);
    let answered = match route.and_then(|route| route.timeout_ms) {
        None => answering.await,
        Some(within_ms) => within(within_ms, Box::pin(answering)).await,
    };
    if answered.is_err() && op == Op::CountTokens && plan.iter().any(|target| target.way == Way::Translated) {
        return Ok(Reply::estimated_count(call, admitted, size.input_likely));
    }
    answered.map_err(|mut stop| {
        stop.headers.extend(crate::head::standing_lines(&admitted.standing));
        stop
    })
}

/// Writes down what the request brings: its tags, and itself where the operator wants that.
fn note(
    call: &mut Call,
    tags: &mut std::collections::BTreeMap<String, String>,
    (op, outline): (Op, &fluxa_wire::body::fields::Outline),
    body: &[u8],
    stores: bool,
) {
    if stores {
        call.entry.request_body = String::from_utf8(body.to_vec()).ok();
    }
    tags::add_of_body(tags, op, outline, body);
    call.entry.tags.append(tags);
}

/// How the answers to this key's calls are kept: as it says, else as its team says.
fn cache_policy(view: &View, key: &KeyRecord) -> Option<CachePolicy> {
    key.cache.or_else(|| view.teams.get(key.team.as_deref()?)?.cache)
}

/// A route's bound for the whole call, up to the first byte of the answer.
async fn within(ms: u64, answering: impl Future<Output = Result<Reply, Stop>>) -> Result<Reply, Stop> {
    let answered = tokio::time::timeout(Duration::from_millis(ms), answering).await;
    answered.unwrap_or_else(|_| {
        Err(Refusal::new(RefusalKind::UpstreamTimeout, format!("no answer within the {ms} ms that the route allows")).into())
    })
}

/// Reads the outline of a body, where the operation has one.
fn read_outline(
    method: &Method,
    dialect: Dialect,
    op: Op,
    content_type: &str,
    body: &[u8],
) -> Result<fluxa_wire::body::fields::Outline, Refusal> {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    let is_form = media.eq_ignore_ascii_case("multipart/form-data");
    let is_json = media.is_empty() || media.eq_ignore_ascii_case("application/json") || media.to_ascii_lowercase().ends_with("+json");
    let malformed = |error: fluxa_wire::body::malformed::Malformed| {
        let param = error.field();
        let refusal = Refusal::new(RefusalKind::InvalidRequest, error.to_string());
        param.map_or(refusal.clone(), |param| refusal.param(param))
    };
    let outline = if is_form {
        fluxa_wire::body::multipart::outline(content_type, body).map_err(malformed)?
    } else if op == Op::Other && (body.is_empty() || !is_json || *method == Method::GET || *method == Method::DELETE) {
        return Ok(fluxa_wire::body::fields::Outline::default());
    } else if is_json {
        fluxa_wire::body::outline::outline(body).map_err(malformed)?
    } else {
        let text = format!("content-type \"{}\" is not supported here: send application/json", printable(media));
        return Err(Refusal::new(RefusalKind::InvalidRequest, text).with_status(415));
    };
    // Gemini's clients name the model in the path; what their body calls so is not edited.
    Ok(if dialect == Dialect::Gemini { fluxa_wire::body::fields::Outline { model: None, ..outline } } else { outline })
}

/// Whether a vendor may charge for a call. What is only looked at or deleted (files, responses) costs nothing.
fn may_cost(method: &Method, op: Op) -> bool {
    op != Op::CountTokens && !matches!(*method, Method::GET | Method::HEAD | Method::DELETE)
}

/// Puts a price beside each target, and drops the targets that the policy on unpriced models refuses.
fn price(
    gateway: &crate::running::Gateway,
    view: &crate::snapshot::View,
    scopes: &CallScopes,
    may_cost: bool,
    plan: Vec<dispatch::Target>,
    now: fluxa_domain::time::Micros,
) -> Result<(Vec<dispatch::Target>, Vec<Priced>), Refusal> {
    let policy = &gateway.settings.unpriced;
    let refuses = may_cost && admission::refuses_unpriced(scopes, policy);
    let mut kept = (Vec::with_capacity(plan.len()), Vec::with_capacity(plan.len()));
    let mut unpriced = String::new();
    for target in plan {
        let record = &target.provider.record;
        let price = admission::price_of(view.prices.find(&record.kind, &record.name, &target.model, now), policy);
        if price.is_none() && refuses {
            unpriced = format!("{}/{}", record.name, target.model);
            continue;
        }
        kept.0.push(target);
        kept.1.push(Priced { price });
    }
    if kept.0.is_empty() {
        let text = format!("no price is known for \"{unpriced}\", and this key has a dollar budget: add a price, or use another model");
        return Err(Refusal::new(RefusalKind::ModelUnpriced, text).param("model"));
    }
    Ok(kept)
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(64).collect()
}
