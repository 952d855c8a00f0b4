//! What an org's secret asks of its changes, beside what every change must be (docs/contract.md
//! "Secrets"). Apply parks what breaks it, reconcile leaves it out, and `send` tells it of a row.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use regex_lite::Regex;

use crate::batch::ParkReason;
use crate::change::{Change, Operation, Rank, VersionFrom};
use crate::contact::Columns;
use crate::dnc::DncList;
use crate::version::Raise;

/// How far a rank that is a time may be ahead of the reader's clock.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// A stored rank that is a count and so near to the highest one leaves no room for what follows.
const NEAR_THE_END: u64 = 1 << 20;

/// The rules of one org.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The column that stores the version; `None`: none is stored.
    pub version_field: Option<String>,
    /// Which member of a change is its rank.
    pub version_from: VersionFrom,
    /// What a version counts where it is a time; `None`: it may be any number.
    pub version_unit: Option<VersionUnit>,
    /// What every contact key matches.
    pub contact_key_pattern: Option<Regex>,
    /// Whom an opt-in makes callable, where versions are stored.
    pub raise: Raise,
    /// How long reads may not show what was written. Until then it is not done, and what follows it
    /// in its message group is not planned.
    pub read_lag: Duration,
    /// Where opt-outs are put too; `None`: on none.
    pub dnc_list: Option<DncList>,
}

/// What a version that is a time counts from 1970 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionUnit {
    /// Unix time.
    Seconds,
    /// As JavaScript and Java tell the time.
    Milliseconds,
    /// As many databases do.
    Microseconds,
}

/// Which rule a change breaks. `Display` says what was expected, without personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The contact key does not match the org's pattern.
    KeyPattern,
    /// The rank is a time that is too far ahead. It would make every later change stale.
    RankAhead(VersionFrom),
    /// `data` names this column, which stores the rank.
    ReservedColumn([String; 1]),
    /// `data` fills these columns, which the campaign's contact list has not.
    UnknownColumns(Vec<String>),
}

impl Broken {
    /// The reason for which apply parks such a change.
    pub fn reason(&self) -> ParkReason {
        match self {
            Broken::KeyPattern => ParkReason::KeyPattern,
            Broken::RankAhead(_) => ParkReason::RankAhead,
            Broken::ReservedColumn(_) => ParkReason::ReservedColumn,
            Broken::UnknownColumns(_) => ParkReason::UnknownColumn,
        }
    }

    /// The columns without which a change would keep the rule.
    pub fn columns(&self) -> &[String] {
        match self {
            Broken::KeyPattern | Broken::RankAhead(_) => &[],
            Broken::ReservedColumn(column) => column,
            Broken::UnknownColumns(columns) => columns,
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::KeyPattern => {
                f.write_str("contactKey: expected a match of the org's contactKeyPattern")
            }
            Broken::RankAhead(VersionFrom::Version) => f.write_str(
                "version: expected a time at most a day ahead of the clock, in the org's versionUnit",
            ),
            Broken::RankAhead(VersionFrom::OccurredAt) => {
                f.write_str("occurredAt: expected a time at most a day ahead of the clock")
            }
            Broken::ReservedColumn([column]) => write!(
                f,
                "data: expected not to name {column:?}, in which the org's versionField stores the rank"
            ),
            Broken::UnknownColumns(columns) => {
                f.write_str(
                    "data: expected only columns of the campaign's contact list, which has no ",
                )?;
                for (place, column) in columns.iter().enumerate() {
                    let separator = if place == 0 { "" } else { ", " };
                    write!(f, "{separator}{column:?}")?;
                }
                Ok(())
            }
        }
    }
}

impl Rules {
    /// Which member of a change ranks it; `None`: changes are not ranked, the queue alone decides.
    pub fn ranking(&self) -> Option<VersionFrom> {
        self.version_field.is_some().then_some(self.version_from)
    }

    /// Whom an opt-in makes callable; `None`: no versions are stored, and every opt-in raises.
    pub fn raise(&self) -> Option<Raise> {
        self.version_field.is_some().then_some(self.raise)
    }

    /// The rank of a change; `None`: it is not compared.
    pub fn rank(&self, change: &Change) -> Option<Rank> {
        change.rank(self.ranking()?)
    }

    /// Whether this may be the key of a contact.
    pub fn key_matches(&self, change: &Change) -> bool {
        let pattern = self.contact_key_pattern.as_ref();
        pattern.is_none_or(|pattern| pattern.is_match(change.key.as_str()))
    }

