//! Finds out whether the runs of a schedule come: the record of its org says when each campaign was
//! last compared.

use std::time::Duration;

use domain::change::{CampaignId, OrgId};
use io::records::Records;
use jiff::Timestamp;
use reconcile::{looked_at, record_of};

use super::stored::StoredSchedule;
use crate::table::span;

/// The longest time between two runs of a schedule that is no `rate(…)`, such as one that names
/// times of day: a week and a day.
const LONGEST: Duration = Duration::from_hours(8 * 24);

/// The runs of a schedule, as far as they are known.
pub(super) struct Lateness {
    /// The campaign that is furthest behind. `None` means that it is not known.
    pub(super) behind: Option<CampaignId>,
    /// The time up to which it was looked at. `None` means that no run has had it, or that it is
    /// not known.
    pub(super) until: Option<Timestamp>,
    /// The same as text.
    pub(super) text: String,
    pub(super) runs: RunState,
}

/// Whether the runs of a schedule come.
pub(super) enum RunState {
    Come,
    /// This campaign was not looked at for longer than the schedule lets expect.
    Late {
        campaign: CampaignId,
        limit: &'static str,
    },
    /// It is not known, for this reason.
    Unknown(String),
}

/// Reads the record of a schedule's org. `None` means that the schedule names no org or no
/// campaign.
pub(super) async fn seen(
    records: &impl Records,
    stack: &str,
    found: &StoredSchedule,
    now: Timestamp,
) -> Option<Lateness> {
    let org = OrgId::parse(found.org()?).ok()?;
    let ids = found.campaigns().into_iter();
    let campaigns: Vec<_> = ids.filter_map(|id| CampaignId::parse(id).ok()).collect();
    if campaigns.is_empty() {
        return None;
    }
    let read = records.read(&record_of(stack, &org)).await;
    let looked = match read.map_err(|error| error.to_string()) {
        Ok(None) => Ok(vec![None; campaigns.len()]),
        Ok(Some(text)) => looked_at(&text, &campaigns).map_err(|error| error.to_string()),
        Err(why) => Err(why),
    };
    Some(match looked {
        Ok(looked) => of_campaigns(found, campaigns.into_iter().zip(looked), now),
        Err(why) => Lateness {
            behind: None,
            until: None,
            text: format!("not known: {why}"),
            runs: RunState::Unknown(why),
        },
    })
}

fn of_campaigns(
    found: &StoredSchedule,
    looked: impl Iterator<Item = (CampaignId, Option<Timestamp>)>,
    now: Timestamp,
) -> Lateness {
    // A campaign that no run has had counts from when the schedule was made.
    let since = |until: Option<Timestamp>| until.or(found.made);
    let furthest = looked.min_by_key(|(_, until)| since(*until).unwrap_or(Timestamp::MAX));
    let (behind, until) = furthest.unzip();
    let until = until.flatten();
    let age = since(until).map(|since| now.duration_since(since));
    let age = age.and_then(|age| Duration::try_from(age).ok());
    let (longest, limit) = match every(&found.rate) {
        Some(every) => (every * 2, "twice its rate"),
        None => (LONGEST, "8 days"),
    };
    let runs = match behind.clone() {
        Some(campaign) if found.is_on && age.is_some_and(|age| age > longest) => {
            RunState::Late { campaign, limit }
        }
        _ => RunState::Come,
    };
    Lateness {
        behind,
        until,
        text: until.map_or_else(|| "never".to_owned(), |until| span(until, now)),
        runs,
    }
}

/// How often a schedule runs. `None` means that it names times and not a rate.
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
    fn rates_are_read_and_other_expressions_have_no_interval() {
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
