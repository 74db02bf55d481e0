//! The data plane: the path of one call, from the socket of a client to the socket of a vendor and back.
//!
//! Nothing here reads the environment, writes configuration, speaks SQL or meets the admin API.
//! Start reading at `pipeline.rs`: the life of one call, on one page.

mod admission;
mod away;
mod aws;
mod body;
mod call;
mod clock;
mod conversations;
mod dialects;
mod dispatch;
mod guard;
mod head;
mod health;
mod hearing;
mod heartbeat;
mod http;
mod kept_answers;
mod keys;
mod last_known;
mod ledger;
mod media;
mod metrics;
mod models;
mod output_bound;
mod pass_path;
mod pipeline;
mod probe;
mod probing;
mod prompt_prefix;
mod reconcile;
mod recovery;
mod relay;
mod reply;
mod rescoped;
mod reservations;
mod running;
mod scopes;
mod server;
mod settings;
mod settling;
mod size;
mod snapshot;
mod sweeper;
mod tags;
mod tasks;
mod upstream;
mod worker;

pub use aws::{AwsAccess, AwsCredentials, AwsCredentialsError, AwsEnvironment};
pub use last_known::{Configuration, LastKnown, LastKnownError, Recalled};
pub use probe::{ProbeReport, probe};
pub use recovery::{RecoverError, Recovery, recover};
pub use reply::{BoxError, MountBody};
pub use running::{Gateway, Running, StartError};
pub use server::Mount;
pub use settings::{RequestLog, Settings};
