//! The rules that an org's secret adds to those of every change (docs/contract.md "Secrets").
//!
//! Apply parks a change that breaks one, reconcile leaves out the part that does, and `send`
//! reports it for the row. The rules that hold for every org are in [`crate::change`].

mod list;

pub use list::{Switch, fills, unknown_columns, unsupported_channels};

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use regex_lite::Regex;

use crate::batch::ParkReason;
use crate::change::{Change, Operation, Rank, VersionFrom};
use crate::channel::{Lowered, OptOut};
use crate::contact::Columns;
use crate::dnc::DncList;
use crate::plan::Wishes;
use crate::version::Raise;

/// How far a rank that is a time may be in the future.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// A stored rank that is a count and as close to the maximum as this leaves no room for later
/// changes.
const NEAR_THE_END: u64 = 1 << 20;

const DATA: &str = "data: expected only columns of the campaign's contact list, which has no ";
const PHONES: &str =
    "phones: expected only columns of numbers of the campaign's contact list, which has no ";

/// The rules of one org.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The column that stores the version. `None` stores none.
    pub version_field: Option<String>,
    /// The member of a change that is its rank.
    pub version_from: VersionFrom,
    /// The unit of a version that is a time. `None` allows any number.
    pub version_unit: Option<VersionUnit>,
    /// The pattern that every contact key must match.
    pub contact_key_pattern: Option<Regex>,
    /// Which contacts an opt-in makes callable, if versions are stored.
    pub raise: Raise,
    /// The channels that an opt-out lowers beside `callable`.
    pub opt_out: OptOut,
    /// How long reads may not show a write. Until then the change is not done, and the changes
    /// behind it in its message group are not planned.
    pub read_lag: Duration,
    /// The DNC list that opt-outs are added to, if any.
    pub dnc_list: Option<DncList>,
}

/// The unit of a version that is a time since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionUnit {
    /// Unix time.
    Seconds,
    /// Milliseconds, as JavaScript and Java count time.
    Milliseconds,
    /// Microseconds, as many databases count time.
    Microseconds,
}

/// The rule that a change breaks. `Display` says what was expected, without personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokenRule {
    /// The contact key does not match the org's pattern.
    KeyPattern,
    /// The rank is a time too far in the future. It would make every later change stale.
    RankAhead(VersionFrom),
    /// `data` names this column, which stores the version.
    ReservedColumn([String; 1]),
    /// The campaign's contact list does not have these columns.
    UnknownColumns {
        /// The columns that `data` fills.
        data: Vec<String>,
        /// The columns that `phones` names. The list has no such column, or it holds no numbers.
        phones: Vec<String>,
    },
    /// The change lowers channels or numbers, and the org's API does not support that.
    Channel,
}

impl BrokenRule {
    /// The reason with which apply parks the change.
    pub fn reason(&self) -> ParkReason {
        match self {
            BrokenRule::KeyPattern => ParkReason::KeyPattern,
            BrokenRule::RankAhead(_) => ParkReason::RankAhead,
            BrokenRule::ReservedColumn(_) => ParkReason::ReservedColumn,
            BrokenRule::UnknownColumns { .. } => ParkReason::UnknownColumn,
            BrokenRule::Channel => ParkReason::Channel,
        }
    }

    /// Removes from a change the part that breaks the rule, if it is only a part.
    pub fn leave_out(&self, change: &mut Change) {
        let Operation::Upsert { data, lowers, .. } = &mut change.operation else {
            return;
        };
        match self {
            BrokenRule::KeyPattern | BrokenRule::RankAhead(_) => {}
            BrokenRule::ReservedColumn([column]) => drop(data.remove(column)),
            BrokenRule::UnknownColumns {
                data: unknown,
                phones,
            } => {
                data.retain(|name, _| !unknown.contains(name));
                lowers.phones.retain(|name| !phones.contains(name));
            }
            BrokenRule::Channel => *lowers = Lowered::default(),
        }
    }
}

impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BrokenRule::KeyPattern => {
                f.write_str("contactKey: expected a match of the org's contactKeyPattern")
            }
            BrokenRule::RankAhead(VersionFrom::Version) => f.write_str(
                "version: expected a time at most a day ahead of the clock, in the org's versionUnit",
            ),
            BrokenRule::RankAhead(VersionFrom::OccurredAt) => {
                f.write_str("occurredAt: expected a time at most a day ahead of the clock")
            }
            BrokenRule::ReservedColumn([column]) => write!(
                f,
                "data: expected not to name {column:?}, in which the org's versionField stores the rank"
            ),
            BrokenRule::UnknownColumns { data, phones } => {
                let parted = if data.is_empty() || phones.is_empty() {
                    ""
                } else {
                    "; "
                };
                listed(f, DATA, data)?;
                f.write_str(parted)?;
                listed(f, PHONES, phones)
            }
            BrokenRule::Channel => f.write_str(
                "contactable, phones: expected neither, since the org's api does not support them",
            ),
        }
    }
}

impl Rules {
    /// The member that ranks a change. `None` means that the queue alone orders changes.
    pub fn ranking(&self) -> Option<VersionFrom> {
        self.version_field.is_some().then_some(self.version_from)
    }

    /// Which contacts an opt-in makes callable. `None` means that no versions are stored and an
    /// opt-in makes every contact callable.
    pub fn raise(&self) -> Option<Raise> {
        self.version_field.is_some().then_some(self.raise)
    }

    /// How the org treats opt-ins and opt-outs.
    pub fn wishes(&self) -> Wishes {
        Wishes {
            raise: self.raise(),
            opt_out: self.opt_out,
        }
    }

    /// The rank of a change. A change without one is not compared.
    pub fn rank(&self, change: &Change) -> Option<Rank> {
        change.rank(self.ranking()?)
    }

    /// Whether the change's key may be the key of a contact.
    pub fn key_matches(&self, change: &Change) -> bool {
        let pattern = self.contact_key_pattern.as_ref();
        pattern.is_none_or(|pattern| pattern.is_match(change.key.as_str()))
    }

    /// The first rule that a change breaks, apart from those of its campaign's contact list.
    pub fn broken(&self, change: &Change, now: Timestamp) -> Option<BrokenRule> {
        if !self.key_matches(change) {
            return Some(BrokenRule::KeyPattern);
        }
        if self.has_rank_ahead(change, now) {
            return Some(BrokenRule::RankAhead(self.version_from));
        }
        self.reserved_column(change)
    }

    /// The rule that a change breaks if it names the column that stores the version.
    pub fn reserved_column(&self, change: &Change) -> Option<BrokenRule> {
        let (column, data) = self.version_field.as_ref().zip(change.operation.data())?;
        let names_it = data.contains_key(column);
        names_it.then(|| BrokenRule::ReservedColumn([column.clone()]))
    }

    /// The opt-out of a change that breaks a rule. It counts nevertheless, at the rank of the
    /// change unless the rank is what is wrong. Channels and numbers count too, and need no rank.
    /// `may_say` returns whether the org's API and the campaign's list can hold one of them. `None`
    /// means that the change contains no opt-out.
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
        let mut salvaged = Change {
            operation: Operation::Upsert {
                data: Columns::default(),
                callable,
                lowers,
            },
            ..change.clone()
        };
        if callable.is_none() || self.has_rank_ahead(change, now) {
            (salvaged.version, salvaged.occurred_at) = (None, None);
        }
        Some(salvaged)
    }

    fn has_rank_ahead(&self, change: &Change, now: Timestamp) -> bool {
        let latest = self.latest(now);
        latest.is_some() && self.rank(change) > latest
    }

    /// Whether a stored rank makes the CRM's next change stale: a time too far in the future, or a
    /// count at its maximum.
    pub fn is_ahead(&self, stored: Rank, now: Timestamp) -> bool {
        match self.latest(now) {
            Some(latest) => stored > latest,
            None => stored >= Rank::MAX.less(NEAR_THE_END),
        }
    }

    /// Whether ranks are times and not counts.
    pub fn ranks_are_times(&self) -> bool {
        self.unit().is_some()
    }

    fn unit(&self) -> Option<VersionUnit> {
        match self.version_from {
            VersionFrom::Version => self.version_unit,
            VersionFrom::OccurredAt => Some(VersionUnit::Milliseconds),
        }
    }

    /// The highest rank that a change may have now. `None` means that any is allowed.
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

#[cfg(test)]
mod tests;
