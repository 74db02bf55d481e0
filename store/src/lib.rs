//! What is kept (the database) and what is shared (counters, notices), and the journal that outlives `kill -9`.
//!
//! Nothing here decides: the store keeps and counts what it is given, and reads no clock (`now` is an argument).
//! No SQL text is built from values, and no secret is written in clear. Start reading at `open.rs` ([`Store`]),
//! then `commit.rs` (how configuration changes), `records/ledger.rs` (how usage is kept), `shared.rs` (how budgets are
//! counted) and `journal.rs` (why nothing is lost).

pub mod error;
pub mod journal;
pub mod open;
pub mod page;
pub mod records;
pub mod seal;
pub mod secret_key;
pub mod shared;

mod commit;
mod sql;

pub use error::{CommitError, SecretKeyError, StoreError};
pub use journal::{Begin, Journal, JournalError, JournalWriter, Recovered};
pub use open::{Migrate, PostgresOptions, ServerState, Store, StoreOptions};
pub use page::Page;
pub use records::audit::{AuditFilter, AuditRow};
pub use records::audit_money::{SumsAudit, WrongSum};
pub use records::findings::{FindingsBy, FindingsQuery, FindingsRow};
pub use records::keys::KeyFilter;
pub use records::ledger::Finished;
pub use records::logs::LogFilter;
pub use records::spend::{LedgerMoment, Spent};
pub use records::usage::{GroupBy, Interval, UsageQuery, UsageRow};
pub use seal::Sealer;
pub use secret_key::{SecretKey, load_or_create_secret_key};
pub use shared::Shared;
