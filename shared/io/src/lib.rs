//! The shell around `domain`: configuration, clock, secrets, queue and the Genesys Cloud client.
//!
//! Traits stand only where a simulation must put itself in the place of the outside:
//! [`queue::Queue`], [`secrets::Secrets`] and [`genesys::Transport`].
#![warn(missing_docs)]

pub mod aws;
pub mod clock;
pub mod config;
pub mod genesys;
mod https;
pub mod queue;
pub mod secrets;
pub mod telemetry;
mod throttled;

pub use clock::{Chance, Clock};
pub use config::Config;
pub use https::{Https, NoRoots};
pub use throttled::throttled;
