//! The clock and the source of chance, as arguments. A test or a simulation passes its own.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// A source of the current time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock::from_fn(Timestamp::now)
    }

    /// A clock that calls this function.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

/// The source of jitter. Ids and secrets must not use it.
pub struct Chance(Mutex<fastrand::Rng>);

impl Chance {
    /// A sequence that differs in each process.
    pub fn of_process() -> Chance {
        Chance(Mutex::new(fastrand::Rng::new()))
    }

    /// The sequence of a seed, always the same.
    pub fn seeded(seed: u64) -> Chance {
        Chance(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// A random number from 0 up to, but not including, 1.
    pub fn draw(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}
