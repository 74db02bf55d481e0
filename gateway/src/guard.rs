//! The firewall on the path of a call: which policies hold for it, what its texts become on their way to the vendor and back.
//!
//! The invariant: a call that a policy holds for reaches a vendor, a log, a cache or a client only with the texts that its guard has
//! seen; what cannot be read is refused where the policy would change or refuse it. Never done here: what is looked for (`firewall`),
//! and which parts of a body are texts (`wire::leaf`, `wire::screen`). No value that was found is written anywhere.
//!
//! Start at [`Guard::of`], then `guard/request.rs`, `guard/answer.rs` and `guard/stream.rs`.

mod answer;
mod counts;
mod request;
mod rulebook;
mod stream;
mod tally;
mod text;
mod webhook;

use std::sync::Arc;

use fluxa_domain::firewall::Hit;
use fluxa_domain::key::KeyRecord;
use fluxa_domain::refusal::{Refusal, RefusalKind};
use fluxa_domain::route::RouteRecord;
use fluxa_firewall::CallFirewall;
use sha2::{Digest as _, Sha256};

use crate::scopes::Groups;
use crate::settings::Settings;
use crate::snapshot::View;

pub(crate) use answer::{Shape, is_text, unreadable};
pub(crate) use counts::Counts;
pub(crate) use request::Asked;
use rulebook::Plans;
pub(crate) use rulebook::Rulebook;
pub(crate) use stream::{End, Screening};
pub(crate) use webhook::Webhook;

/// The guard of one call.
#[derive(Debug)]
pub(crate) struct Guard {
    firewall: CallFirewall,
    plans: Arc<Plans>,
    /// What hashes of masked values are keyed with: another for each organization, so that they cannot compare theirs.
    pepper: [u8; 32],
    /// What was found in the request; the rest was found in the answer.
    asked: Vec<Hit>,
    /// A text was refused, or could not be read.
    blocked: bool,
}

impl Guard {
    /// The guard of a call of `key`; nothing where no policy says anything about it. What is given to key, team, organization and
    /// route holds together, the strictest wins; where none of them has one, the policy of the settings holds.
    ///
    /// # Errors
    /// Where a policy is named that is not known here: a configuration that lags behind must not let through what a newer one guards.
    pub(crate) fn of(
        view: &View,
        settings: &Settings,
        key: &KeyRecord,
        groups: Groups<'_>,
        route: Option<&RouteRecord>,
    ) -> Result<Option<Self>, Refusal> {
        let [team, organization] = groups.firewall_policies();
        let own = key.firewall_policy.as_deref();
        let mut given = [own, team, organization, route.and_then(|route| route.firewall_policy.as_deref())];
        if given.iter().all(Option::is_none) {
            let Some(usual) = settings.firewall_policy.as_deref() else { return Ok(None) };
            given = [Some(usual), None, None, None];
        }
        // A policy that is named and not there must not mean that nothing is looked at.
        let plans = view.rulebook.plans(&given).map_err(|name| {
            tracing::warn!(policy = %name, "a firewall policy is named that is not known here: the call is refused");
            let text = format!("the firewall policy \"{name}\" is not known here yet");
            Refusal::new(RefusalKind::Overloaded, text).with_status(503).retry_after(1)
        })?;
        let Some(plans) = plans else { return Ok(None) };
        let mut hash = Sha256::new();
        for part in [b"fluxa-firewall-1".as_slice(), &settings.pepper, groups.organization_name().as_bytes()] {
            hash.update(part);
        }
        let pepper: [u8; 32] = hash.finalize().into();
        let firewall = CallFirewall::new(Arc::clone(&plans.ruleset), plans.request.clone(), plans.response.clone(), pepper);
        Ok(Some(Self { firewall, plans, pepper, asked: Vec::new(), blocked: false }))
    }

    /// What distinguishes the rules and policies that hold for the call: answers that were kept under others are not given again.
    pub(crate) fn fingerprint(&self) -> &[u8; 32] {
        &self.plans.fingerprint
    }

    /// Whether anything in the answer is looked at or changed.
    pub(crate) fn watches_answers(&self) -> bool {
        self.firewall.watches_answers()
    }

    /// Whether an answer that cannot be read must be refused.
    pub(crate) fn enforces_answers(&self) -> bool {
        self.firewall.enforces_answers()
    }

    /// Whether the vendor sees stand-ins that the client gets values back for.
    pub(crate) fn has_stand_ins(&self) -> bool {
        self.firewall.watches_answers() && self.asked.iter().any(|hit| hit.action == "pseudonym")
    }

    /// A firewall like that of the call, but for what is written down: there stand-ins stay.
    fn for_the_books(&self) -> CallFirewall {
        CallFirewall::new(Arc::clone(&self.plans.ruleset), None, self.plans.response.clone(), self.pepper)
    }
}
