//! What an org's secret asks of its changes, beside what every change must be (docs/contract.md
//! "Secrets"). Apply parks what breaks it, reconcile leaves it out, and `send` tells it of a row.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use regex_lite::Regex;

use crate::batch::ParkReason;
use crate::change::{Change, Operation, Rank, VersionFrom};
use crate::channel::{Channel, Lowered, OptOut};
use crate::contact::Columns;
use crate::dnc::DncList;
use crate::plan::Wishes;
use crate::version::Raise;

/// How far a rank that is a time may be ahead of the reader's clock.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// A stored rank that is a count and so near to the highest one leaves no room for what follows.
const NEAR_THE_END: u64 = 1 << 20;

const DATA: &str = "data: expected only columns of the campaign's contact list, which has no ";
const PHONES: &str =
    "phones: expected only columns of numbers of the campaign's contact list, which has no ";

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
    /// What an opt-out lowers beside `callable`.
    pub opt_out: OptOut,
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
    /// The campaign's contact list has no such columns.
    UnknownColumns {
        /// `data` fills these.
        data: Vec<String>,
        /// `phones` names these: the list has none of the name, or none of numbers.
        phones: Vec<String>,
    },
    /// The change says something of channels or numbers, for which the org's API has no word.
    Channel,
}

impl Broken {
    /// The reason for which apply parks such a change.
    pub fn reason(&self) -> ParkReason {
        match self {
            Broken::KeyPattern => ParkReason::KeyPattern,
            Broken::RankAhead(_) => ParkReason::RankAhead,
            Broken::ReservedColumn(_) => ParkReason::ReservedColumn,
            Broken::UnknownColumns { .. } => ParkReason::UnknownColumn,
            Broken::Channel => ParkReason::Channel,
        }
    }

    /// Leaves out of a change what breaks the rule, where that is only a part of it.
    pub fn leave_out(&self, change: &mut Change) {
        let Operation::Upsert { data, lowers, .. } = &mut change.operation else {
            return;
        };
        match self {
            Broken::KeyPattern | Broken::RankAhead(_) => {}
            Broken::ReservedColumn([column]) => drop(data.remove(column)),
            Broken::UnknownColumns {
                data: unknown,
                phones,
            } => {
                data.retain(|name, _| !unknown.contains(name));
                lowers.phones.retain(|name| !phones.contains(name));
            }
            Broken::Channel => *lowers = Lowered::default(),
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
            Broken::UnknownColumns { data, phones } => {
                let parted = if data.is_empty() || phones.is_empty() {
                    ""
                } else {
                    "; "
                };
                listed(f, DATA, data)?;
                f.write_str(parted)?;
                listed(f, PHONES, phones)
            }
            Broken::Channel => f.write_str(
                "contactable, phones: expected neither, since the org's api has no word for them",
            ),
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

    /// What those who opt in and out make of a contact.
    pub fn wishes(&self) -> Wishes {
        Wishes {
            raise: self.raise(),
            opt_out: self.opt_out,
        }
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
    /// at the change's rank unless it is that which is wrong, and which channels and numbers may not be
    /// used, which need none. `may_say`: what the org's API and the campaign's list can hold of them.
    /// `None`: it says nothing of it.
    pub fn opt_out(
        &self,
        change: &Change,
        now: Timestamp,
        may_say: impl Fn(Switch<'_>) -> bool,
    ) -> Option<Change> {
        let callable = change.operation.callable().filter(|callable| !callable);
        let mut lowers = change.operation.lowers().cloned().unwrap_or_default();
        lowers
            .channels
            .retain(|channel| may_say(Switch::Channel(*channel)));
        lowers
            .phones
            .retain(|column| may_say(Switch::Number(column)));
        if callable.is_none() && lowers.is_empty() {
            return None;
        }
        let mut heard = Change {
            operation: Operation::Upsert {
                data: Columns::default(),
                callable,
                lowers,
            },
            ..change.clone()
        };
        if callable.is_none() || self.has_rank_ahead(change, now) {
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

/// A switch of a contact beside `callable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch<'a> {
    /// Of a channel.
    Channel(Channel),
    /// Of the number in this column.
    Number(&'a str),
}

/// Whether a change fills columns that the campaign's list has not, or names such as those of numbers.
/// Null, empty and absent are equal: such a column needs no place.
pub fn unknown_columns(
    change: &Change,
    has_column: impl Fn(&str) -> bool,
    has_number: impl Fn(&str) -> bool,
) -> Option<Broken> {
    let data = change.operation.data()?.iter();
    let unknown = data.filter(|(name, value)| fills(value.as_deref()) && !has_column(name));
    let data: Vec<_> = unknown.map(|(name, _)| name.clone()).collect();
    let phones = change.operation.lowers().into_iter();
    let phones = phones.flat_map(|lowers| &lowers.phones);
    let phones: Vec<_> = phones.filter(|name| !has_number(name)).cloned().collect();
    (!data.is_empty() || !phones.is_empty()).then_some(Broken::UnknownColumns { data, phones })
}

/// Whether a change says something of channels or numbers, where the org's API has no word for them.
pub fn channels_unsaid(change: &Change) -> Option<Broken> {
    change.operation.lowers().map(|_| Broken::Channel)
}

fn listed(f: &mut fmt::Formatter<'_>, expected: &str, columns: &[String]) -> fmt::Result {
    if columns.is_empty() {
        return Ok(());
    }
    f.write_str(expected)?;
    for (place, column) in columns.iter().enumerate() {
        let separator = if place == 0 { "" } else { ", " };
        write!(f, "{separator}{column:?}")?;
    }
    Ok(())
}

/// Whether a value needs a column to be in.
pub fn fills(value: Option<&str>) -> bool {
    value.is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
