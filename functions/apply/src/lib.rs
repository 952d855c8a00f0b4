//! The Lambda function that applies contact changes from the queue to Genesys Cloud.
//!
//! # A worked example
//!
//! SQS hands over a batch of three changes. Two of them are about one contact:
//!
//! ```text
//! m1  acme-us/spring/c-1   version 7   phone +15550101
//! m2  acme-us/spring/c-1   version 8   phone +15550102
//! m3  acme-us/spring/c-2   version 3   remove
//! ```
//!
//! [`handle`] works in five steps (docs/design.md "apply, step by step"):
//!
//! 1. **Take in** (`intake`): parse each message. If the event may have a backlog behind it,
//!    receive more from the queue.
//! 2. **Gather** (`gather`, `org`): group the changes by org, campaign and contact, log in to each
//!    org and open its campaigns. Orgs run side by side.
//! 3. **Plan** ([`domain::attempt`]): c-1 needs a read, then one write of version 8 into which
//!    version 7 is folded. c-2 needs a read, then a write of `callable: false`.
//! 4. **Execute** (`drive`): make the calls as far as the call budget and the health of the org
//!    allow. Both reads go side by side, and then both writes.
//! 5. **Report** (`report`): m1 is superseded, m2 and m3 are updated. All three are left out of
//!    `batchItemFailures`, so Lambda deletes them. If the write of c-1 had failed, m1 and m2 would
//!    be in it, with a visibility timeout set.
//!
//! ```text
//! GET c-1, GET c-2   →   PATCH c-1, PATCH c-2   →   {"batchItemFailures": []}
//! ```
//!
//! Nothing is decided here about a contact: that is done by the pure functions of [`domain`]. The
//! calls themselves are in [`io::genesys`] and [`io::queue`].

mod attempts;
mod batch;
mod context;
mod defect;
mod drive;
mod gather;
mod intake;
mod org;
mod report;

pub use batch::Batch;
pub use context::Context;
pub use defect::Defect;

use std::collections::BTreeMap;

use aws_lambda_events::event::sqs::SqsBatchResponse;
use domain::batch::Verdict;
use futures_util::future::join_all;
use io::genesys::Run;
use io::telemetry::Event;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent};
use tracing::Instrument;

use crate::gather::by_org;
use crate::intake::Intake;
use crate::org::apply;

/// Applies one batch of the queue, and returns the messages to retry.
///
/// # Errors
/// A record that must be retried has no message id. Lambda then retries the whole batch, which is
/// safe.
pub async fn handle(
    context: &Context,
    event: LambdaEvent<Batch>,
) -> Result<SqsBatchResponse, Error> {
    let span = tracing::error_span!("apply", requestId = event.context.request_id);
    async {
        let now = context.shared.clock.now();
        let deadline = i64::try_from(event.context.deadline).ok();
        let deadline = deadline.and_then(|deadline| Timestamp::from_millisecond(deadline).ok());
        let run = Run::new(now, deadline);

        // It is drawn once, so that messages which go back to the queue together return together.
        let draw = context.shared.chance.draw();
        let intake = Intake::of_event(event.payload.0.into_iter());
        let intake = intake.topped_up(context, &run, draw).await;
        context.shared.telemetry.tell(&Event::TookIn {
            messages: intake.records.len(),
            topped_up: intake.records.len() - intake.of_event,
        });
        let orgs = by_org(&intake, now).into_iter();
        let orgs = orgs.map(|(org, contacts)| apply(context, run, draw, org, contacts));
        let verdicts = join_all(orgs).await.into_iter().flatten();
        let mut verdicts: BTreeMap<usize, Verdict> = verdicts
            .map(|(index, verdict)| (index, defect::spoiled(context, verdict)))
            .collect();
        for (index, change) in intake.changes.iter().enumerate() {
            if let Err(parking) = change {
                verdicts.insert(index, Verdict::Park(parking.clone()));
            }
        }
        Ok(report::report(context, &run, draw, &intake, verdicts).await?)
    }
    .instrument(span)
    .await
}
