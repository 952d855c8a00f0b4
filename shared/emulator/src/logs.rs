//! What a function logged, as `FilterLogEvents` of CloudWatch Logs hands it out
//! (docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference): lines that hold a phrase, a page at a
//! time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};

/// Lines that are kept.
const MOST: usize = 100_000;
/// Events of a page.
const PAGE: usize = 1_000;

/// The log of apply.
#[derive(Default)]
pub struct Logs(Mutex<VecDeque<(Timestamp, Value)>>);

impl Logs {
    /// Adds a line; of very many the oldest are forgotten.
    pub fn put(&self, at: Timestamp, line: Value) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= MOST {
            lines.pop_front();
        }
        lines.push_back((at, line));
    }

    /// Answers a `FilterLogEvents`; none: its pattern is no phrase in quotes.
    pub(crate) fn filter(&self, body: &Value) -> Option<Value> {
        let pattern = body["filterPattern"].as_str()?;
        let phrase = pattern.strip_prefix('"')?.strip_suffix('"')?;
        let from = body["startTime"].as_i64().unwrap_or_default();
        // The last millisecond is part of it.
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
