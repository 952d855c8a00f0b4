//! The shell around [`domain`]: configuration, clock, secrets, queue, telemetry and the Genesys
//! Cloud client.
//!
//! Everything that makes a call or reads the environment is here; what to do is decided in
//! [`domain`].
//!
//! - [`genesys`]: orgs, with their login, call budget and health, and the two contact APIs.
//! - [`secrets`]: the secrets of orgs, sources and CRM feeds, read and checked.
//! - [`queue`]: the calls to SQS.
//! - [`records`]: what reconcile knows of an org from one run to the next.
//! - [`telemetry`]: the log and the metrics.
//! - [`config`]: the environment variables.
//!
//! There is a trait only where a simulation must replace the outside world: [`http::Transport`],
//! [`queue::Queue`], [`records::Records`] and [`secrets::Secrets`].
#![warn(missing_docs)]

pub mod aws;
pub mod clock;
pub mod config;
pub mod genesys;
pub mod http;
pub mod queue;
pub mod records;
pub mod secrets;
pub mod telemetry;
mod throttled;

pub use crate::http::{Https, NoRoots};
pub use clock::{Chance, Clock};
pub use config::Config;
pub use throttled::throttled;
