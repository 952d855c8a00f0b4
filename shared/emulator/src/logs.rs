//! The log of a function as `FilterLogEvents` of CloudWatch Logs returns it
//! (docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference): pages of the lines that contain
//! a phrase.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};

/// The most lines that are kept.
const MOST: usize = 100_000;
/// The most events of a page.
const PAGE: usize = 1_000;

/// The log of apply.
#[derive(Default)]
pub struct Logs(Mutex<VecDeque<(Timestamp, Value)>>);

impl Logs {
    /// Adds a line, and drops the oldest if there are too many.
    pub fn put(&self, at: Timestamp, line: Value) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= MOST {
            lines.pop_front();
        }
        lines.push_back((at, line));
    }

    /// Answers a `FilterLogEvents`. `None` means that its pattern is not a quoted phrase.
    pub(crate) fn filter(&self, body: &Value) -> Option<Value> {
        let pattern = body["filterPattern"].as_str()?;
        let phrase = pattern.strip_prefix('"')?.strip_suffix('"')?;
        let from = body["startTime"].as_i64().unwrap_or_default();
        // The end time is included.
        let to = body["endTime"].as_i64().unwrap_or(i64::MAX);
        let page = body["nextToken"]
            .as_str()
            .map_or(Some(0), |token| token.parse().ok())?;
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = lines.iter().filter(|(at, line)| {
            (from..=to).contains(&at.as_millisecond()) && line.to_string().contains(phrase)
        });
        let mut found = found.skip(page * PAGE);
        let event = |(at, line): &(Timestamp, Value)| json!({ "timestamp": at.as_millisecond(), "message": line.to_string() });
        let events: Vec<_> = found.by_ref().take(PAGE).map(event).collect();
        let mut answer = json!({ "events": events, "searchedLogStreams": [] });
        if found.next().is_some() {
            answer["nextToken"] = (page + 1).to_string().into();
        }
        Some(answer)
    }
}
