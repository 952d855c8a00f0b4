//! Searches the log backwards, piece by piece, so that the newest entries are read first.
//!
//! A log of days takes long to search, and an operator waits. If the time runs out, the newest part
//! of the story is known, and the story says what is missing. How a line is read is in `super`.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_cloudwatchlogs::Client;
use io::Clock;
use io::aws::code_or_reason;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{ContactHistory, Cut, Entry};

/// How many entries of one contact are kept at most: the newest ones.
const MOST: usize = 5_000;
/// The search ends after this time, because somebody waits for it.
pub(crate) const LONGEST: Duration = Duration::from_secs(20);
/// The length of the first piece. Each further piece is four times as long.
const FIRST: SignedDuration = SignedDuration::from_mins(30);

/// The log group of apply in `CloudWatch` Logs.
pub(crate) struct CloudWatchLogs {
    client: Client,
    log_group: String,
}

/// A piece of the log: from this time on, and up to before that time. `None` means up to now.
#[derive(Clone, Copy)]
struct Span(Timestamp, Option<Timestamp>);

/// How the search of a piece ended.
enum End {
    Read,
    OutOfTime,
    Failed(String),
}

impl CloudWatchLogs {
    /// The log group of this stack.
    pub(crate) fn new(sdk: &SdkConfig, stack: &str) -> CloudWatchLogs {
        // A call answers only after `CloudWatch` has searched a part of the log, which may
        // take a while.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(LONGEST)
            .operation_timeout(LONGEST)
            .build();
        let sdk = sdk.to_builder().timeout_config(timeouts).build();
        CloudWatchLogs {
            client: Client::new(&sdk),
            log_group: format!("/aws/lambda/{stack}-apply"),
        }
    }

    /// The story of a message group since this time. An error means that nothing is known.
    pub(crate) async fn story(
        &self,
        group: &str,
        since: Timestamp,
    ) -> Result<ContactHistory, String> {
        let by = Instant::now() + LONGEST;
        let now = Clock::system().now();
        let mut entries: Vec<Entry> = Vec::new();
        let (mut back, mut read_from) = (FIRST, None);
        loop {
            let from = now.saturating_sub(back).unwrap_or(since).max(since);
            let mut newest = Newest::of(MOST - entries.len());
            let end = self
                .search(group, Span(from, read_from), by, &mut newest)
                .await;
            let (older, is_more) = newest.end();
            if let Some(cut) = cut(end, read_from, &older)? {
                if matches!(cut, Cut::After(_)) {
                    entries = older;
                }
                return Ok(ContactHistory {
                    entries,
                    cut: Some(cut),
                });
            }
            entries.splice(0..0, older);
            if is_more || (entries.len() >= MOST && from > since) {
                let from = entries.first().map_or(from, |entry| entry.at);
                let why = format!("the newest 5,000 entries are read, back to {from:.0}");
                let cut = Some(Cut::Before(why));
                return Ok(ContactHistory { entries, cut });
            }
            if from <= since {
                return Ok(ContactHistory { entries, cut: None });
            }
            read_from = Some(from);
            back = back.saturating_mul(4);
        }
    }

    /// Reads a piece of the log to its end.
    async fn search(&self, group: &str, span: Span, by: Instant, newest: &mut Newest) -> End {
        let Span(from, before) = span;
        let mut next = None;
        loop {
            let call = self
                .client
                .filter_log_events()
                .log_group_name(&self.log_group)
                .start_time(from.as_millisecond())
                // `CloudWatch` includes the millisecond of the end time.
                .set_end_time(before.map(|before| before.as_millisecond() - 1))
                .filter_pattern(format!("\"{group}\""))
                .set_next_token(next);
            let answer = match tokio::time::timeout_at(by, call.send()).await {
                Err(_) => return End::OutOfTime,
                Ok(Err(error)) => {
                    let code = code_or_reason(&error);
                    return End::Failed(format!("log group {}: {code}", self.log_group));
                }
                Ok(Ok(answer)) => answer,
            };
            for event in answer.events.unwrap_or_default() {
                let at = event.timestamp.map(Timestamp::from_millisecond);
                if let (Some(Ok(at)), Some(line)) = (at, &event.message) {
                    newest.add(Entry::of_line(at, group, line));
                }
            }
            next = answer.next_token;
            if next.is_none() {
                return End::Read;
            }
        }
    }
}

/// The part that is missing if a piece was not read to its end. `read_from` is the time back to
/// which everything was read before. An error means that nothing is known.
fn cut(end: End, read_from: Option<Timestamp>, older: &[Entry]) -> Result<Option<Cut>, String> {
    let why = match end {
        End::Read => return Ok(None),
        End::OutOfTime => format!("it took longer than {} s", LONGEST.as_secs()),
        End::Failed(why) => why,
    };
    match read_from {
        Some(from) => Ok(Some(Cut::Before(format!(
            "the log is read back to {from:.0} alone: {why}"
        )))),
        None if older.is_empty() => Err(why),
        None => Ok(Some(Cut::After(format!(
            "the log is not read to its end, and what came last is not known: {why}"
        )))),
    }
}

/// Keeps the newest entries of a piece. `CloudWatch` returns the oldest first.
struct Newest {
    entries: Vec<Entry>,
    most: usize,
    is_more: bool,
}

impl Newest {
    fn of(most: usize) -> Newest {
        Newest {
            entries: Vec::new(),
            most,
            is_more: false,
        }
    }

    fn add(&mut self, entry: Option<Entry>) {
        self.entries.extend(entry);
        if self.entries.len() >= 2 * self.most.max(1) {
            self.trim();
        }
    }

    fn trim(&mut self) {
        self.entries.sort_by_key(|entry| entry.at);
        let more = self.entries.len().saturating_sub(self.most);
        self.entries.drain(..more);
        self.is_more |= more > 0;
    }

    /// The entries, the oldest first, and whether there were more.
    fn end(mut self) -> (Vec<Entry>, bool) {
        self.trim();
        (self.entries, self.is_more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(second: i64) -> Entry {
        let line = serde_json::json!({ "group": "g", "message": "change done", "eventId": second.to_string() });
        let at = Timestamp::from_second(second).unwrap();
        Entry::of_line(at, "g", &line.to_string()).unwrap()
    }

    #[test]
    fn only_the_newest_entries_are_kept() {
        let mut newest = Newest::of(3);
        (0..20)
            .rev()
            .for_each(|second| newest.add(Some(entry(second))));
        let (entries, is_more) = newest.end();
        assert_eq!(entries, [entry(17), entry(18), entry(19)]);
        assert!(is_more);
        let mut all = Newest::of(3);
        (0..3).for_each(|second| all.add(Some(entry(second))));
        assert_eq!(all.end(), (vec![entry(0), entry(1), entry(2)], false));
    }

    #[test]
    fn the_missing_part_is_reported_by_where_the_search_ended() {
        let at = Some(Timestamp::UNIX_EPOCH);
        let failed = || End::Failed("log group l: Denied".to_owned());
        assert_eq!(cut(End::Read, at, &[]), Ok(None));
        assert_eq!(
            cut(failed(), None, &[]),
            Err("log group l: Denied".to_owned())
        );
        let before = cut(failed(), at, &[entry(1)]).unwrap().unwrap();
        assert!(
            matches!(&before, Cut::Before(why) if why.contains("1970-01-01T00:00:00Z alone: log group l: Denied"))
        );
        let after = cut(End::OutOfTime, None, &[entry(1)]).unwrap().unwrap();
        assert!(matches!(&after, Cut::After(why) if why.contains("longer than 20 s")));
    }
}
