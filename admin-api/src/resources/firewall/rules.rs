//! `/admin/firewall/rules`: the built-in rules, to be read, and the operator's own. A new or edited rule only observes until its
//! mode is `enforce`; a rule that cannot be used, or would slow every call down, is refused when it is saved.

mod body;

use fluxa_domain::change::Change;
use fluxa_domain::firewall::{Find, RuleRecord};
use fluxa_firewall::Ruleset;
use fluxa_firewall::ruleset::RuleInfo;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{CUSTOM, speed, treatments};
use crate::answer::{self, Answer, segment};
use crate::problem::Problem;
use crate::query::page_by_name;
use crate::serve::Errand;
use crate::show::members;

/// GET: all, by name. Word lists are only counted.
pub(crate) async fn list(errand: Errand) -> Answer {
    let ask = errand.query.page()?;
    let (pack, built_in) = (errand.query.text("pack"), errand.query.flag("built_in")?);
    let ours = Ruleset::built_in();
    let own = errand.store().firewall_rules().await?;
    let rows = ours.rules().iter().map(built_in_view).chain(own.iter().map(summary));
    let rows = rows.filter(|row| built_in.is_none_or(|wanted| row.get("built_in") == Some(&Value::Bool(wanted))));
    let in_pack = |row: &Map<String, Value>, pack: &str| {
        row.get("packs").and_then(Value::as_array).is_some_and(|packs| packs.iter().any(|name| name.as_str() == Some(pack)))
    };
    let rows: Vec<Map<String, Value>> = rows.filter(|row| pack.is_none_or(|pack| in_pack(row, pack))).collect();
    let name = |row: &Map<String, Value>| row.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let rows: Vec<(String, Map<String, Value>)> = rows.into_iter().map(|row| (name(&row), row)).collect();
    let (rows, next) = page_by_name(rows, |(name, _)| name, &ask)?;
    answer::page(rows.into_iter().map(|(_, row)| Value::Object(row)).collect(), next)
}

/// GET: one.
pub(crate) async fn get(errand: Errand) -> Answer {
    if let Some(rule) = built_in(errand.param("name")) {
        return answer::ok(&rule);
    }
    answer::ok(&view(&find(&errand).await?))
}

/// POST.
pub(crate) async fn create(errand: Errand) -> Answer {
    let _one_writer = errand.desk.writes.lock().await;
    let record = body::read(errand.fields()?, None, errand.now())?;
    let taken = built_in(&record.name).is_some() || errand.store().firewall_rule(&record.name).await?.is_some();
    if taken {
        return Err(Problem::new(StatusCode::CONFLICT, "name_taken", format!("the name \"{}\" is taken", record.name)));
    }
    let record = judge(record).await?;
    let (location, shown) = (format!("/admin/firewall/rules/{}", segment(&record.name)), view(&record));
    errand.apply(Change::PutFirewallRule { record }).await?;
    answer::created(&location, &shown)
}

/// PATCH: merges.
pub(crate) async fn update(errand: Errand) -> Answer {
    refuse_built_in(errand.param("name"))?;
    let _one_writer = errand.desk.writes.lock().await;
    let current = find(&errand).await?;
    let mut record = body::read(errand.fields()?, Some(current), errand.now())?;
    record.updated_at = errand.now();
    let record = judge(record).await?;
    let shown = view(&record);
    errand.apply(Change::PutFirewallRule { record }).await?;
    answer::ok(&shown)
}

/// DELETE.
pub(crate) async fn delete(errand: Errand) -> Answer {
    refuse_built_in(errand.param("name"))?;
    let _one_writer = errand.desk.writes.lock().await;
    errand.apply(Change::DeleteFirewallRule { name: errand.param("name").to_owned() }).await?;
    answer::nothing()
}

async fn find(errand: &Errand) -> Result<RuleRecord, Problem> {
    let name = errand.param("name");
    errand.store().firewall_rule(name).await?.ok_or_else(|| Problem::not_found(format!("no rule \"{name}\"")))
}

/// Built-in rules are part of the program.
fn refuse_built_in(name: &str) -> Result<(), Problem> {
    if built_in(name).is_none() {
        return Ok(());
    }
    let detail = format!("the rule \"{name}\" is built in; say in a policy what is done about it, off included");
    Err(Problem::new(StatusCode::CONFLICT, "built_in", detail))
}

/// Makes the rule ready as the gateway will, tries its samples and times it, off the threads that serve calls.
async fn judge(record: RuleRecord) -> Result<RuleRecord, Problem> {
    let judged = tokio::task::spawn_blocking(move || speed::judge(&record).map(|()| record)).await;
    judged.map_err(|e| Problem::internal(&e))?.map_err(|fault| Problem::field(fault.field, fault.message))
}

fn built_in(name: &str) -> Option<Map<String, Value>> {
    let ours = Ruleset::built_in();
    ours.rule(name).and_then(|at| ours.rules().get(at)).map(built_in_view)
}

fn built_in_view(rule: &RuleInfo) -> Map<String, Value> {
    members(json!({
        "name": rule.id,
        "note": rule.title,
        "label": rule.label,
        "packs": rule.packs,
        "confidence": treatments::confidence(rule.confidence),
        "action": rule.action.name(),
        "mode": treatments::mode(rule.mode),
        "built_in": true,
    }))
}

/// A rule of the operator's own, without its words and samples.
fn summary(rule: &RuleRecord) -> Map<String, Value> {
    let packs: Vec<&str> = std::iter::once(CUSTOM).chain(rule.packs.iter().map(String::as_str).filter(|pack| *pack != CUSTOM)).collect();
    let mut shown = members(json!({
        "name": rule.name,
        "note": rule.note,
        "packs": packs,
        "action": rule.action.name(),
        "mode": treatments::mode(rule.mode),
        "min_entropy": f64::from(rule.min_entropy_centibits) / 100.0,
        "built_in": false,
        "created_at": rule.created_at.to_rfc3339(),
        "updated_at": rule.updated_at.to_rfc3339(),
    }));
    match &rule.find {
        Find::Pattern(pattern) => drop(shown.insert(String::from("pattern"), json!(pattern))),
        Find::Keywords(keywords) => shown.extend(members(json!({
            "keyword_count": keywords.words.len(),
            "case_sensitive": keywords.case_sensitive,
            "whole_word": keywords.whole_word,
        }))),
    }
    shown
}

fn view(rule: &RuleRecord) -> Map<String, Value> {
    let mut shown = summary(rule);
    if let Find::Keywords(keywords) = &rule.find {
        shown.insert(String::from("keywords"), json!(keywords.words));
    }
    shown.extend(members(json!({ "allow": rule.allow, "yes": rule.yes, "no": rule.no })));
    shown
}
