//! Finds out whether the runs of a schedule come: the record of its org says when the org was last
//! compared.

use std::time::Duration;

use domain::change::{CampaignId, OrgId};
use io::records::Records;
use jiff::Timestamp;
use reconcile::{looked_at, record_of};

use super::found::Found;
use crate::table::span;

/// The runs of a schedule, as far as they are known.
pub(super) struct Seen {
    /// The time up to which all of its campaigns were compared.
    pub(super) until: Option<Timestamp>,
    /// The same as text.
    pub(super) text: String,
    /// Whether that time is longer ago than twice the rate.
    pub(super) is_late: bool,
}

/// Reads the record of a schedule's org.
pub(super) async fn seen(
    records: &impl Records,
    stack: &str,
    found: &Found,
    now: Timestamp,
) -> Option<Seen> {
    let org = OrgId::parse(found.org()?).ok()?;
    let ids = found.campaigns().into_iter();
    let campaigns: Vec<_> = ids.filter_map(|id| CampaignId::parse(id).ok()).collect();
    let unknown = |why: String| Seen {
        until: None,
        text: why,
        is_late: false,
    };
    let read = records.read(&record_of(stack, &org)).await;
    let until = match read.map_err(|error| error.to_string()) {
        Err(why) => return Some(unknown(format!("not known: {why}"))),
        Ok(None) => None,
        Ok(Some(text)) => match looked_at(&text, &campaigns) {
            Ok(until) => until,
            Err(why) => return Some(unknown(format!("not known: {why}"))),
        },
    };
    // A schedule that was just made has had no run, so its age counts from then.
    let since = until.or(found.made);
    let limit = every(&found.rate).map(|every| every * 2);
    let is_late = since.zip(limit).is_some_and(|(since, limit)| {
        let age = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        found.is_on && age > limit
    });
    let text = until.map_or_else(|| "never".to_owned(), |until| span(until, now));
    Some(Seen {
        until,
        text,
        is_late,
    })
}

/// How often a schedule runs; none: it is no rate, but times of a day or the like.
pub(super) fn every(rate: &str) -> Option<Duration> {
    let (number, unit) = rate
        .trim()
        .strip_prefix("rate(")?
        .strip_suffix(')')?
        .trim()
        .split_once(' ')?;
    let number: u64 = number.parse().ok()?;
    let minutes = match unit.trim() {
        "minute" | "minutes" => 1,
        "hour" | "hours" => 60,
        "day" | "days" => 24 * 60,
        _ => return None,
    };
    Some(Duration::from_secs(number.checked_mul(minutes * 60)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_other_expressions_are_none() {
        for (rate, seconds) in [
            ("rate(15 minutes)", Some(900)),
            ("rate(1 hour)", Some(3_600)),
            ("rate(2 days)", Some(172_800)),
            ("cron(0 10 * * ? *)", None),
            ("rate(x minutes)", None),
            ("", None),
        ] {
            assert_eq!(every(rate).map(|every| every.as_secs()), seconds, "{rate}");
        }
    }
}
