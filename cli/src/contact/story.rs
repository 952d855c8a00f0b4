//! The story of one contact: the lines of apply's log that name its message group (docs/contract.md
//! "Log").
//!
//! A line is read here; the log is searched in `search`.

mod search;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

pub(crate) use search::{CloudWatchLogs, LONGEST};

/// An event of a change of the contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    /// `done`, `written`, `parked`, `retried` or `rank reset`.
    pub(crate) what: &'static str,
    /// The outcome, the reason of parking, or the cause of the retry.
    pub(crate) how: String,
    pub(crate) event_id: Option<String>,
    /// The detail that apply logged, without personal data.
    pub(crate) detail: Option<String>,
    pub(crate) delay_seconds: Option<u64>,
    pub(crate) http_status: Option<u64>,
    pub(crate) correlation_id: Option<String>,
    /// Whether the org's rules kept its opt-in out.
    pub(crate) is_kept: bool,
}

/// All entries that the log has.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContactHistory {
    /// The oldest entry is the first.
    pub(crate) entries: Vec<Entry>,
    /// The part that is missing. `None` means that the story is whole.
    pub(crate) cut: Option<Cut>,
}

/// The part of a story that was not read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Everything before the entries is missing.
    Before(String),
    /// Everything after the entries is missing, so nobody knows how it ended.
    After(String),
}

impl Cut {
    /// The reason why it was not read.
    pub(crate) fn why(&self) -> &str {
        let (Cut::Before(why) | Cut::After(why)) = self;
        why
    }
}

impl ContactHistory {
    /// The last entry. An error says why it is not known.
    pub(crate) fn last(&self) -> Result<Option<&Entry>, &str> {
        match (self.entries.last(), &self.cut) {
            (_, Some(Cut::After(why))) | (None, Some(Cut::Before(why))) => Err(why),
            (last, _) => Ok(last),
        }
    }

    /// When a change was last parked, as far as the log says.
    pub(crate) fn parked_at(&self) -> Option<Timestamp> {
        let mut parked = self.entries.iter().filter(|entry| entry.what == "parked");
        parked.next_back().map(|entry| entry.at)
    }
}

impl Entry {
    /// Reads a line of the log about this message group. `None` means that the line is about
    /// something else.
    fn of_line(at: Timestamp, group: &str, line: &str) -> Option<Entry> {
        let line: Map<String, Value> = serde_json::from_str(line).ok()?;
        if line.get("group")? != group {
            return None;
        }
        let text = |name: &str| line.get(name)?.as_str().map(str::to_owned);
        let number = |name: &str| line.get(name)?.as_u64();
        let message = line.get("message")?.as_str()?;
        let (what, how) = match message {
            "change done" => ("done", text("outcome")),
            "change parked" => ("parked", text("reason")),
            "change retried" => ("retried", text("cause")),
            "rank reset" => ("rank reset", text("reason")),
            _ if message.starts_with("change written") => ("written", text("outcome")),
            _ => return None,
        };
        let at_itself = text("timestamp").and_then(|at| at.parse().ok());
        Some(Entry {
            at: at_itself.unwrap_or(at),
            what,
            how: how.unwrap_or_default(),
            event_id: text("eventId"),
            detail: text("detail"),
            delay_seconds: number("delaySeconds"),
            http_status: number("httpStatus"),
            correlation_id: text("correlationId"),
            is_kept: line.get("kept").and_then(Value::as_bool) == Some(true),
        })
    }

    /// Whether the entry ends the work on a change.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self.what, "done" | "parked")
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "at": self.at.to_string(), "what": self.what, "how": self.how, "eventId": self.event_id, "detail": self.detail,
            "delaySeconds": self.delay_seconds, "httpStatus": self.http_status, "correlationId": self.correlation_id,
            "kept": self.is_kept,
        })
    }

    /// The entry in words.
    pub(crate) fn words(&self) -> String {
        let kept = if self.is_kept {
            ", and not made callable, as the org's raise has it"
        } else {
            ""
        };
        let detail = self.detail.iter().map(|detail| format!(": {detail}"));
        let detail = detail.collect::<String>();
        match self.what {
            "done" => format!("{}{kept}", self.how),
            "written" => format!("written ({}), to be read once more", self.how),
            "parked" => format!("parked as {}{detail}", self.how),
            "retried" => format!(
                "waits {} s ({}){detail}",
                self.delay_seconds.unwrap_or_default(),
                self.how
            ),
            other => format!("{other}: {}", self.how),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_becomes_words() {
        let at = Timestamp::UNIX_EPOCH;
        let words = |mut line: Value| {
            line["group"] = "g".into();
            Entry::of_line(at, "g", &line.to_string()).map(|entry| entry.words())
        };
        let done =
            json!({ "message": "change done", "outcome": "updated", "kept": true, "eventId": "e" });
        assert_eq!(
            words(done).unwrap(),
            "updated, and not made callable, as the org's raise has it"
        );
        let retried = json!({ "message": "change retried", "cause": "throttled", "delaySeconds": 15, "detail": "GET contact: 429" });
        assert_eq!(
            words(retried).unwrap(),
            "waits 15 s (throttled): GET contact: 429"
        );
        let parked = json!({ "message": "change parked", "reason": "rejected", "detail": "POST contacts: 400" });
        assert_eq!(
            words(parked).unwrap(),
            "parked as rejected: POST contacts: 400"
        );
        let written =
            json!({ "message": "change written: it comes back to be read", "outcome": "created" });
        assert_eq!(
            words(written).unwrap(),
            "written (created), to be read once more"
        );
        assert_eq!(words(json!({ "message": "webhook accepted" })), None);
        assert_eq!(Entry::of_line(at, "g", "START RequestId"), None);
        let line =
            json!({ "timestamp": "2026-11-24T16:00:00Z", "group": "g", "message": "change done" });
        assert_eq!(Entry::of_line(at, "g0", &line.to_string()), None);
        let entry = Entry::of_line(at, "g", &line.to_string()).unwrap();
        assert_eq!(entry.at.to_string(), "2026-11-24T16:00:00Z");
    }
}
