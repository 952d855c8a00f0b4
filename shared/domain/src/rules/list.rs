//! The rules that depend on a campaign's contact list and on the org's API.

use super::BrokenRule;
use crate::change::Change;
use crate::channel::Channel;

/// A switch of a contact beside `callable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch<'a> {
    /// The switch of a channel.
    Channel(Channel),
    /// The switch of the number in this column.
    Number(&'a str),
}

/// The rule that a change breaks if it fills columns that the campaign's list does not have, or
/// lowers numbers in columns that hold none. Null, empty and absent are equal, so an empty value
/// needs no column.
pub fn unknown_columns(
    change: &Change,
    has_column: impl Fn(&str) -> bool,
    has_number: impl Fn(&str) -> bool,
) -> Option<BrokenRule> {
    let data = change.operation.data()?.iter();
    let unknown = data.filter(|(name, value)| fills(value.as_deref()) && !has_column(name));
    let data: Vec<_> = unknown.map(|(name, _)| name.clone()).collect();
    let phones = change.operation.lowers().into_iter();
    let phones = phones.flat_map(|lowers| &lowers.phones);
    let phones: Vec<_> = phones.filter(|name| !has_number(name)).cloned().collect();
    (!data.is_empty() || !phones.is_empty()).then_some(BrokenRule::UnknownColumns { data, phones })
}

/// The rule that a change breaks if it lowers channels or numbers. It is for an org whose API does
/// not support that.
pub fn unsupported_channels(change: &Change) -> Option<BrokenRule> {
    change.operation.lowers().map(|_| BrokenRule::Channel)
}

/// Whether a value needs a column.
pub fn fills(value: Option<&str>) -> bool {
    value.is_some_and(|value| !value.is_empty())
}
