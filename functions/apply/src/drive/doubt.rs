//! A campaign in doubt: calls of it failed lately, and one of its contacts may be the cause. Then
//! whatever shares a call with that contact fails too.
//!
//! In a batch of the size of an event, a contact goes alone if it opts out, or if it was received
//! before: it may have failed with others, and came back with them. So each contact is apart from
//! all others at its second delivery, however many of them make calls fail. A contact that comes
//! for the first time shares its calls with about half of the others like it, which costs less.

use io::genesys::Campaign;

use super::{Drive, Placed};

/// If the calls of one contact fail, about this many contacts fail with it at most.
const MOST_IN_DOUBT: usize = 50;
/// The least number of calls among which the contacts that do not go alone are divided.
const LEAST_PARTS: usize = 2;

impl Drive<'_> {
    pub(super) fn is_in_doubt(&self, campaign: usize) -> bool {
        self.org.is_in_doubt(&self.campaigns[campaign].id)
    }

    /// Whether a campaign is in doubt, and its batch so small that each contact may go alone.
    pub(super) fn is_parted(&self, campaign: usize) -> bool {
        !self.is_wide(campaign) && self.is_in_doubt(campaign)
    }

    /// Whether a contact shares no call with others. By `predictive`, the create of an opt-out goes
    /// alone in a wide batch too.
    pub(super) fn goes_alone(&self, place: usize) -> bool {
        let contact = &self.contacts[place];
        let of = &self.campaigns[contact.campaign].campaign;
        let is_opt_out = contact.attempt.is_opt_out();
        let is_alone_in_wide = is_opt_out && matches!(of, Campaign::Predictive(_));
        is_alone_in_wide && self.is_in_doubt(contact.campaign)
            || (contact.was_tried || is_opt_out) && self.is_parted(contact.campaign)
    }

    /// The part of a campaign in doubt that a contact is in by chance, if it does not go alone.
    pub(super) fn part(&self, place: usize) -> usize {
        drawn(self.draw, place, LEAST_PARTS)
    }

    /// Divides contacts among calls of at most `most`, or of about `most` in doubt. If one of them may be the reason why calls
    /// fail, some go alone. The others are divided at random each time, among at least two calls of
    /// about fifty contacts at most. So they are soon apart from that one, and few fail with it.
    pub(super) fn in_calls<T: Placed>(
        &self,
        campaign: usize,
        all: Vec<T>,
        most: usize,
    ) -> Vec<Vec<T>> {
        let is_alone = |it: &T| self.goes_alone(it.place());
        let (alone, all): (Vec<T>, Vec<T>) = all.into_iter().partition(is_alone);
        let is_in_doubt = self.is_in_doubt(campaign);
        let calls = if is_in_doubt {
            let fifties = all.len().div_ceil(most.min(MOST_IN_DOUBT));
            fifties.max(LEAST_PARTS)
        } else {
            all.len().div_ceil(most)
        };
        let mut parts: Vec<Vec<T>> = (0..calls).map(|_| Vec::new()).collect();
        for (number, it) in all.into_iter().enumerate() {
            let part = if is_in_doubt {
                drawn(self.draw, it.place(), calls)
            } else {
                number / most
            };
            parts[part].push(it);
        }
        parts.retain(|part| !part.is_empty());
        let alone = alone.into_iter().map(|it| vec![it]);
        alone.chain(parts).collect()
    }

    /// How many calls it takes to read, or to write, these contacts once.
    pub(super) fn calls_of(&self, campaign: usize, places: Vec<usize>, most: usize) -> u64 {
        self.in_calls(campaign, places, most).len() as u64
    }
}

/// Draws one of several parts for a contact's place.
fn drawn(draw: f64, place: usize, parts: usize) -> usize {
    // The constants are those of splitmix64, which scatters neighbours.
    let mixed = draw.to_bits() ^ (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33;
    usize::try_from(mixed).unwrap_or_default() % parts
}
