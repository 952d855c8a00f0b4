//! The shell around `domain`: configuration, clock, secrets, queue and the Genesys Cloud client.
//!
//! Traits stand only where a simulation must put itself in the place of the outside:
//! [`http::Transport`], [`queue::Queue`], [`records::Records`] and [`secrets::Secrets`].
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
