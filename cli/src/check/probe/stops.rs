//! Ctrl-C, pressed once or more.

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Tells of each, also of one that came while nobody waited for it.
pub(super) struct Stops(UnboundedReceiver<()>);

impl Stops {
    /// From now on Ctrl-C ends nothing by itself.
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
