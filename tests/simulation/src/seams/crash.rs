//! The end of one copy of a function, in the middle of its work.
//!
//! `super::genesys` and `super::killable` decide when a copy ends.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Ends one copy of a function.
#[derive(Default)]
pub(crate) struct Crash {
    is_due: AtomicBool,
    due: Notify,
}

impl Crash {
    /// Ends the copy.
    pub(crate) fn now(&self) {
        self.is_due.store(true, Ordering::Relaxed);
        self.due.notify_waiters();
    }

    pub(crate) async fn wait(&self) {
        loop {
            let due = self.due.notified();
            if self.is_due.load(Ordering::Relaxed) {
                return;
            }
            due.await;
        }
    }
}
