//! The effect of a contact's changes on `callable`, channels and numbers. Columns are merged in
//! `merge`; [`crate::version`] has the rules for `callable`.

use std::collections::BTreeSet;

use super::{RankedChange, Wishes};
use crate::channel::{Channel, Lowered, OptOut};
use crate::contact::Contact;
use crate::version::{CallableEffect, CallableState, Consent};

/// The effect of changes on `callable`, channels and numbers. `callable` is compared by its own
/// rank, and channels and numbers need none, so even a change that is stale for its columns counts
/// here.
pub(super) struct SwitchEffects {
    pub(super) before: CallableState,
    pub(super) after: CallableState,
    /// The indices of the changes whose opt-in is kept out.
    pub(super) kept: Vec<usize>,
    /// The last change that made a difference.
    pub(super) last: Option<usize>,
    /// Whether a change sets `callable`.
    pub(super) is_of_callable: bool,
    /// Whether a change makes the contact not callable: an opt-out or a leave.
    pub(super) is_opt_out: bool,
    /// Channels and numbers to lower that are not lowered yet.
    pub(super) lowers: Lowered,
}

impl SwitchEffects {
    /// Applies each change to what the one before it left.
    pub(super) fn by(
        changes: &[RankedChange<'_>],
        order: &[usize],
        actual: Option<&Contact>,
        wishes: Wishes,
        by_opt_out: bool,
    ) -> SwitchEffects {
        let says = |callable: fn(bool) -> bool| {
            let mut values = changes.iter().map(|change| change.operation.callable());
            values.any(|value| value.is_some_and(callable))
        };
        let before = CallableState::of(actual);
        let mut effects = SwitchEffects {
            before,
            after: before,
            kept: Vec::new(),
            last: None,
            is_of_callable: says(|_| true),
            is_opt_out: says(|callable| !callable),
            lowers: Lowered::default(),
        };
        if by_opt_out && actual.is_none() {
            // The opt-out has no rank here, so any opt-in makes the contact callable.
            effects
                .after
                .apply(None, Some(Consent::MayNot), wishes.raise);
            effects.is_of_callable = true;
        }
        for &i in order {
            let was = effects.after;
            let RankedChange {
                rank, operation, ..
            } = changes[i];
            let effect = effects
                .after
                .apply(rank, changes[i].consent(), wishes.raise);
            if effect == CallableEffect::Kept {
                effects.kept.push(i);
            }
            let mut is_new = false;
            if effect == CallableEffect::OptOut && wishes.opt_out == OptOut::All {
                is_new |= effects.lower_channels(Channel::ALL, actual);
            }
            if let Some(lowers) = operation.lowers() {
                is_new |= effects.lower_channels(lowers.channels.iter().copied(), actual);
                is_new |= effects.lower_numbers(&lowers.phones, actual);
            }
            if effects.after != was || is_new {
                effects.last = Some(i);
            }
        }
        effects
    }

    /// Lowers channels, and returns whether one of them was not lowered yet.
    fn lower_channels(
        &mut self,
        channels: impl IntoIterator<Item = Channel>,
        actual: Option<&Contact>,
    ) -> bool {
        let is_channel_lowered = |channel: &Channel| {
            actual.is_some_and(|actual| actual.statuses.is_channel_lowered(*channel))
        };
        let known = self.lowers.channels.len();
        let channels = channels
            .into_iter()
            .filter(|channel| !is_channel_lowered(channel));
        self.lowers.channels.extend(channels);
        self.lowers.channels.len() > known
    }

    /// Lowers numbers, and returns whether one of them was not lowered yet.
    fn lower_numbers(&mut self, columns: &BTreeSet<String>, actual: Option<&Contact>) -> bool {
        let is_number_lowered = |column: &String| {
            actual.is_some_and(|actual| actual.statuses.is_number_lowered(column))
        };
        let known = self.lowers.phones.len();
        let columns = columns.iter().filter(|column| !is_number_lowered(column));
        self.lowers.phones.extend(columns.cloned());
        self.lowers.phones.len() > known
    }
}
