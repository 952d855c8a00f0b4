//! Time and chance, as arguments: a test or a simulation brings its own.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// Where the time comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock::from_fn(Timestamp::now)
    }

    /// A clock of somebody else's.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

/// The randomness of jitter: never of an id or a secret.
pub struct Chance(Mutex<fastrand::Rng>);

impl Chance {
    /// Another sequence in each process.
    pub fn of_process() -> Chance {
        Chance(Mutex::new(fastrand::Rng::new()))
    }

    /// The same sequence for the same seed.
    pub fn seeded(seed: u64) -> Chance {
        Chance(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// From 0 up to, but not, 1.
    pub fn share(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}
