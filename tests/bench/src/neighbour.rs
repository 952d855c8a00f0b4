//! An org that does not answer, beside the org whose changes are measured.
//!
//! Only the scenario `neighbour-ill` has it.

use std::time::Duration;

use emulator::World;
use http::Uri;
use io::queue::Message;
use serde_json::json;

use crate::work::message;

const ORG: &str = "org-1";
const CAMPAIGN: &str = "0b5e0a6c-3f5e-4b52-9f0e-neighbour-ill";
/// How many changes of the org come before all others.
const CHANGES: usize = 300;

/// The measured changes begin this long after those of the org. Until then each process waits for
/// that org twice, for 5 s each time, and then knows that it does not answer.
pub(crate) const HEAD_START: Duration = Duration::from_secs(45);

/// Adds the org, and its changes to the queue.
pub(crate) fn add(world: &World) -> Result<(), String> {
    world.put_org(ORG, &json!({ "callsPerMinute": 1_000_000 }));
    world.put_campaign(ORG, CAMPAIGN, None);
    for n in 0..CHANGES {
        let sent = world.queue.send(change(n));
        sent.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Whether a call concerns the org's contacts. These calls are never answered.
pub(crate) fn hangs(uri: &Uri) -> bool {
    uri.path().contains(CAMPAIGN)
}

fn change(n: usize) -> Message {
    let body = json!({
        "schema": 1, "eventId": format!("ill_{n}"), "org": ORG, "campaignId": CAMPAIGN,
        "contactKey": format!("ILL-{n}"), "version": 1, "operation": "upsert", "data": {},
    });
    message(&body)
}
