//! Decides when each webhook of a vendor arrives: late, out of order, again, and with many events
//! in a request.

use std::time::Duration;

use super::*;
use crate::local::crm::{Delivery, Parcel, WebhookContents};

/// How long events are collected for one request.
const WINDOW: Duration = Duration::from_secs(1);

/// An event that waits to be sent with others.
pub(super) struct PooledEvent {
    source: usize,
    /// When the request is sent.
    at: Duration,
    body: Value,
    says: WebhookContents,
}

impl Book {
    /// Sends the item, by itself or later with others.
    pub(super) fn post(&mut self, n: usize, item: Item, opts_in: bool, is_last: bool) {
        let is_late = self.rng.f64() < 0.06;
        let delay = if is_late {
            self.rng.u64(20_000..480_000)
        } else {
            self.rng.u64(50..120)
        };
        let mut at = self.now + Duration::from_millis(delay);
        let says = WebhookContents {
            changes: item.changes,
            ignored: usize::from(item.changes == 0),
            opts_in,
            is_last,
        };
        self.changes += item.changes;
        let source = self.records[n].campaign;
        if self.habits.batch > 1 {
            at = WINDOW * (at.as_secs() as u32 + 1);
            self.pool.push(PooledEvent {
                source,
                at,
                body: item.body,
                says,
            });
        } else {
            at = at.max(self.send(source, at, &item.body, says));
        }
        let record = &mut self.records[n];
        record.arrived = record.arrived.max(at);
    }

    /// Sends the events that wait. A request holds events of one source and one second, in no order
    /// and at most as many as the vendor allows.
    pub(super) fn send_pool(&mut self) {
        let mut pool = std::mem::take(&mut self.pool);
        self.rng.shuffle(&mut pool);
        pool.sort_by_key(|pooled| (pooled.at, pooled.source));
        for together in pool.chunk_by(|one, next| (one.at, one.source) == (next.at, next.source)) {
            for request in together.chunks(self.habits.batch) {
                let body = request.iter().map(|pooled| pooled.body.clone()).collect();
                let mut says = WebhookContents::default();
                for pooled in request {
                    says.changes += pooled.says.changes;
                    says.ignored += pooled.says.ignored;
                    says.opts_in |= pooled.says.opts_in;
                    says.is_last |= pooled.says.is_last;
                }
                self.send(request[0].source, request[0].at, &body, says);
            }
        }
    }

    /// Sends a request, and sometimes once or twice again, as after an answer that was lost.
    /// Returns when the last of them arrives.
    fn send(
        &mut self,
        source: usize,
        at: Duration,
        body: &Value,
        says: WebhookContents,
    ) -> Duration {
        let name = source_name(&*self.speaker, source);
        let (share, shortest, longest) = self.habits.resends;
        let mut sent_at = at;
        for attempt in 0..3 {
            let parcel = Parcel::Webhook {
                source: name.clone(),
                body: self.speaker.resent(body, attempt).to_string(),
            };
            let delivery = Delivery::new(sent_at, parcel);
            self.deliveries.push(Delivery { says, ..delivery });
            if self.rng.f64() >= share {
                break;
            }
            sent_at += Duration::from_millis(self.rng.u64(shortest..longest));
        }
        sent_at
    }
}
