//! The one list of what this API has. The router mounts it and the OpenAPI document prints it, so the
//! two cannot drift; a handler that is not here does not exist.

use std::pin::Pin;

use crate::answer::Answer;
use crate::query::Param;
use crate::resources::{audit, firewall, keys, logs, organizations, prices, providers, routes, status, teams, usage, vendors};
use crate::serve::Errand;

/// The methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

/// What body an endpoint takes, by the name of its schema.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    /// None; what is sent is not read.
    Nothing,
    /// A JSON object.
    Json(&'static str),
    /// A JSON object or nothing.
    Maybe(&'static str),
    /// A JSON object of up to 4 MiB.
    Large(&'static str),
    /// A large JSON map.
    Import(&'static str),
}

/// What an endpoint gives when all is well, by the name of its schema.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gives {
    /// 204.
    Nothing,
    /// 200 with one thing.
    One(&'static str),
    /// 201 with the thing made.
    Made(&'static str),
    /// 200 or 201 with the thing.
    Put(&'static str),
    /// 200 with a page of things.
    Page(&'static str),
    /// 200 with a stream of CSV.
    Csv,
}

/// One method of one path.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint {
    /// The method.
    pub(crate) verb: Verb,
    /// The path, as the router writes it.
    pub(crate) path: &'static str,
    /// `operationId` of the document.
    pub(crate) id: &'static str,
    /// A line for people.
    pub(crate) about: &'static str,
    /// Query parameters; all others are refused.
    pub(crate) query: &'static [&'static [Param]],
    /// The body.
    pub(crate) takes: Takes,
    /// The answer.
    pub(crate) gives: Gives,
    /// The handler.
    pub(crate) run: fn(Errand) -> Pin<Box<dyn Future<Output = Answer> + Send>>,
}

macro_rules! endpoint {
    ($verb:ident $path:literal $id:literal $about:literal, $query:expr, $takes:expr => $gives:expr, $run:path) => {
        Endpoint {
            verb: Verb::$verb,
            path: $path,
            id: $id,
            about: $about,
            query: $query,
            takes: $takes,
            gives: $gives,
            run: |errand| Box::pin($run(errand)),
        }
    };
}

const PAGE: &[Param] = &[
    Param { name: "limit", about: "rows of a page, 1 to 500; 50 by default" },
    Param { name: "cursor", about: "`next_cursor` of the former page" },
];
const SPAN: &[Param] = &[
    Param { name: "from", about: "first moment (RFC 3339) or first day (UTC)" },
    Param { name: "to", about: "first moment that is left out, or last day (UTC)" },
];
const KEY_FILTER: &[Param] = &[
    Param { name: "name", about: "keys of exactly this name" },
    Param { name: "team", about: "keys of this team" },
    Param { name: "enabled", about: "true or false" },
];
const TEAM_FILTER: &[Param] = &[Param { name: "organization", about: "teams of this organization" }];
const LOG_FILTER: &[Param] = &[
    Param { name: "key", about: "a key's id or name" },
    Param { name: "model", about: "the model that the client named" },
    Param { name: "provider", about: "the provider that answered" },
    Param { name: "team", about: "the key's team" },
    Param { name: "status", about: "a status (429), ok or error" },
    Param { name: "stream", about: "true or false" },
    Param { name: "request_id", about: "the client's x-request-id" },
    Param { name: "firewall_rule", about: "calls in which this rule found something" },
    Param { name: "firewall_action", about: "calls in which this was done: mask, block, would_mask, …" },
];
const USAGE_ASK: &[Param] = &[
    Param {
        name: "group_by",
        about: "key, model, provider, team, organization, user (the tag of that name), or tag:NAME; one total row by default",
    },
    Param { name: "tag", about: "the tag's name, for group_by=tag" },
    Param { name: "key", about: "only this key, by its id" },
    Param { name: "team", about: "only this team" },
    Param { name: "organization", about: "only this organization" },
    Param { name: "interval", about: "hour, day or month; the whole span by default" },
];
const RULE_FILTER: &[Param] = &[Param { name: "pack", about: "rules of this pack" }, Param { name: "built_in", about: "true or false" }];
const FINDINGS_ASK: &[Param] = &[
    Param { name: "group_by", about: "rule (by default), action, key or team" },
    Param { name: "interval", about: "hour, day or month; the whole span by default" },
    Param { name: "rule", about: "only this rule" },
    Param { name: "action", about: "only this action: mask, would_mask, …" },
    Param { name: "key", about: "only this key, by its id" },
    Param { name: "team", about: "only this team" },
];
const PRICE_FILTER: &[Param] = &[
    Param { name: "provider", about: "a vendor's kind, a provider's name, or *" },
    Param { name: "model", about: "models whose name contains this" },
    Param { name: "origin", about: "builtin or added" },
];
const IMPORT_ASK: &[Param] = &[Param { name: "valid_from", about: "from when on the prices apply; now by default" }];
const AUDIT_FILTER: &[Param] = &[
    Param { name: "action", about: "such as key.rotate" },
    Param { name: "target", about: "the thing changed, by name or id" },
    Param { name: "actor", about: "who changed it" },
];

/// Every endpoint.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    use Gives::{Csv, Made, Nothing as Empty, One, Page, Put};
    use Takes::{Import, Json, Large, Maybe, Nothing};
    vec![
        endpoint!(Get "/admin/providers" "listProviders" "lists providers", &[PAGE], Nothing => Page("Provider"), providers::list),
        endpoint!(Post "/admin/providers" "createProvider" "makes a provider", &[], Json("ProviderNew") => Made("Provider"), providers::create),
        endpoint!(Get "/admin/providers/{name}" "getProvider" "shows a provider", &[], Nothing => One("Provider"), providers::get),
        endpoint!(Patch "/admin/providers/{name}" "updateProvider" "changes the fields given; null clears", &[], Json("ProviderPatch") => One("Provider"), providers::update),
        endpoint!(Delete "/admin/providers/{name}" "deleteProvider" "removes a provider that no route names", &[], Nothing => Empty, providers::delete),
        endpoint!(Post "/admin/providers/{name}/test" "testProvider" "tries a provider with its stored credentials", &[], Maybe("Empty") => One("ProbeReport"), providers::test),
        endpoint!(Get "/admin/routes" "listRoutes" "lists routes", &[PAGE], Nothing => Page("Route"), routes::list),
        endpoint!(Get "/admin/routes/{*model}" "getRoute" "shows a route", &[], Nothing => One("Route"), routes::get),
        endpoint!(Put "/admin/routes/{*model}" "putRoute" "makes or replaces a route", &[], Json("RoutePut") => Put("Route"), routes::put),
        endpoint!(Delete "/admin/routes/{*model}" "deleteRoute" "removes a route", &[], Nothing => Empty, routes::delete),
        endpoint!(Get "/admin/keys" "listKeys" "lists virtual keys", &[PAGE, KEY_FILTER], Nothing => Page("Key"), keys::list),
        endpoint!(Post "/admin/keys" "issueKey" "issues a virtual key; its secret is shown this once", &[], Json("KeyNew") => Made("KeyIssued"), keys::issue),
        endpoint!(Get "/admin/keys/{id}" "getKey" "shows a virtual key and what it spent", &[], Nothing => One("KeyStanding"), keys::get),
        endpoint!(Patch "/admin/keys/{id}" "updateKey" "changes the fields given; null clears", &[], Json("KeyPatch") => One("Key"), keys::update),
        endpoint!(Delete "/admin/keys/{id}" "revokeKey" "removes a virtual key for good", &[], Nothing => Empty, keys::revoke),
        endpoint!(Post "/admin/keys/{id}/rotate" "rotateKey" "gives a key a new secret; the old one opens for a grace", &[], Maybe("KeyRotate") => One("KeyIssued"), keys::rotate),
        endpoint!(Get "/admin/teams" "listTeams" "lists teams", &[PAGE, TEAM_FILTER], Nothing => Page("Team"), teams::list),
        endpoint!(Post "/admin/teams" "createTeam" "makes a team", &[], Json("TeamNew") => Made("Team"), teams::create),
        endpoint!(Get "/admin/teams/{name}" "getTeam" "shows a team and what its keys spent", &[], Nothing => One("TeamStanding"), teams::get),
        endpoint!(Patch "/admin/teams/{name}" "updateTeam" "changes the fields given; null clears", &[], Json("TeamPatch") => One("Team"), teams::update),
        endpoint!(Delete "/admin/teams/{name}" "deleteTeam" "removes a team that no key names", &[], Nothing => Empty, teams::delete),
        endpoint!(Get "/admin/organizations" "listOrganizations" "lists organizations", &[PAGE], Nothing => Page("Organization"), organizations::list),
        endpoint!(Post "/admin/organizations" "createOrganization" "makes an organization", &[], Json("OrganizationNew") => Made("Organization"), organizations::create),
        endpoint!(Get "/admin/organizations/{name}" "getOrganization" "shows an organization and what was spent in it", &[], Nothing => One("OrganizationStanding"), organizations::get),
        endpoint!(Patch "/admin/organizations/{name}" "updateOrganization" "changes the fields given; null clears", &[], Json("OrganizationPatch") => One("Organization"), organizations::update),
        endpoint!(Delete "/admin/organizations/{name}" "deleteOrganization" "removes an organization that no team names", &[], Nothing => Empty, organizations::delete),
        endpoint!(Get "/admin/usage" "getUsage" "sums of requests, tokens and cost", &[SPAN, USAGE_ASK], Nothing => Page("UsageRow"), usage::sums),
        endpoint!(Get "/admin/usage/export" "exportUsage" "the log rows as CSV, oldest first, as a stream", &[SPAN, LOG_FILTER], Nothing => Csv, logs::export),
        endpoint!(Get "/admin/logs" "listLogs" "log rows, newest first", &[PAGE, SPAN, LOG_FILTER], Nothing => Page("LogRow"), logs::list),
        endpoint!(Get "/admin/logs/{request_id}" "getLog" "one log row, by x-fluxa-id or x-request-id (the newest)", &[], Nothing => One("LogRow"), logs::get),
        endpoint!(Get "/admin/firewall/rules" "listFirewallRules" "the firewall's rules, built-in and your own", &[PAGE, RULE_FILTER], Nothing => Page("FirewallRule"), firewall::rules::list),
        endpoint!(Post "/admin/firewall/rules" "createFirewallRule" "makes a rule; it only observes until its mode is enforce", &[], Large("FirewallRuleNew") => Made("FirewallRule"), firewall::rules::create),
        endpoint!(Get "/admin/firewall/rules/{name}" "getFirewallRule" "shows a rule", &[], Nothing => One("FirewallRule"), firewall::rules::get),
        endpoint!(Patch "/admin/firewall/rules/{name}" "updateFirewallRule" "changes the fields given; another pattern or other words put it back to observe", &[], Large("FirewallRulePatch") => One("FirewallRule"), firewall::rules::update),
        endpoint!(Delete "/admin/firewall/rules/{name}" "deleteFirewallRule" "removes a rule that no policy names", &[], Nothing => Empty, firewall::rules::delete),
        endpoint!(Get "/admin/firewall/policies" "listFirewallPolicies" "lists the firewall's policies", &[PAGE], Nothing => Page("FirewallPolicy"), firewall::policies::list),
        endpoint!(Post "/admin/firewall/policies" "createFirewallPolicy" "makes a policy", &[], Json("FirewallPolicyNew") => Made("FirewallPolicy"), firewall::policies::create),
        endpoint!(Get "/admin/firewall/policies/{name}" "getFirewallPolicy" "shows a policy", &[], Nothing => One("FirewallPolicy"), firewall::policies::get),
        endpoint!(Put "/admin/firewall/policies/{name}" "putFirewallPolicy" "makes or replaces a policy", &[], Json("FirewallPolicyPut") => Put("FirewallPolicy"), firewall::policies::put),
        endpoint!(Patch "/admin/firewall/policies/{name}" "updateFirewallPolicy" "changes the fields given; null clears", &[], Json("FirewallPolicyPatch") => One("FirewallPolicy"), firewall::policies::update),
        endpoint!(Delete "/admin/firewall/policies/{name}" "deleteFirewallPolicy" "removes a policy that nothing names", &[], Nothing => Empty, firewall::policies::delete),
        endpoint!(Post "/admin/firewall/test" "testFirewall" "tries texts or a request: what would be found, and what would be left of it", &[], Large("FirewallTest") => One("FirewallTested"), firewall::trial::run),
        endpoint!(Post "/admin/firewall/what-if" "firewallWhatIf" "holds logged requests against a policy: who would have been hit", &[], Json("FirewallWhatIf") => One("FirewallForecast"), firewall::what_if::run),
        endpoint!(Get "/admin/firewall/findings" "getFirewallFindings" "sums of what the firewall found", &[SPAN, FINDINGS_ASK], Nothing => Page("FirewallFindings"), firewall::findings::sums),
        endpoint!(Get "/admin/prices" "listPrices" "the price table, built-in and added rows", &[PAGE, PRICE_FILTER], Nothing => Page("Price"), prices::list),
        endpoint!(Post "/admin/prices" "addPrice" "adds a price", &[], Json("PriceNew") => Made("Price"), prices::add),
        endpoint!(Post "/admin/prices/import" "importPrices" "adds prices from LiteLLM's public JSON map", &[IMPORT_ASK], Import("PriceMap") => One("PriceImport"), prices::import),
        endpoint!(Get "/admin/vendors" "listVendors" "the kinds of provider that this version knows", &[], Nothing => Page("Vendor"), vendors::list),
        endpoint!(Get "/admin/audit" "listAudit" "every change: who, when, before and after; newest first", &[PAGE, SPAN, AUDIT_FILTER], Nothing => Page("AuditRow"), audit::list),
        endpoint!(Get "/admin/health" "getHealth" "how the program is", &[], Nothing => One("Health"), status::health),
        endpoint!(Post "/admin/reload" "reload" "reads the configuration again", &[], Maybe("Empty") => One("Reloaded"), status::reload),
        endpoint!(Get "/admin/openapi.json" "getOpenApi" "this document", &[], Nothing => One("OpenApi"), status::openapi),
    ]
}
