//! Faults on purpose.

use std::time::Duration;

/// What happens instead of a right answer.
#[derive(Clone, Debug)]
pub enum Effect {
    /// This status, with these headers and no effect.
    Status(u16, Vec<(&'static str, String)>),
    /// The connection is lost, before or after the call is carried out.
    Lost { is_done: bool },
    /// No answer, before or after the call is carried out.
    Hang { is_done: bool },
    /// The right answer, so much later.
    Slow(Duration),
}

/// Which calls fail, and how.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Any method where none is named.
    pub method: Option<&'static str>,
    /// Part of the path as it comes over the wire.
    pub path: String,
    /// Calls of this kind that go well before the first that fails.
    pub after: usize,
    /// Calls that fail then.
    pub times: usize,
    pub effect: Effect,
}

impl Fault {
    /// The next call of this method fails.
    pub fn next(method: &'static str, effect: Effect) -> Fault {
        Fault { method: Some(method), path: String::new(), after: 0, times: 1, effect }
    }

    /// The next call is answered with this status.
    pub fn status(method: &'static str, status: u16) -> Fault {
        Fault::next(method, Effect::Status(status, Vec::new()))
    }

    /// Only calls of this path.
    #[must_use]
    pub fn on(self, path: impl Into<String>) -> Fault {
        Fault { path: path.into(), ..self }
    }

    /// So many calls.
    #[must_use]
    pub fn times(self, times: usize) -> Fault {
        Fault { times, ..self }
    }

    /// After so many calls that go well.
    #[must_use]
    pub fn after(self, after: usize) -> Fault {
        Fault { after, ..self }
    }

    /// Counts a call; the effect, if it fails.
    pub(super) fn strike(&mut self, method: &str, path: &str) -> Option<Effect> {
        let is_meant = self.times > 0 && self.method.is_none_or(|of| of == method) && path.contains(&self.path);
        if !is_meant {
            return None;
        }
        if self.after > 0 {
            self.after -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.effect.clone())
    }
}
