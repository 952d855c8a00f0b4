//! Counts how often Ctrl-C is pressed.

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Every Ctrl-C that was pressed and not handled yet. One that is pressed while nobody waits is not
/// lost.
pub(super) struct Stops(UnboundedReceiver<()>);

impl Stops {
    /// Begins to count. From now on Ctrl-C does not end the process.
    pub(super) fn new() -> Stops {
        let (pressed, stops) = unbounded_channel();
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() && pressed.send(()).is_ok() {}
        });
        Stops(stops)
    }

    pub(super) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending().await
        }
    }
}
