//! The outside world of campaign-sync, in memory: Genesys Cloud, an SQS FIFO queue with Lambda's
//! event source rules, Secrets Manager, Parameter Store, EventBridge Scheduler, a log, the feed of a CRM, and the APIs of vendors' CRMs. For local runs and tests; every wait
//! is a wait of tokio's clock, which may be paused.
//!
//! It reads and writes raw JSON with types of its own, so that it cannot share a mistake with the
//! product.

pub mod aws;
pub mod crm;
pub mod event_source;
mod fault;
pub mod feed;
pub mod fifo;
pub mod genesys;
mod logs;
pub mod records;
pub mod schedules;
pub mod secrets;
pub mod world;

pub use crm::Crm;
pub use event_source::EventSource;
pub use fault::{Effect, Fault};
pub use feed::Feed;
pub use fifo::{Fifo, Sqs};
pub use genesys::Genesys;
pub use logs::Logs;
pub use records::Parameters;
pub use schedules::Schedules;
pub use secrets::Vault;
pub use world::World;

use io::Clock;
use jiff::Timestamp;

/// A clock that begins at `start` and goes as tokio's does: with a paused runtime it jumps from
/// wait to wait.
pub fn logical_clock(start: Timestamp) -> Clock {
    let began = tokio::time::Instant::now();
    Clock::from_fn(move || start + began.elapsed())
}
