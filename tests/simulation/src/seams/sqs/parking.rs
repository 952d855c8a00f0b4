//! The dead-letter queue as one function sees it: ingest parks items in batches, and apply parks
//! one message at a time.
//!
//! The other queues are in `super`.

use io::aws::LONGEST_CALL;
use io::queue::{Message, QueueError, RefusedEntry};
use tokio::time::sleep;

use super::{A_CALL, Sqs, timed_out, unavailable};
use crate::chaos::FaultKind;
use crate::lock;
use crate::trouble::TroubleKind;

impl Sqs {
    /// Stores a batch of items that ingest parks.
    pub(super) async fn park(
        &self,
        messages: Vec<Message>,
    ) -> Result<Vec<Result<(), RefusedEntry>>, QueueError> {
        sleep(A_CALL).await;
        if !(1..=10).contains(&messages.len()) {
            let what =
                "9: a batch of entries for the dead-letter queue that holds none, or more than ten";
            self.0.violated(what.to_owned());
        }
        let fault = self.0.chaos.draw(FaultKind::ParkingFails, "send_batch");
        let fault = fault.map(|mut rng| rng.u8(..3));
        match fault {
            Some(0) => return Err(unavailable()),
            Some(1) => {
                sleep(LONGEST_CALL).await;
                return Err(timed_out());
            }
            _ => {}
        }
        let results = messages.into_iter().map(|message| {
            if self
                .0
                .chaos
                .strikes(FaultKind::EntryRefused, &message.group)
            {
                return Err(RefusedEntry {
                    code: "InternalError".to_owned(),
                    is_senders_fault: false,
                });
            }
            self.0.store_parked(message).map_err(|error| RefusedEntry {
                code: error.to_string(),
                is_senders_fault: true,
            })
        });
        let results = results.collect();
        if fault == Some(2) {
            return Err(timed_out());
        }
        Ok(results)
    }

    /// Stores a message that apply parks.
    pub(super) async fn park_one(&self, message: Message) -> Result<(), QueueError> {
        let trouble = *lock(&self.0.trouble);
        if trouble.is_some_and(|trouble| trouble.kind == TroubleKind::HangingParking) {
            sleep(LONGEST_CALL).await;
            return Err(timed_out());
        }
        let fault = self.0.chaos.draw(FaultKind::ParkingFails, &message.group);
        let is_answer_lost = fault.map(|mut rng| rng.bool());
        if is_answer_lost == Some(false) {
            return Err(unavailable());
        }
        self.0.dead_letters.send(message.clone())?;
        lock(&self.0.seen)
            .parked
            .push((self.0.clock.now(), message));
        if is_answer_lost == Some(true) {
            Err(timed_out())
        } else {
            Ok(())
        }
    }
}
