//! Tells the operator's webhook what was blocked, and what rules with `alert` found. Rules and counts, never values.
//!
//! The invariant: calls never wait for it. A queue that is full drops notices and counts them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fluxa_domain::entry::Entry;
use serde::Serialize;
use tokio::sync::Notify;

use super::counts::Counts;
use crate::running::Gateway;
use crate::upstream::{Ask, Connector, Origin, Pool, Progress, Scratch, Timers, exchange};

/// Notices that wait on one thread.
const MAX_WAITING: usize = 1_000;
/// Until a connection stands.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Until its answer begins, and for all of a notice.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The notices of one data-plane thread that wait to be told.
#[derive(Debug, Default)]
pub(crate) struct Webhook {
    waiting: RefCell<VecDeque<Notice>>,
    arrived: Notify,
}

/// What is told of one call.
#[derive(Debug, Serialize)]
pub(crate) struct Notice {
    id: String,
    request_id: String,
    /// Microseconds since 1970.
    at: i64,
    key_id: String,
    team: String,
    rules: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Finding {
    rule: String,
    action: String,
    count: u32,
}

impl Notice {
    /// What is to be told of a call that has ended, if anything is.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let told = entry.firewall.iter().filter(|hit| matches!(&*hit.action, "alert" | "block"));
        let rules: Vec<Finding> =
            told.map(|hit| Finding { rule: hit.rule.clone(), action: hit.action.clone(), count: hit.count }).collect();
        (!rules.is_empty()).then(|| Self {
            id: entry.id.to_string(),
            request_id: entry.request_id.clone(),
            at: entry.at.0,
            key_id: entry.key_id.clone(),
            team: entry.team.clone(),
            rules,
        })
    }
}

impl Webhook {
    /// Hands a notice in.
    pub(super) fn send(&self, notice: Notice, counts: &Counts) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() >= MAX_WAITING {
            counts.dropped();
            return;
        }
        waiting.push_back(notice);
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Tells what is handed in, one after the other, as long as the thread lives.
    pub(crate) async fn run(self: Rc<Self>, gateway: Arc<Gateway>, connector: Connector, scratch: Rc<Scratch>, address: String) {
        let pool = Rc::new(Pool::default());
        loop {
            let next = self.waiting.borrow_mut().pop_front();
            let Some(notice) = next else {
                self.arrived.notified().await;
                continue;
            };
            let telling = tell(&connector, &pool, &scratch, &address, &notice);
            let told = tokio::time::timeout(ANSWER_WITHIN, telling).await.unwrap_or_else(|_| Err(String::from("no answer in time")));
            gateway.metrics.firewall.told(told.is_ok());
            if let Err(error) = told {
                // Not the address: it may hold a secret of its own.
                tracing::warn!(call.id = %notice.id, %error, "the firewall's webhook was not told");
            }
        }
    }
}

async fn tell(connector: &Connector, pool: &Rc<Pool>, scratch: &Scratch, address: &str, notice: &Notice) -> Result<(), String> {
    let url = url::Url::parse(address).map_err(|_| String::from("the address is none"))?;
    let (origin, _) = Origin::parse(&url[..url::Position::BeforePath]).map_err(|_| String::from("the address cannot be used"))?;
    let body = serde_json::to_vec(notice).map_err(|error| error.to_string())?;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\nuser-agent: fluxa/{}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        &url[url::Position::BeforePath..url::Position::AfterQuery],
        origin.authority,
        env!("CARGO_PKG_VERSION"),
        body.len(),
    );
    let timers = Timers { connect: CONNECT_WITHIN, first_byte: ANSWER_WITHIN };
    let ask = Ask { origin: &origin, head: head.into_bytes(), body: &body };
    let mut answer = exchange(connector, pool, scratch, ask, timers).await.map_err(|fault| fault.to_string())?;
    // Read to its end, so that the connection can be used again.
    while let Ok(Progress::Data) = std::future::poll_fn(|cx| answer.body.poll_data(cx, scratch, |_| ())).await {}
    if (200..300).contains(&answer.head.status) { Ok(()) } else { Err(format!("status {}", answer.head.status)) }
}
