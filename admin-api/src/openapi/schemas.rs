//! The shapes of bodies and answers, as tables. A test sends every property of the input schemas and
//! fails when the reader does not know it, so that these cannot promise too much.

use serde_json::{Map, Value, json};

/// A property: name, type, a line for people.
struct Prop(&'static str, Kind, &'static str);

/// Types of properties.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Count,
    Number,
    Flag,
    Moment,
    Duration,
    Texts,
    TextMap,
    Anything,
    One(&'static str),
    Maybe(&'static str),
    MapOf(&'static str),
    Many(&'static str),
}

use Kind::{Anything, Count, Duration, Flag, Many, MapOf, Maybe, Moment, Number, One, Text, TextMap, Texts};

/// A schema: name, whether it is sent (then nothing else is allowed in it), what must be there, what there is.
struct Schema(&'static str, Way, &'static [&'static str], &'static [&'static [Prop]]);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

const PROVIDER: &[Prop] = &[
    Prop("name", Text, "unique; routes and `provider/model` use it"),
    Prop("kind", Text, "a row of /admin/vendors"),
    Prop("base_url", Text, "instead of the vendor's own address"),
    Prop("anthropic_base_url", Text, "instead of the vendor's own Anthropic endpoint"),
    Prop("headers", TextMap, "sent on every call; never credentials"),
    Prop("timeouts", One("Timeouts"), ""),
    Prop("api_version", Text, "Azure: the api-version"),
    Prop("deployments", TextMap, "Azure: model to deployment"),
    Prop("region", Text, "Bedrock: the region"),
    Prop("max_concurrency", Count, "calls in flight there, for each replica; more go to the next target"),
    Prop("probe_every_s", Count, "seconds between two requests for the list of models that show whether it is there; 5 to 86400"),
    Prop("enabled", Flag, "a disabled provider gets no calls"),
];
const PROVIDER_SECRETS: &[Prop] = &[
    Prop("api_key", Text, "write-only"),
    Prop("api_keys", Many("ApiKey"), "write-only; used in turn by weight"),
    Prop("access_key_id", Text, "Bedrock, write-only"),
    Prop("secret_access_key", Text, "Bedrock, write-only"),
    Prop("session_token", Text, "Bedrock, write-only"),
];
const STAMPS: &[Prop] = &[Prop("created_at", Moment, ""), Prop("updated_at", Moment, "")];
const ROUTE: &[Prop] = &[
    Prop("model", Text, "what clients name; `*` stands for any characters"),
    Prop("provider", Text, "the first target's provider"),
    Prop("targets", Many("Target"), ""),
    Prop("strategy", Text, "weighted, ordered, least_busy, lowest_latency or lowest_cost"),
    Prop("prompt_affinity", Flag, "calls that begin alike go to the same target and key while it is not too busy"),
    Prop("retries", Count, "extra attempts at one target, 0 to 5"),
    Prop("timeout_ms", Count, "bound of the call until the first byte"),
    Prop("firewall_policy", Text, "a policy of the firewall that holds for its calls, beside those of key, team and organization"),
];
const LIMITS: &[Prop] = &[
    Prop("budget_usd_daily", Number, "dollars a day, exact to 9 decimals"),
    Prop("budget_usd_weekly", Number, "dollars an ISO week"),
    Prop("budget_usd_monthly", Number, "dollars a month"),
    Prop("budget_usd_total", Number, "dollars for good"),
    Prop("budget_tokens_daily", Count, ""),
    Prop("budget_tokens_weekly", Count, ""),
    Prop("budget_tokens_monthly", Count, ""),
    Prop("budget_tokens_total", Count, ""),
    Prop("rate_limit_rpm", Count, "requests in any 60 seconds"),
    Prop("rate_limit_tpm", Count, "tokens in any 60 seconds"),
    Prop("max_concurrency", Count, "calls in flight"),
];
const LIMITS_SHOWN: &[Prop] = &[
    Prop("budget_usd_daily_nanos", Count, "the same in nano-dollars"),
    Prop("budget_usd_weekly_nanos", Count, ""),
    Prop("budget_usd_monthly_nanos", Count, ""),
    Prop("budget_usd_total_nanos", Count, ""),
];
const GROUP: &[Prop] = &[
    Prop("name", Text, "unique, and for good"),
    Prop("models", Texts, "models that its keys may ask for, `*` allowed; empty means all"),
    Prop("time_zone", Text, "of the periods; UTC by default"),
    Prop("enabled", Flag, "the calls of a disabled one are refused"),
    Prop("firewall_policy", Text, "a policy of the firewall that holds for all its keys; null takes it away"),
];
const TEAM: &[Prop] = &[
    Prop("organization", Text, "an existing one; null means default"),
    Prop("tags", TextMap, "labels for reports, beside those of the key"),
    Prop("cache", Maybe("CachePolicy"), "how answers are kept and given again, for keys that do not say so themselves"),
];
const STANDING: &[Prop] = &[Prop("spend", Many("Spend"), "one row a period")];
const KEY: &[Prop] = &[
    Prop("name", Text, "unique"),
    Prop("models", Texts, "models that may be asked for, `*` allowed; empty means all"),
    Prop("model_limits", MapOf("ModelLimits"), "model, or pattern with `*`, to limits within those of the key"),
    Prop(
        "on_store_error",
        Text,
        "what happens when spend cannot be counted: deny, local_share or allow; null means what the configuration says",
    ),
    Prop("budget_mode", Text, "strict or balanced"),
    Prop("budget_clamp", Flag, "lower max_tokens to what is left instead of refusing"),
    Prop("time_zone", Text, "of the periods; UTC by default"),
    Prop("show_spend", Flag, "show amounts in refusals"),
    Prop("expires_at", Moment, ""),
    Prop("ip_allowlist", Texts, "addresses or ranges; empty means all"),
    Prop("enabled", Flag, ""),
    Prop("team", Text, "its team, or where that has no record a label for reports"),
    Prop("tags", TextMap, "labels for reports"),
    Prop("cache", Maybe("CachePolicy"), "how answers are kept and given again; null means what the team says"),
    Prop("firewall_policy", Text, "a policy of the firewall; the strictest of key, team, organization and route wins"),
];
const KEY_SHOWN: &[Prop] =
    &[Prop("id", Text, "public; survives rotation"), Prop("prefix", Text, "what the secret begins with"), Prop("last4", Text, "")];
const KEY_SECRET: &[Prop] =
    &[Prop("key", Text, "the secret; never shown again"), Prop("grace_until", Moment, "rotation: until when the old secret opens")];
const RATES: &[Prop] = &[
    Prop("input_per_mtok", Number, "dollars per million prompt tokens"),
    Prop("output_per_mtok", Number, "dollars per million generated tokens"),
    Prop("cache_read_per_mtok", Number, ""),
    Prop("cache_write_5m_per_mtok", Number, ""),
    Prop("cache_write_1h_per_mtok", Number, ""),
    Prop("output_reasoning_per_mtok", Number, ""),
    Prop("input_audio_per_mtok", Number, ""),
    Prop("output_audio_per_mtok", Number, ""),
];
const PRICE: &[Prop] = &[
    Prop("provider", Text, "a vendor's kind, a provider's name, or * for any"),
    Prop("model", Text, "the upstream's model id"),
    Prop("mode", Text, "chat, embedding, …"),
    Prop("valid_from", Moment, "now by default"),
    Prop("tiers", Many("PriceTier"), "prices of long prompts, for the whole request"),
    Prop("per_request_usd", Number, ""),
    Prop("per_image_usd", Number, ""),
    Prop("per_search_usd", Number, ""),
    Prop("context", Count, "most prompt tokens"),
    Prop("max_output", Count, "most generated tokens"),
];

const RULE: &[Prop] = &[
    Prop("name", Text, "unique, snake_case, and for good"),
    Prop("note", Text, "what it is for"),
    Prop("pattern", Text, "a regular expression of linear time; a group named `value` narrows what is found"),
    Prop("keywords", Texts, "instead of a pattern: up to 100,000 words"),
    Prop("case_sensitive", Flag, "of keywords"),
    Prop("whole_word", Flag, "of keywords: letters and digits beside a word make it another; ideographs do not"),
    Prop("packs", Texts, "beside `custom`"),
    Prop("allow", Texts, "values that are let through"),
    Prop("min_entropy", Number, "bits a character (Shannon) below which a value is let through"),
    Prop("action", Text, "its own wish, for tests without a policy: off, observe, alert, pseudonym, mask (by default) or block"),
    Prop("mode", Text, "observe (by default), enforce or off"),
    Prop("yes", Texts, "texts in which it must find something"),
    Prop("no", Texts, "texts in which it must find nothing"),
];
const POLICY: &[Prop] = &[
    Prop("name", Text, "unique, and for good"),
    Prop("note", Text, "what it is for"),
    Prop("direction", Text, "request, response or both (by default)"),
    Prop("actions", Anything, "rule or pack to an action, or to {action, style, min_confidence}"),
    Prop("default", Text, "what is done about all other rules; observe by default"),
    Prop("observe_only", Flag, "nothing is done, all is counted as would_…"),
];

const SCHEMAS: &[Schema] = &[
    Schema("FirewallRuleNew", Way::In, &["name"], &[RULE]),
    Schema("FirewallRulePatch", Way::In, &[], &[RULE]),
    Schema(
        "FirewallRule",
        Way::Out,
        &["name", "packs", "action", "mode", "built_in"],
        &[
            RULE,
            &[
                Prop("built_in", Flag, ""),
                Prop("label", Text, "built-in rules: what stands in the place of a masked value"),
                Prop("confidence", Text, "built-in rules: low, medium or high"),
                Prop("keyword_count", Count, ""),
            ],
            STAMPS,
        ],
    ),
    Schema("FirewallPolicyNew", Way::In, &["name"], &[POLICY]),
    Schema("FirewallPolicyPut", Way::In, &[], &[POLICY]),
    Schema("FirewallPolicyPatch", Way::In, &[], &[POLICY]),
    Schema("FirewallPolicy", Way::Out, &["name", "direction", "actions", "default", "observe_only"], &[POLICY, STAMPS]),
    Schema(
        "FirewallTest",
        Way::In,
        &[],
        &[&[
            Prop("texts", Texts, "up to 200, 512 kB together"),
            Prop("text", Text, "one text"),
            Prop("request", Anything, "a whole request, as clients send it"),
            Prop("policy", Anything, "a policy's name, or a policy; every rule's own wish by default"),
            Prop("direction", Text, "request (by default) or response"),
        ]],
    ),
    Schema("FirewallTested", Way::Out, &["results"], &[&[Prop("results", Many("FirewallResult"), "")]]),
    Schema(
        "FirewallResult",
        Way::Out,
        &["verdict", "findings"],
        &[&[
            Prop("verdict", Text, "pass, mask or block"),
            Prop("text", Text, "what would go on; of a blocked text with the values masked"),
            Prop("request", Anything, "the request that would go on"),
            Prop("findings", Many("FirewallFinding"), ""),
        ]],
    ),
    Schema(
        "FirewallFinding",
        Way::Out,
        &["rule", "kind", "start", "end", "action"],
        &[&[
            Prop("rule", Text, ""),
            Prop("kind", Text, ""),
            Prop("start", Count, "in UTF-8 bytes of the text"),
            Prop("end", Count, ""),
            Prop("action", Text, "what would be done"),
            Prop("would", Text, "what would be done if it were not only observed"),
            Prop("confidence", Text, "low, medium or high"),
            Prop("path", Text, "of a request: the text's place, a JSON pointer"),
        ]],
    ),
    Schema(
        "FirewallWhatIf",
        Way::In,
        &["policy"],
        &[&[
            Prop("policy", Anything, "a policy's name, or a policy"),
            Prop("last", Count, "requests at most, newest first; 1000 by default, 10000 at most"),
            Prop("from", Moment, ""),
            Prop("to", Moment, "before this moment"),
            Prop("key", Text, "a key's id or name"),
            Prop("team", Text, ""),
        ]],
    ),
    Schema(
        "FirewallForecast",
        Way::Out,
        &["requests", "with_content", "would_block", "would_mask", "would_alert", "by_rule", "by_key", "by_team", "samples"],
        &[&[
            Prop("requests", Count, "how many were looked at"),
            Prop("with_content", Count, "how many of them have their content; of the others, what was found then is judged anew"),
            Prop("complete", Flag, "false where there was more content than one forecast looks at"),
            Prop("would_block", Count, ""),
            Prop("would_mask", Count, ""),
            Prop("would_alert", Count, ""),
            Prop("would_observe", Count, "calls in which something was found that would only be counted"),
            Prop("by_rule", Anything, "{rule, action, requests, findings}"),
            Prop("by_key", Anything, "{key, key_name, would_block, would_mask, would_alert, would_observe}"),
            Prop("by_team", Anything, "{team, would_block, …}"),
            Prop("samples", Texts, "x-fluxa-id of up to 20 calls, the worst first"),
        ]],
    ),
    Schema(
        "FirewallFindings",
        Way::Out,
        &["group", "hits", "findings"],
        &[&[
            Prop("at", Moment, "start of the interval"),
            Prop("group", Text, "also under the name that group_by gave"),
            Prop("label", Text, "a key's name, else the group"),
            Prop("hits", Count, "calls, one for each rule that found something"),
            Prop("findings", Count, ""),
        ]],
    ),
    Schema(
        "FirewallHit",
        Way::Out,
        &["rule", "action", "count"],
        &[&[Prop("rule", Text, ""), Prop("action", Text, "what was done: mask, would_mask, …"), Prop("count", Count, "")]],
    ),
    Schema("Empty", Way::In, &[], &[]),
    Schema("ProviderNew", Way::In, &["name", "kind"], &[PROVIDER, PROVIDER_SECRETS]),
    Schema("ProviderPatch", Way::In, &[], &[PROVIDER, PROVIDER_SECRETS]),
    Schema(
        "Provider",
        Way::Out,
        &["name", "kind", "enabled"],
        &[
            PROVIDER,
            &[
                Prop("api_keys", Many("ApiKeyShown"), ""),
                Prop("access_key_id_last4", Text, ""),
                Prop("has_secret_access_key", Flag, ""),
                Prop("has_session_token", Flag, ""),
            ],
            STAMPS,
        ],
    ),
    Schema("ApiKey", Way::In, &["key"], &[&[Prop("key", Text, ""), Prop("weight", Count, "1 by default")]]),
    Schema("ApiKeyShown", Way::Out, &["last4", "weight"], &[&[Prop("last4", Text, "empty for short keys"), Prop("weight", Count, "")]]),
    Schema(
        "Timeouts",
        Way::In,
        &[],
        &[&[
            Prop("connect", Duration, ""),
            Prop("connect_ms", Count, ""),
            Prop("first_byte", Duration, ""),
            Prop("first_byte_ms", Count, ""),
            Prop("idle", Duration, ""),
            Prop("idle_ms", Count, ""),
        ]],
    ),
    Schema(
        "ProbeReport",
        Way::Out,
        &["ok", "latency_ms", "message"],
        &[&[
            Prop("ok", Flag, ""),
            Prop("status", Count, ""),
            Prop("latency_ms", Count, ""),
            Prop("message", Text, ""),
            Prop("models", Count, "how many it lists"),
        ]],
    ),
    Schema(
        "RoutePut",
        Way::In,
        &[],
        &[ROUTE, &[Prop("fallback", Anything, "providers, or {provider, model}, tried in order"), Prop("timeout", Duration, "")]],
    ),
    Schema(
        "Route",
        Way::Out,
        &["model", "targets"],
        &[ROUTE, &[Prop("fallback", Anything, "providers, or {provider, model}, tried in order")]],
    ),
    Schema(
        "Target",
        Way::In,
        &["provider"],
        &[&[Prop("provider", Text, ""), Prop("model", Text, "the client's by default"), Prop("weight", Count, "1 by default")]],
    ),
    Schema("KeyNew", Way::In, &["name"], &[KEY, LIMITS]),
    Schema("KeyPatch", Way::In, &[], &[KEY, LIMITS]),
    Schema("KeyRotate", Way::In, &[], &[&[Prop("grace", Duration, "24h by default"), Prop("grace_s", Count, "the same in seconds")]]),
    Schema("Key", Way::Out, &["id", "name"], &[KEY, LIMITS, LIMITS_SHOWN, KEY_SHOWN, STAMPS]),
    Schema("KeyIssued", Way::Out, &["id", "key", "name"], &[KEY, LIMITS, LIMITS_SHOWN, KEY_SHOWN, KEY_SECRET, STAMPS]),
    Schema("KeyStanding", Way::Out, &["id", "name", "spend"], &[KEY, LIMITS, LIMITS_SHOWN, KEY_SHOWN, STAMPS, STANDING]),
    Schema("ModelLimits", Way::In, &[], &[LIMITS]),
    Schema(
        "CachePolicy",
        Way::In,
        &["ttl_s"],
        &[&[
            Prop("ttl_s", Count, "seconds, 1 to 30 days"),
            Prop("shared", Text, "among the calls of one key, or of its team: key (default) or team"),
        ]],
    ),
    Schema("TeamNew", Way::In, &["name"], &[GROUP, TEAM, LIMITS]),
    Schema("TeamPatch", Way::In, &[], &[GROUP, TEAM, LIMITS]),
    Schema("Team", Way::Out, &["name", "enabled"], &[GROUP, TEAM, LIMITS, LIMITS_SHOWN, STAMPS]),
    Schema("TeamStanding", Way::Out, &["name", "enabled", "spend"], &[GROUP, TEAM, LIMITS, LIMITS_SHOWN, STAMPS, STANDING]),
    Schema("OrganizationNew", Way::In, &["name"], &[GROUP, LIMITS]),
    Schema("OrganizationPatch", Way::In, &[], &[GROUP, LIMITS]),
    Schema("Organization", Way::Out, &["name", "enabled"], &[GROUP, LIMITS, LIMITS_SHOWN, STAMPS]),
    Schema("OrganizationStanding", Way::Out, &["name", "enabled", "spend"], &[GROUP, LIMITS, LIMITS_SHOWN, STAMPS, STANDING]),
    Schema(
        "Spend",
        Way::Out,
        &["period", "window"],
        &[&[
            Prop("period", Text, "daily, weekly, monthly or total"),
            Prop("window", Text, "the window's id"),
            Prop("starts_at", Moment, ""),
            Prop("resets_at", Moment, ""),
            Prop("limit_usd", Number, ""),
            Prop("limit_usd_nanos", Count, ""),
            Prop("used_usd", Number, ""),
            Prop("used_usd_nanos", Count, ""),
            Prop("reserved_usd", Number, "by calls in flight"),
            Prop("reserved_usd_nanos", Count, ""),
            Prop("limit_tokens", Count, ""),
            Prop("used_tokens", Count, ""),
            Prop("reserved_tokens", Count, ""),
        ]],
    ),
    Schema(
        "UsageRow",
        Way::Out,
        &["group", "requests", "cost_nanos"],
        &[&[
            Prop("at", Moment, "start of the interval"),
            Prop("group", Text, "also under the name that group_by gave"),
            Prop("label", Text, "what to show: a key's newest name, else the group"),
            Prop("requests", Count, ""),
            Prop("errors", Count, ""),
            Prop("usage", One("Usage"), ""),
            Prop("cost_nanos", Count, ""),
            Prop("cost_usd", Number, ""),
            Prop("unpriced_requests", Count, ""),
            Prop("estimated_requests", Count, ""),
        ]],
    ),
    Schema(
        "Usage",
        Way::Out,
        &[],
        &[&[
            Prop("input_uncached", Count, ""),
            Prop("cache_read", Count, ""),
            Prop("cache_write_5m", Count, ""),
            Prop("cache_write_1h", Count, ""),
            Prop("output", Count, ""),
            Prop("reasoning", Count, "part of output"),
        ]],
    ),
    Schema(
        "LogRow",
        Way::Out,
        &["request_id", "at", "status"],
        &[&[
            Prop("request_id", Text, ""),
            Prop("at", Moment, ""),
            Prop("key", Text, "the key's id"),
            Prop("team", Text, ""),
            Prop("model", Text, ""),
            Prop("provider", Text, ""),
            Prop("upstream_model", Text, ""),
            Prop("dialect_in", Text, ""),
            Prop("dialect_out", Text, ""),
            Prop("stream", Flag, ""),
            Prop("status", Count, ""),
            Prop("usage", One("Usage"), ""),
            Prop("usage_state", Text, "reported or estimated"),
            Prop("cost_nanos", Count, ""),
            Prop("cost_usd", Number, ""),
            Prop("cost_state", Text, "exact, estimated or unpriced"),
            Prop("price_version", Text, ""),
            Prop("ttfb_ms", Count, ""),
            Prop("latency_ms", Count, ""),
            Prop("attempts", Many("Attempt"), ""),
            Prop("firewall", Many("FirewallHit"), "what the firewall found"),
            Prop("finish", Text, ""),
            Prop("client_closed", Flag, ""),
            Prop("id", Text, "x-fluxa-id"),
            Prop("key_name", Text, "the key's name then"),
            Prop("tags", TextMap, ""),
            Prop("op", Text, ""),
            Prop("error", Text, ""),
            Prop("abandoned", Flag, "written after a crash"),
            Prop("organization", Text, "that of the key's team then, or default"),
            Prop("cached", Flag, "the answer was given before and cost nothing this time"),
        ]],
    ),
    Schema(
        "Attempt",
        Way::Out,
        &[],
        &[&[
            Prop("provider", Text, ""),
            Prop("model", Text, ""),
            Prop("status", Count, "0 when there was none"),
            Prop("ms", Count, ""),
            Prop("why", Text, ""),
        ]],
    ),
    Schema("PriceNew", Way::In, &["model", "input_per_mtok", "output_per_mtok"], &[PRICE, RATES]),
    Schema("PriceTier", Way::In, &["above_input_tokens"], &[&[Prop("above_input_tokens", Count, "")], RATES]),
    Schema(
        "Price",
        Way::Out,
        &["provider", "model", "version"],
        &[
            PRICE,
            RATES,
            &[
                Prop("version", Text, "what log rows show"),
                Prop("origin", Text, "builtin or added"),
                Prop("source", Text, ""),
                Prop("service_tiers", Anything, ""),
                Prop("off_peak", Anything, ""),
            ],
        ],
    ),
    Schema("PriceMap", Way::Out, &[], &[]),
    Schema(
        "PriceImport",
        Way::Out,
        &["imported", "skipped"],
        &[&[
            Prop("imported", Count, ""),
            Prop("version", Text, ""),
            Prop("valid_from", Moment, ""),
            Prop("revision", Count, ""),
            Prop("skipped", Many("PriceSkipped"), ""),
        ]],
    ),
    Schema("PriceSkipped", Way::Out, &[], &[&[Prop("model", Text, ""), Prop("why", Text, "")]]),
    Schema(
        "Vendor",
        Way::Out,
        &["kind", "name"],
        &[&[
            Prop("kind", Text, ""),
            Prop("name", Text, ""),
            Prop("dialect", Text, ""),
            Prop("base_url", Text, ""),
            Prop("anthropic_base_url", Text, ""),
            Prop("env", Text, "the variable that makes such a provider at first start"),
            Prop("operations", Texts, ""),
            Prop("key_optional", Flag, ""),
        ]],
    ),
    Schema(
        "AuditRow",
        Way::Out,
        &["seq", "at", "actor", "action", "target"],
        &[&[
            Prop("seq", Count, ""),
            Prop("at", Moment, ""),
            Prop("actor", Text, ""),
            Prop("role", Text, ""),
            Prop("ip", Text, ""),
            Prop("action", Text, ""),
            Prop("target", Text, ""),
            Prop("before", Anything, "null for what was made"),
            Prop("after", Anything, "null for what was removed"),
            Prop("revision", Count, ""),
        ]],
    ),
    Schema(
        "Health",
        Way::Out,
        &["status"],
        &[&[
            Prop("status", Text, "ok or degraded"),
            Prop("version", Text, ""),
            Prop("at", Moment, ""),
            Prop("revision", Count, ""),
            Prop("store", Anything, ""),
        ]],
    ),
    Schema("Reloaded", Way::Out, &["reloaded"], &[&[Prop("reloaded", Flag, ""), Prop("revision", Count, "")]]),
    Schema("OpenApi", Way::Out, &["openapi"], &[&[Prop("openapi", Text, "")]]),
    Schema(
        "Problem",
        Way::Out,
        &["type", "title", "status", "detail"],
        &[&[
            Prop("type", Text, ""),
            Prop("title", Text, ""),
            Prop("status", Count, ""),
            Prop("detail", Text, ""),
            Prop("errors", Many("FieldFault"), ""),
        ]],
    ),
    Schema("FieldFault", Way::Out, &["field", "message"], &[&[Prop("field", Text, ""), Prop("message", Text, "")]]),
];

/// Every schema by name.
pub(super) fn all() -> Map<String, Value> {
    SCHEMAS.iter().map(|schema| (schema.0.to_owned(), written(schema))).collect()
}

fn written(Schema(_, way, required, groups): &Schema) -> Value {
    let properties: Map<String, Value> =
        groups.iter().flat_map(|group| group.iter()).map(|prop| (prop.0.to_owned(), property(prop, required.contains(&prop.0)))).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if *way == Way::In {
        schema["additionalProperties"] = json!(false);
    }
    schema
}

fn property(Prop(_, kind, about): &Prop, required: bool) -> Value {
    let plain = |name: &str| if required { json!({ "type": name }) } else { json!({ "type": [name, "null"] }) };
    let mut schema = match kind {
        Text => plain("string"),
        Count => plain("integer"),
        Number => plain("number"),
        Flag => plain("boolean"),
        Moment => {
            let mut moment = plain("string");
            moment["format"] = json!("date-time");
            moment
        }
        Duration => json!({ "type": ["string", "number", "null"], "examples": ["30s"] }),
        Texts => json!({ "type": ["array", "null"], "items": { "type": "string" } }),
        TextMap => json!({ "type": ["object", "null"], "additionalProperties": { "type": ["string", "null"] } }),
        Anything => json!({}),
        Maybe(name) => json!({ "anyOf": [super::reference(name), { "type": "null" }] }),
        MapOf(name) => {
            json!({ "type": ["object", "null"], "additionalProperties": { "anyOf": [super::reference(name), { "type": "null" }] } })
        }
        One(name) => super::reference(name),
        Many(name) => json!({ "type": ["array", "null"], "items": super::reference(name) }),
    };
    if !about.is_empty() {
        schema["description"] = json!(about);
    }
    schema
}
