//! One immutable view of the configuration; a call holds on to the view it began with.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fluxa_domain::change::Revision;
use fluxa_domain::dialect::{Dialect, Op};
use fluxa_domain::price::PriceTable;
use fluxa_domain::provider::{Provider, ProviderRecord};
use fluxa_domain::route::{ProviderFacts, Routes};
use fluxa_domain::team::{OrganizationRecord, TeamRecord};
use fluxa_domain::vendors::{Auth, Path, Style, Vendor, vendor};
use fluxa_store::{Store, StoreError};
use fluxa_wire::limits::SECRET_BYTES;

use crate::aws::AwsCredentials;
use crate::guard::Rulebook;
use crate::health::{Blame, Health, ProviderState};
use crate::last_known::Configuration;
use crate::settings::Settings;
use crate::upstream::Origin;

/// The configuration as the data plane uses it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) revision: Revision,
    pub(crate) providers: BTreeMap<String, Arc<ProviderView>>,
    pub(crate) routes: Routes,
    pub(crate) prices: PriceTable,
    /// By name.
    pub(crate) teams: HashMap<String, TeamRecord>,
    /// By name.
    pub(crate) organizations: HashMap<String, OrganizationRecord>,
    /// The firewall's rules and policies.
    pub(crate) rulebook: Rulebook,
}

/// One provider, ready to be called.
#[derive(Debug)]
pub(crate) struct ProviderView {
    pub(crate) record: ProviderRecord,
    pub(crate) vendor: &'static Vendor,
    /// Where clients of the OpenAI dialect are served without translation.
    pub(crate) openai: Option<Door>,
    /// Where clients of the Anthropic dialect are served without translation.
    pub(crate) anthropic: Option<Door>,
    /// The address of a vendor that speaks neither of the two.
    other: Option<Door>,
    /// Operations at addresses of their own, where the operator has not moved the provider.
    own_doors: Vec<(Op, Door)>,
    pub(crate) keys: Vec<KeySlot>,
    /// Keys that sign requests, where the provider has its own.
    pub(crate) aws: Option<Arc<AwsCredentials>>,
    /// The operator's extra headers, as lines of a request head.
    pub(crate) header_lines: Vec<u8>,
    pub(crate) connect_timeout: Duration,
    pub(crate) first_byte_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    /// What route planning asks for.
    pub(crate) facts: ProviderFacts,
    /// Breaker, key rotation, what was learned: survives a change of the configuration.
    pub(crate) state: Arc<ProviderState>,
}

/// How a client's call goes to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As it is.
    Native,
    /// In the vendor's own dialect.
    Translated,
}

/// An address of a provider.
#[derive(Debug)]
pub(crate) struct Door {
    /// What is spoken there.
    pub(crate) dialect: Dialect,
    pub(crate) origin: Origin,
    /// The path of the base address, without a trailing slash.
    pub(crate) base_path: String,
    pub(crate) style: Style,
    auth: Auth,
}

/// One API key of a provider.
#[derive(Debug)]
pub(crate) struct KeySlot {
    /// The key itself, for redaction.
    pub(crate) secret: fluxa_domain::secret::Secret<String>,
    pub(crate) weight: u32,
}

