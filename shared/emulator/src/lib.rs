//! The outside world of campaign-sync, in memory: Genesys Cloud, SQS FIFO queues with Lambda's
//! event source mapping, Secrets Manager, Parameter Store, EventBridge Scheduler, CloudWatch Logs,
//! the feed of a CRM, and the APIs of four CRM vendors.
//!
//! Tests, the simulation and `campaign-sync local` run the functions against it. Every wait is a
//! wait on tokio's clock, so that with a paused clock hours pass in milliseconds. It is a model of
//! the services, not a replacement: it answers the calls that campaign-sync makes, and refuses the
//! rest.
//!
//! It reads and writes raw JSON with types of its own. If it used those of the product, a mistake
//! in them would go unnoticed on both sides.
//!
//! Where to look next: [`world`] puts all parts together, [`genesys`] is the largest of them, and
//! `fault` injects failures.

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

/// A clock that begins at `start` and advances with tokio's. If tokio's clock is paused, it jumps
/// from wait to wait.
pub fn logical_clock(start: Timestamp) -> Clock {
    let began = tokio::time::Instant::now();
    Clock::from_fn(move || start + began.elapsed())
}
