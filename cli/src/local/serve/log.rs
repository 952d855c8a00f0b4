//! Writes what apply would log about a change into the emulated log, in which `contact show`
//! searches.

use emulator::Logs;
use io::telemetry::{About, Event, name_of};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Writes the line about the result of a change into the log.
pub(super) fn put(logs: &Logs, now: Timestamp, event: &Event<'_>) {
    if let Some(mut line) = line(event) {
        line["timestamp"] = now.to_string().into();
        logs.put(now, line);
    }
}

fn line(event: &Event<'_>) -> Option<Value> {
    let (message, about, more) = match event {
        Event::Done {
            about,
            outcome,
            is_kept,
        } => (
            "change done",
            about,
            json!({ "outcome": outcome.as_str(), "kept": is_kept.then_some(true) }),
        ),
        Event::Written {
            about,
            outcome,
            delay,
        } => (
            "change written: it comes back to be read",
            about,
            json!({ "outcome": outcome.as_str(), "delaySeconds": delay.as_secs() }),
        ),
        Event::Parked {
            about,
            reason,
            evidence,
        } => (
            "change parked",
            about,
            json!({ "reason": reason, "detail": evidence.detail, "httpStatus": evidence.http_status, "correlationId": evidence.correlation_id }),
        ),
        Event::Retried { about, delay, why } => (
            "change retried",
            about,
            json!({
                "delaySeconds": delay.as_secs(), "cause": why.map_or("behind another", |(cause, _)| name_of(*cause)),
                "detail": why.map(|(_, evidence)| &evidence.detail), "httpStatus": why.and_then(|(_, evidence)| evidence.http_status),
                "correlationId": why.and_then(|(_, evidence)| evidence.correlation_id.as_ref()),
            }),
        ),
        Event::RankReset { about, reset } => {
            ("rank reset", about, json!({ "reason": reset.reason() }))
        }
        _ => return None,
    };
    Some(told(message, about, more))
}

fn told(message: &str, about: &About<'_>, mut line: Value) -> Value {
    line["message"] = message.into();
    line["group"] = about.group.into();
    line["eventId"] = about.event_id.into();
    line
}