    /// The first rule that a change breaks, whatever its campaign's list is like.
    pub fn broken(&self, change: &Change, now: Timestamp) -> Option<Broken> {
        if !self.key_matches(change) {
            return Some(Broken::KeyPattern);
        }
        if self.has_rank_ahead(change, now) {
            return Some(Broken::RankAhead(self.version_from));
        }
        self.reserved_column(change)
    }

    /// Whether a change names the column that stores the version.
    pub fn reserved_column(&self, change: &Change) -> Option<Broken> {
        let (column, data) = self.version_field.as_ref().zip(change.operation.data())?;
        let names_it = data.contains_key(column);
        names_it.then(|| Broken::ReservedColumn([column.clone()]))
    }

    /// What of a change that breaks a rule is heard all the same: that nobody may call the contact,
    /// at the change's rank unless it is that which is wrong. `None`: it does not say so.
    pub fn opt_out(&self, change: &Change, now: Timestamp) -> Option<Change> {
        if change.operation.callable() != Some(false) {
            return None;
        }
        let mut heard = Change {
            operation: Operation::Upsert {
                data: Columns::default(),
                callable: Some(false),
            },
            ..change.clone()
        };
        if self.has_rank_ahead(change, now) {
            (heard.version, heard.occurred_at) = (None, None);
        }
        Some(heard)
    }

    fn has_rank_ahead(&self, change: &Change, now: Timestamp) -> bool {
        let latest = self.latest(now);
        latest.is_some() && self.rank(change) > latest
    }

    /// Whether a stored rank makes what the CRM is about to say stale: a time that is too far ahead,
    /// or a count that is at its end.
    pub fn is_ahead(&self, stored: Rank, now: Timestamp) -> bool {
        match self.latest(now) {
            Some(latest) => stored > latest,
            None => stored >= Rank::MAX.less(NEAR_THE_END),
        }
    }

    /// Whether ranks are times, and not counts.
    pub fn ranks_are_times(&self) -> bool {
        self.unit().is_some()
    }

    fn unit(&self) -> Option<VersionUnit> {
        match self.version_from {
            VersionFrom::Version => self.version_unit,
            VersionFrom::OccurredAt => Some(VersionUnit::Milliseconds),
        }
    }

    /// The highest rank that a change may have now; `None`: any.
    fn latest(&self, now: Timestamp) -> Option<Rank> {
        let unit = self.unit()?;
        let latest = now.saturating_add(MAX_AHEAD).unwrap_or(Timestamp::MAX);
        let number = match unit {
            VersionUnit::Seconds => latest.as_second(),
            VersionUnit::Milliseconds => latest.as_millisecond(),
            VersionUnit::Microseconds => latest.as_microsecond(),
        };
        let number = u64::try_from(number).unwrap_or(0);
        Some(Rank::new(number).unwrap_or(Rank::MAX))
    }
}

/// Whether a change fills columns that the campaign's list has not. Null, empty and absent are equal:
/// such a column needs no place.
pub fn unknown_columns(change: &Change, has_column: impl Fn(&str) -> bool) -> Option<Broken> {
    let data = change.operation.data()?;
    let unknown = data
        .iter()
        .filter(|(name, value)| fills(value.as_deref()) && !has_column(name));
    let names: Vec<_> = unknown.map(|(name, _)| name.clone()).collect();
    (!names.is_empty()).then_some(Broken::UnknownColumns(names))
}