impl Door {
    /// The header line that carries the key.
    pub(crate) fn auth_line(&self, key: Option<&KeySlot>, out: &mut Vec<u8>) {
        let Some(key) = key else { return };
        let (name, scheme) = match self.auth {
            Auth::Bearer | Auth::Signed => ("authorization", "Bearer "),
            Auth::Header(_) if is_access_token(key.secret.expose()) => ("authorization", "Bearer "),
            Auth::Header(name) => (name, ""),
            Auth::None => return,
        };
        for part in [name, ": ", scheme, key.secret.expose(), "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

/// What is issued for a while by an identity service (Microsoft's and Google's, Anthropic's for subscriptions) goes as a bearer
/// token, also where a vendor has a header of its own for keys. Source: protocol specification §2.1 and §7.
fn is_access_token(key: &str) -> bool {
    key.starts_with("ya29.") || key.starts_with("sk-ant-oat") || key.starts_with("eyJ") && key.split('.').count() == 3
}

impl Door {
    /// Requests to here are signed, unless there is an API key.
    pub(crate) fn is_signed(&self) -> bool {
        self.auth == Auth::Signed
    }
}

impl ProviderView {
    pub(crate) fn build(provider: Provider, settings: &Settings, health: &Health) -> Option<Self> {
        let Provider { mut record, secrets } = provider;
        let vendor = vendor(&record.kind)?;
        let state = health.provider(&record.name);
        let aws = AwsCredentials::own(&secrets).unwrap_or_else(|error| {
            tracing::warn!(provider = %record.name, %error, "provider keys cannot be used");
            state.failed(Blame::Provider, crate::clock::now(), 0, &error.to_string());
            None
        });
        if vendor.auth == Auth::Signed && record.region.is_none() {
            record.region = settings.aws.region().map(str::to_owned);
        }
        let door = |client: Dialect| -> Option<Door> {
            let endpoint = vendor.endpoint(&record, client)?;
            match Origin::parse(&endpoint.base) {
                Ok((origin, base_path)) => {
                    Some(Door { dialect: endpoint.dialect, origin, base_path, style: endpoint.style, auth: endpoint.auth })
                }
                Err(error) => {
                    tracing::warn!(provider = %record.name, %error, "provider address cannot be used");
                    // In the report as well: such a provider gets no calls, so it would never fail.
                    state.failed(Blame::Provider, crate::clock::now(), 0, &format!("its address cannot be used: {error}"));
                    None
                }
            }
        };
        let (openai, anthropic) = (door(Dialect::OpenAi), door(Dialect::Anthropic));
        let other = if matches!(vendor.dialect, Dialect::Gemini | Dialect::Bedrock) { door(vendor.dialect) } else { None };
        let own_doors = if record.base_url.is_some() {
            Vec::new()
        } else {
            let at = |&(op, path): &(Op, Path)| match path {
                Path::At(url) => {
                    let (origin, base_path) = Origin::parse(url).ok()?;
                    Some((op, Door { dialect: vendor.dialect, origin, base_path, style: Style::Plain, auth: vendor.auth }))
                }
                Path::Below(_) | Path::Origin(_) => None,
            };
            vendor.paths.iter().filter_map(at).collect()
        };
        let mut header_lines = Vec::new();
        for (name, value) in &record.headers {
            for part in [name.as_str(), ": ", value, "\r\n"] {
                header_lines.extend_from_slice(part.as_bytes());
            }
        }
        let millis = |own: Option<u64>, all: Duration| own.map_or(all, Duration::from_millis);
        let keys = secrets.api_keys.into_iter().map(|slot| KeySlot { secret: slot.key, weight: slot.weight.max(1) }).collect();
        Some(Self {
            connect_timeout: millis(record.timeouts.connect_ms, settings.connect_timeout),
            first_byte_timeout: millis(record.timeouts.first_byte_ms, settings.first_byte_timeout),
            idle_timeout: millis(record.timeouts.idle_ms, settings.idle_timeout),
            facts: ProviderFacts { name: record.name.as_str().into(), kind: record.kind.as_str().into(), enabled: record.enabled },
            state,
            record,
            vendor,
            openai,
            anthropic,
            other,
            own_doors,
            keys,
            aws: aws.map(Arc::new),
            header_lines,
        })
    }

    /// The region of its address.
    pub(crate) fn region(&self) -> &str {
        self.record.region.as_deref().unwrap_or(fluxa_domain::vendors::DEFAULT_REGION)
    }

    /// The address that serves clients of `dialect` without translation.
    pub(crate) const fn door(&self, dialect: Dialect) -> Option<&Door> {
        match dialect {
            Dialect::OpenAi => self.openai.as_ref(),
            Dialect::Anthropic => self.anthropic.as_ref(),
            Dialect::Gemini | Dialect::Bedrock => match &self.other {
                Some(door) if door.dialect as u8 == dialect as u8 => Some(door),
                _ => None,
            },
        }
    }

    /// How a client of `dialect` is served with `op`; nothing where it cannot be.
    pub(crate) fn way(&self, dialect: Dialect, op: Op) -> Option<Way> {
        // A vendor of OpenAI's dialect may have chat completions and no responses.
        let lacks = dialect == Dialect::OpenAi && op == Op::Responses && !self.vendor.offers(Op::Responses);
        if self.door_for(dialect, op).is_some() && !lacks {
            return Some(Way::Native);
        }
        let translated = crate::dialects::client(dialect, op).is_some() && self.door(self.vendor.dialect).is_some();
        translated.then_some(Way::Translated)
    }

    /// The address for a call that goes this way.
    pub(crate) fn door_on(&self, way: Way, dialect: Dialect, op: Op) -> Option<&Door> {
        match way {
            Way::Native => self.door_for(dialect, op),
            Way::Translated => self.door(self.vendor.dialect),
        }
    }

    /// Like [`ProviderView::door`], for operations that live at an address of their own.
    pub(crate) fn door_for(&self, dialect: Dialect, op: Op) -> Option<&Door> {
        let own = self.own_doors.iter().find(|(of, _)| *of == op).map(|(_, door)| door);
        own.or_else(|| self.door(dialect))
    }

    /// Whether the keys are those of `other`, in the same order.
    pub(crate) fn has_keys_of(&self, other: &Self) -> bool {
        let keys = |view: &'_ Self| view.keys.iter().map(|slot| slot.secret.expose().clone()).collect::<Vec<_>>();
        keys(self) == keys(other)
    }

    /// All that must not be told: API keys, and the secret parts of what signs requests.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let signing = self.aws.as_deref().into_iter().flat_map(AwsCredentials::secret_parts);
        self.keys.iter().map(|slot| slot.secret.expose().as_str()).chain(signing)
    }

    /// Whether one of this provider's keys stands in `text`.
    pub(crate) fn is_quoted_in(&self, text: &[u8]) -> bool {
        let mut keys = self.secrets().filter(|key| key.len() >= SECRET_BYTES);
        keys.any(|key| memchr::memmem::find(text, key.as_bytes()).is_some())
    }

    /// `text`, without this provider's keys; as it is where it quotes none, which is nearly always.
    pub(crate) fn without_keys(&self, text: Bytes) -> Bytes {
        if self.is_quoted_in(&text) { self.redact(&text) } else { text }
    }

    /// Replaces every key of this provider, and what looks like one, by stars.
    pub(crate) fn redact(&self, body: &Bytes) -> Bytes {
        let secrets: Vec<&str> = self.secrets().collect();
        fluxa_wire::upstream_error::redact_body(body, &secrets)
    }
}

impl View {
    /// Reads the whole configuration from the store; what did not change is taken from the `former` view.
    pub(crate) async fn load(store: &Store, settings: &Settings, health: &Health, former: Option<Arc<Self>>) -> Result<Self, StoreError> {
        let mut records = Configuration::read(store).await?;
        let (rules, policies) = (std::mem::take(&mut records.firewall_rules), std::mem::take(&mut records.firewall_policies));
        if policies.is_empty() {
            let rulebook = Rulebook::of(&rules, policies, settings.firewall_policy.as_deref(), None);
            return Ok(Self::with(records, rulebook, settings, health));
        }
        let usual = settings.firewall_policy.clone();
        // Long lists of words take a moment, and this may be a thread that serves calls.
        let compiling = move || Rulebook::of(&rules, policies, usual.as_deref(), former.as_deref().map(|former| &former.rulebook));
        let rulebook = tokio::task::spawn_blocking(compiling)
            .await
            .map_err(|error| StoreError::Corrupt { what: String::from("rules of the firewall"), why: error.to_string() })?;
        Ok(Self::with(records, rulebook, settings, health))
    }

    /// Makes the records ready to be used.
    pub(crate) fn of(mut records: Configuration, settings: &Settings, health: &Health) -> Self {
        let policies = std::mem::take(&mut records.firewall_policies);
        let rulebook = Rulebook::of(&records.firewall_rules, policies, settings.firewall_policy.as_deref(), None);
        Self::with(records, rulebook, settings, health)
    }

    fn with(records: Configuration, rulebook: Rulebook, settings: &Settings, health: &Health) -> Self {
        let providers = records
            .providers
            .into_iter()
            .filter_map(|provider| ProviderView::build(provider, settings, health))
            .map(|view| (view.record.name.clone(), Arc::new(view)))
            .collect();
        let prices = PriceTable::new(fluxa_domain::prices::shared().iter().cloned(), records.prices);
        Self {
            revision: records.revision,
            providers,
            routes: Routes::new(records.routes),
            prices,
            teams: records.teams.into_iter().map(|team| (team.name.clone(), team)).collect(),
            organizations: records.organizations.into_iter().map(|record| (record.name.clone(), record)).collect(),
            rulebook,
        }
    }

    /// What route planning needs to know: by name, else an enabled provider of that kind.
    pub(crate) fn facts(&self, name_or_kind: &str) -> Option<ProviderFacts> {
        let view = self
            .providers
            .get(name_or_kind)
            .or_else(|| self.providers.values().find(|provider| provider.record.enabled && provider.record.kind == name_or_kind))?;
        Some(view.facts.clone())
    }

    /// Every name a client may use as a model, sorted: exact routes, and the priced models of the providers that are there.
    pub(crate) fn model_names(&self) -> Vec<(String, String)> {
        let mut names: HashMap<String, String> = HashMap::new();
        for row in self.prices.rows() {
            let owner =
                self.providers.values().find(|p| p.record.enabled && (p.record.kind == row.provider || p.record.name == row.provider));
            if let Some(owner) = owner {
                names.entry(row.model.clone()).or_insert_with(|| owner.record.name.clone());
            }
        }
        for route in self.routes.iter() {
            if !route.model.contains('*') {
                let owner = route.targets.first().map_or_else(String::new, |target| target.provider.clone());
                names.insert(route.model.clone(), owner);
            }
        }
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort();
        names
    }
}
