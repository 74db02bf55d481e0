//! What was found in a call, and who is told: the row, the metrics, the log, the client, the webhook. Rules and counts, never values.

use fluxa_domain::entry::Entry;
use fluxa_domain::firewall::{Direction, Hit};

use super::Guard;
use super::webhook::Notice;
use crate::worker::Worker;

/// A longer header is cut: clients and proxies refuse long ones.
const MAX_HEADER_BYTES: usize = 1_024;
/// Words of the ledger, from the strictest: the order of the header.
const WORDS: [&str; 9] = ["block", "mask", "pseudonym", "alert", "would_block", "would_mask", "would_pseudonym", "would_alert", "observe"];

impl Guard {
    /// What was found so far, sorted.
    pub(crate) fn hits(&self) -> Vec<Hit> {
        let mut hits = self.firewall.hits();
        hits.sort_unstable();
        // Two styles of one action are one line.
        hits.dedup_by(|next, kept| {
            let same = next.rule == kept.rule && next.action == kept.action;
            if same {
                kept.count = kept.count.saturating_add(next.count);
            }
            same
        });
        hits
    }

    /// What the header `x-fluxa-firewall` says: `mask;email=2;phone=1, would_block;openai_key=1`. Nothing where nothing was found.
    pub(crate) fn header(&self) -> Option<String> {
        let hits = self.hits();
        let mut text = String::new();
        for word in WORDS {
            let mut first = true;
            for hit in hits.iter().filter(|hit| hit.action == word) {
                if text.len() + word.len() + hit.rule.len() > MAX_HEADER_BYTES {
                    return Some(text);
                }
                if first {
                    text.push_str(if text.is_empty() { "" } else { ", " });
                    text.push_str(word);
                }
                first = false;
                text.push(';');
                text.push_str(&hit.rule);
                text.push('=');
                text.push_str(&hit.count.to_string());
            }
        }
        (!text.is_empty()).then_some(text)
    }

    /// The call has ended: everyone is told what was found.
    pub(crate) fn tell(&mut self, worker: &Worker, entry: &mut Entry) {
        let all = self.firewall.hits();
        entry.firewall = self.hits();
        let counts = &worker.gateway.metrics.firewall;
        if self.blocked {
            counts.blocked();
        }
        if all.is_empty() {
            return;
        }
        let answered = minus(&all, &self.asked);
        for (way, hits) in [(Direction::Request, &self.asked), (Direction::Response, &answered)] {
            counts.found(way, hits);
        }
        let told = |hits: &[Hit]| hits.iter().map(|hit| format!("{}:{}={}", hit.action, hit.rule, hit.count)).collect::<Vec<_>>().join(" ");
        tracing::info!(
            call.id = %entry.id,
            request.id = %entry.request_id,
            key.id = %entry.key_id,
            team = %entry.team,
            blocked = self.blocked,
            request = %told(&self.asked),
            response = %told(&answered),
            "the firewall found something in call {}",
            entry.id
        );
        if let Some(webhook) = &worker.webhook
            && let Some(notice) = Notice::of(entry)
        {
            webhook.send(notice, counts);
        }
    }
}

/// What is in `all` and not in `before`, which is a part of it.
fn minus(all: &[Hit], before: &[Hit]) -> Vec<Hit> {
    let mut rest = before.to_vec();
    let left = all.iter().filter_map(|hit| {
        let at = rest.iter().position(|known| known.rule == hit.rule && known.action == hit.action && known.count > 0);
        let known = at.and_then(|at| rest.get_mut(at));
        let known = known.map_or(0, |known| std::mem::take(&mut known.count));
        let count = hit.count.saturating_sub(known);
        (count > 0).then(|| Hit { count, ..hit.clone() })
    });
    left.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_in_the_answer_is_the_rest() {
        let hit = |rule: &str, action: &str, count| Hit { rule: rule.into(), action: action.into(), count };
        let all = [hit("email", "mask", 5), hit("email", "would_mask", 1), hit("phone", "alert", 2)];
        let before = [hit("email", "mask", 2), hit("phone", "alert", 2)];
        assert_eq!(minus(&all, &before), [hit("email", "mask", 3), hit("email", "would_mask", 1)]);
        assert_eq!(minus(&all, &[]), all);
        assert!(minus(&all, &all).is_empty());
    }
}