/// Whether a value needs a column to be in.
pub fn fills(value: Option<&str>) -> bool {
    value.is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-24T16:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn rules() -> Rules {
        Rules {
            version_field: Some("crmVersion".to_owned()),
            contact_key_pattern: Some(Regex::new("^LEAD-").unwrap()),
            ..Rules::default()
        }
    }

    fn change(more: &str) -> Change {
        let body =
            format!(r#"{{"schema": 1, "eventId": "e", "org": "acme", "campaignId": "c", {more}}}"#);
        Change::parse(&body).unwrap()
    }

    fn ranked(version: i64) -> Change {
        change(&format!(
            r#""contactKey": "LEAD-1", "version": {version}, "data": {{}}"#
        ))
    }

    #[test]
    fn each_rule_is_told_with_the_reason_for_which_apply_parks() {
        for (more, reason, told) in [
            (
                r#""contactKey": "lead-1", "data": {}"#,
                "keyPattern",
                "contactKey: expected a match of the org's contactKeyPattern",
            ),
            (
                r#""contactKey": "LEAD-1", "data": {"crmVersion": null}"#,
                "reservedColumn",
                "data: expected not to name \"crmVersion\", in which the org's versionField stores the rank",
            ),
        ] {
            let broken = rules().broken(&change(more), now()).unwrap();
            assert_eq!(
                (broken.reason().as_str(), broken.to_string().as_str()),
                (reason, told)
            );
        }
        let good =
            change(r#""contactKey": "LEAD-1", "version": 9007199254740991, "data": {"a": "1"}"#);
        assert_eq!(
            rules().broken(&good, now()),
            None,
            "a count may be any number"
        );
        let lists = change(
            r#""contactKey": "LEAD-1", "data": {"a": "1", "b": "", "c": null, "d": "1", "e": "1"}"#,
        );
        let broken = unknown_columns(&lists, |name| name == "a").unwrap();
        assert_eq!(
            (broken.reason().as_str(), broken.to_string().as_str()),
            (
                "unknownColumn",
                "data: expected only columns of the campaign's contact list, which has no \"d\", \"e\""
            )
        );
        assert_eq!(unknown_columns(&lists, |name| "ade".contains(name)), None);
    }

    #[test]
    fn a_rank_that_is_a_time_may_be_a_day_ahead_in_every_unit() {
        for (unit, a_second) in [
            (VersionUnit::Seconds, 1),
            (VersionUnit::Milliseconds, 1_000),
            (VersionUnit::Microseconds, 1_000_000),
        ] {
            let rules = Rules {
                version_unit: Some(unit),
                ..rules()
            };
            let a_day_ahead = (now().as_second() + 86_400) * a_second;
            let broken = |version| rules.broken(&ranked(version), now());
            for good in [0, now().as_second() * a_second, a_day_ahead] {
                assert_eq!(broken(good), None, "{unit:?} {good}");
            }
            for ahead in [a_day_ahead + 1, 9_007_199_254_740_991] {
                let expected = Broken::RankAhead(VersionFrom::Version);
                assert_eq!(broken(ahead), Some(expected), "{unit:?} {ahead}");
            }
            let stored = |number: i64| Rank::new(number.cast_unsigned()).unwrap();
            assert!(!rules.is_ahead(stored(a_day_ahead), now()));
            assert!(rules.is_ahead(stored(a_day_ahead + 1), now()));
            let unranked = Rules {
                version_field: None,
                ..rules.clone()
            };
            assert_eq!(unranked.broken(&ranked(9_007_199_254_740_991), now()), None);
        }
    }

    #[test]
    fn occurred_at_is_a_time_whatever_the_unit_of_versions() {
        let rules = Rules {
            version_from: VersionFrom::OccurredAt,
            ..rules()
        };
        let at = |at: &str| {
            let more = format!(
                r#""contactKey": "LEAD-1", "version": 9007199254740991, "occurredAt": "{at}", "data": {{}}"#
            );
            rules.broken(&change(&more), now())
        };
        assert_eq!(at("2026-11-25T16:00:00Z"), None);
        assert_eq!(
            at("2026-11-25T16:00:00.001Z"),
            Some(Broken::RankAhead(VersionFrom::OccurredAt))
        );
    }

    #[test]
    fn a_stored_count_is_ahead_only_at_the_very_end() {
        let is_ahead = |number| rules().is_ahead(Rank::new(number).unwrap(), now());
        let end = (1 << 53) - 1;
        assert!(is_ahead(end) && is_ahead(end - 1_000_000));
        assert!(!is_ahead(end - 2_000_000) && !is_ahead(1_764_000_000_000_000));
    }

    #[test]
    fn of_what_breaks_a_rule_an_opt_out_is_heard_without_the_rank_that_is_wrong() {
        let rules = Rules {
            version_unit: Some(VersionUnit::Milliseconds),
            ..rules()
        };
        let heard = |more: &str| {
            let heard = rules.opt_out(&change(more), now())?;
            assert_eq!(rules.broken(&heard, now()), None);
            assert_eq!(unknown_columns(&heard, |_| false), None);
            assert_eq!(heard.operation.callable(), Some(false));
            Some(heard.version.map(|rank| rank.to_string()))
        };
        let key = r#""contactKey": "LEAD-1""#;
        let silent = format!(r#"{key}, "version": 5, "data": {{"crmVersion": "1"}}"#);
        assert_eq!(heard(&silent), None);
        let reserved =
            format!(r#"{key}, "version": 5, "data": {{"crmVersion": "1"}}, "callable": false"#);
        assert_eq!(heard(&reserved), Some(Some("5".to_owned())));
        let ahead = format!(r#"{key}, "version": 9007199254740991, "operation": "remove""#);
        assert_eq!(heard(&ahead), Some(None));
        let other = r#""contactKey": "lead-1", "operation": "remove""#;
        let heard = rules.opt_out(&change(other), now()).unwrap();
        assert_eq!(
            heard.operation.callable(),
            Some(false),
            "whatever its key is like"
        );
    }
}
