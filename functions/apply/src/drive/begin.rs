//! Chooses the contacts that begin now, as health and budget allow: opt-outs first, campaigns in
//! turn. It makes no call (`calls` does), and how many calls there are is decided in
//! [`domain::budget`]. `doubt` says which contacts go alone.

use domain::attempt::Step;
use domain::budget::{CALLS_OF_A_CONTACT, Demand, More};
use domain::health::May;
use io::genesys::{Campaign, MOST_CREATED, MOST_READ, MOST_WRITTEN};

use super::{At, Drive, DrivenContact, Progress, Under};

/// The most messages of an event (Lambda developer guide, "Amazon SQS event source mapping").
const MESSAGES_PER_EVENT: usize = 10;
/// A draw that never wins: the copy gets its even share of the calls and no more.
const UNLUCKY: f64 = 1.0;

impl Drive<'_> {
    /// In a first load by `predictive`, skips the read of a contact that most likely does not
    /// exist.
    pub(super) fn take_for_new(&mut self, place: usize) {
        let contact = &mut self.contacts[place];
        let of = &self.campaigns[contact.campaign];
        if matches!(of.campaign, Campaign::Predictive(_))
            && !contact.was_tried
            && self.org.are_new(&of.id)
            && let Some(step) = contact.attempt.assumed_new()
        {
            contact.at = At::Waits(step);
        }
    }

    /// Begins as many contacts as health and budget allow. Opt-outs come first, and campaigns take
    /// turns.
    pub(super) fn begin(&mut self, progress: &mut Progress) {
        let mut units = self.units();
        if units.is_empty() {
            return;
        }
        for campaign in 0..self.campaigns.len() {
            self.heed_health(progress, campaign, &mut units);
        }
        let (first, mut others): (Vec<_>, Vec<_>) =
            units.into_iter().partition(|unit| unit.is_opt_out);
        let opt_outs = first.len();
        // Most of these contacts can only be read, so the other campaigns come before them.
        let is_held = |unit: &Unit| self.is_held(self.contacts[unit.contacts[0]].campaign);
        others.sort_by_key(is_held);
        let now = self.context.shared.clock.now();
        let demand = Demand {
            opt_outs: opt_outs as u64,
            others: others.len() as u64,
            held: others.iter().filter(|unit| is_held(unit)).count() as u64,
            is_wide: self.contacts.len() > MESSAGES_PER_EVENT,
            promised: self.promised(),
            beside: u64::from(opt_outs > 0 && self.is_listing_new()),
            patience: self.run.patience(now),
            // If there are too few calls for every copy, copies draw for them, once per invocation.
            draw: progress.more.map_or(self.draw, |_| UNLUCKY),
        };
        let offer = self.org.offer(&self.secret, &demand);
        if let More::At(more) = offer.more {
            progress.more = Some(more);
        }
        progress.opt_outs_at = offer.opt_outs_at.or(progress.opt_outs_at);
        let of_opt_outs = usize::try_from(offer.opt_outs).unwrap_or(usize::MAX);
        let of_others = usize::try_from(offer.others).unwrap_or(usize::MAX);
        let begun = first.into_iter().take(of_opt_outs);
        let begun = begun.chain(others.into_iter().take(of_others));
        for place in begun.flat_map(|unit| unit.contacts) {
            let at = std::mem::replace(&mut self.contacts[place].at, At::Ended);
            self.contacts[place].at = match at {
                At::Waits(step) => At::Ready(step),
                at => at,
            };
        }
    }

    /// Removes the units of a campaign that its health does not allow to begin.
    ///
    /// If the campaign is not known to be healthy, one contact probes for the others, unless one
    /// does already. If calls failed lately, that contact is chosen at random: if a single contact
    /// is the cause, it is not the same one each time.
    fn heed_health(&mut self, progress: &mut Progress, campaign: usize, units: &mut Vec<Unit>) {
        let is_of = |unit: &Unit| self.contacts[unit.contacts[0]].campaign == campaign;
        if !units.iter().any(is_of) {
            return;
        }
        let of = &self.campaigns[campaign];
        let may = if progress.answered.contains(&campaign) {
            self.org.may_go_on_with(&of.id)
        } else {
            of.may
        };
        match may {
            // The opt-outs of a campaign in doubt take many calls, so nothing else of it begins
            // before them.
            May::All if self.is_in_doubt(campaign) && self.has_opt_outs(campaign) => {
                units.retain(|unit| !is_of(unit) || unit.is_opt_out);
            }
            May::All => {}
            May::Probe => {
                let is_begun =
                    |contact: &DrivenContact| matches!(contact.at, At::Ready(_) | At::Calls(_));
                let is_told = self.of(campaign).iter().any(is_begun);
                let own: Vec<_> = (0..units.len()).filter(|n| is_of(&units[*n])).collect();
                // A copy that was drawn to probe has a `draw` below 1 / `copies`. The fraction of
                // the product is evenly spread over 0 to 1 again.
                let copies = f64::from(self.context.shared.config.apply_concurrency);
                let even = (self.draw * copies).fract();
                let drawn = |of: usize| (even * of as f64) as usize % of;
                let mut probe = own.first().copied();
                if self.is_in_doubt(campaign) {
                    let unit = own[drawn(own.len())];
                    units[unit].contacts =
                        vec![units[unit].contacts[drawn(units[unit].contacts.len())]];
                    probe = Some(unit);
                }
                let mut places = 0..;
                units.retain(|unit| {
                    let place = places.next();
                    !is_of(unit) || !is_told && place == probe
                });
            }
            May::NotBefore(_) | May::InTurn(_) => {
                units.retain(|unit| !is_of(unit));
                if let Err(failure) = may.allowed(self.context.shared.clock.now()) {
                    self.give_back_all(progress, &failure, |of| of.campaign == campaign);
                }
            }
        }
    }

    /// Whether the creates of a campaign are held.
    fn is_held(&self, campaign: usize) -> bool {
        self.org.holds_creates(&self.campaigns[campaign].id)
    }

    /// The contacts of a campaign.
    pub(super) fn of(&self, campaign: usize) -> &[DrivenContact] {
        &self.contacts[self.campaigns[campaign].contacts.clone()]
    }

    /// Whether a batch has more contacts of a campaign than an event can bring. If it has, opt-outs
    /// go in calls of their own, so that trouble with another contact does not affect them.
    pub(super) fn is_wide(&self, campaign: usize) -> bool {
        self.of(campaign).len() > MESSAGES_PER_EVENT
    }

    /// Whether a campaign has opt-outs that have not ended.
    fn has_opt_outs(&self, campaign: usize) -> bool {
        let is_left = |of: &DrivenContact| of.attempt.is_opt_out() && !matches!(of.at, At::Ended);
        self.of(campaign).iter().any(is_left)
    }

    /// The units that wait to begin, one of each campaign in turn.
    fn units(&self) -> Vec<Unit> {
        let in_turn = |campaign: usize| {
            let contacts = self.campaigns[campaign]
                .contacts
                .clone()
                .zip(self.of(campaign));
            let waiting = contacts.filter(|(_, contact)| matches!(contact.at, At::Waits(_)));
            // The number of contacts that begin together. With `contactLists` one read and one
            // write serve many.
            let together = |contact: &DrivenContact| match self.campaigns[campaign].campaign {
                Campaign::ContactList(_) => MOST_READ,
                Campaign::Predictive(_) if contact.is_new() => MOST_CREATED,
                Campaign::Predictive(_) => 1,
            };
            // Contacts of a campaign in doubt begin with those with which they share their calls.
            let is_parted = self.is_parted(campaign);
            let mut waiting: Vec<_> = waiting
                .map(|(place, contact)| Waiting {
                    together: if self.goes_alone(place) {
                        1
                    } else {
                        together(contact)
                    },
                    is_other: !contact.attempt.is_opt_out(),
                    part: if is_parted { self.part(place) } else { 0 },
                    place,
                })
                .collect();
            let begun = self.of(campaign).len() - waiting.len();
            waiting.sort_unstable();
            let is_wide = self.is_wide(campaign);
            let alike = waiting.chunk_by(|one, other| {
                one.together == other.together
                    && one.part == other.part
                    && (one.is_other == other.is_other || !is_wide)
            });
            let units = alike
                .flat_map(|alike| alike.chunks(alike[0].together))
                .map(|chunk| Unit {
                    contacts: chunk.iter().map(|waiting| waiting.place).collect(),
                    is_opt_out: chunk.iter().any(|waiting| !waiting.is_other),
                });
            let first = begun / waiting.first().map_or(1, |first| first.together);
            units.zip(first..).collect::<Vec<_>>()
        };
        let mut rounds: Vec<_> = (0..self.campaigns.len()).flat_map(in_turn).collect();
        rounds.sort_by_key(|(_, round)| *round);
        rounds.into_iter().map(|(unit, _)| unit).collect()
    }

    /// The calls that the contacts which have begun still need, including those under way.
    fn promised(&self) -> u64 {
        let mut promised = 0;
        for (campaign, of) in self.campaigns.iter().enumerate() {
            let (mut begun, mut written, mut created) = (Vec::new(), Vec::new(), Vec::new());
            for place in of.contacts.clone() {
                match &self.contacts[place].at {
                    At::Calls(Under::Read) | At::Ready(Step::Read | Step::Probe) => {
                        begun.push(place);
                    }
                    // The contact is read again and then written.
                    At::Calls(Under::Pause | Under::Lower)
                    | At::Ready(Step::Pause(_) | Step::Lower) => begun.push(place),
                    At::Calls(Under::Create) | At::Ready(Step::Create { alone: false, .. }) => {
                        created.push(place);
                    }
                    At::Calls(Under::Write) | At::Ready(_) => written.push(place),
                    At::Waits(_) | At::Ended => {}
                }
            }
            promised += match of.campaign {
                Campaign::Predictive(_) => {
                    CALLS_OF_A_CONTACT * begun.len() as u64
                        + written.len() as u64
                        + self.calls_of(campaign, created, MOST_CREATED)
                }
                Campaign::ContactList(_) if self.is_parted(campaign) => {
                    written.append(&mut created);
                    CALLS_OF_A_CONTACT * self.calls_of(campaign, begun, MOST_READ)
                        + self.calls_of(campaign, written, MOST_WRITTEN)
                }
                Campaign::ContactList(_) => {
                    let is_written = !written.is_empty() || !created.is_empty();
                    CALLS_OF_A_CONTACT * begun.len().div_ceil(MOST_READ) as u64
                        + u64::from(is_written)
                }
            };
        }
        promised + self.calls_of_entries()
    }
}

/// A contact that waits to begin. Contacts are sorted by these fields, so that those which begin
/// together stand side by side.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    /// The most contacts that begin together with it.
    together: usize,
    is_other: bool,
    part: usize,
    place: usize,
}

/// Contacts that begin together: a single one, or as many of a list as one call reads.
struct Unit {
    contacts: Vec<usize>,
    is_opt_out: bool,
}
