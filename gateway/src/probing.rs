//! Providers that are asked now and then whether they are there, so that a circuit closes or opens without a client's call.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::health::Blame;
use crate::running::Gateway;
use crate::snapshot::ProviderView;

/// How often it is looked who is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Probes for ever; the task's owner ends it.
pub(crate) async fn run(gateway: Arc<Gateway>) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut asked: HashMap<String, Instant> = HashMap::new();
    loop {
        tick.tick().await;
        let view = gateway.view.load_full();
        asked.retain(|name, _| view.providers.contains_key(name));
        for (name, provider) in &view.providers {
            let Some(every) = provider.record.probe_every_s.filter(|_| provider.record.enabled) else { continue };
            let due = asked.get(name).is_none_or(|last| last.elapsed() >= Duration::from_secs(u64::from(every)));
            if due {
                asked.insert(name.clone(), Instant::now());
                probe(&gateway, Arc::clone(provider)).await;
            }
        }
    }
}

/// One after another: a probe has its own bound in time, and providers are few.
async fn probe(gateway: &Gateway, provider: Arc<ProviderView>) {
    let state = Arc::clone(&provider.state);
    let name = provider.record.name.clone();
    let found = crate::probe::run(provider, gateway.settings.egress.clone()).await;
    // A status is an answer, whatever it says: keys and models have circuits of their own.
    if found.ok || found.status.is_some_and(|status| status < 500) {
        state.is_there();
    } else {
        tracing::warn!(provider = %name, why = %found.message, "the provider does not answer a probe");
        // Chance spreads what many replicas do at once; the clock is chance enough.
        let roll = crate::clock::now().0.unsigned_abs();
        state.failed(Blame::Provider, crate::clock::now(), roll, &found.message);
    }
}
