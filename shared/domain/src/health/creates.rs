//! Keeps track of whether contacts can be created in a campaign. Its contact list, or its org, may
//! be at the limit of contacts.
//!
//! The code with which Genesys Cloud refuses a create then is not documented. So if a create is
//! refused with an unknown code, either this contact or every create may be the reason. Other
//! contacts show which it is:
//!
//! ```text
//! refused: a, b, c                      nothing is created: creates are held
//!   15 s later    refused: d            d probed: no contact can be created, which is reported
//!   30 s later    created: e            e probed: all may go again
//!
//! refused: a    created: f    refused: a    created: g    refused: a      a itself is the reason
//! ```
//!
//! If a contact that was refused before is created now, the list was the reason. From then on, each
//! contact that was refused counts as refused once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::breaker::{FIRST_WAIT, wait};
use crate::change::ContactKey;

/// If this many contacts are refused for the first time and none is created in between, creates are
/// held.
const REFUSALS_TO_HOLD_ALL: usize = 3;
/// A contact that is refused this often within an hour, while others are created in between, is
/// itself the reason.
const REFUSALS_TO_BLAME_ONE: u32 = 3;
const WITHIN: Duration = Duration::from_hours(1);
/// How long it counts as the reason: the time to try its opt-out, and each of its changes alone.
const OWN_FOR: Duration = Duration::from_mins(1);
/// A create that is answered this soon after a refusal was under way at the same time, and proves
/// nothing.
const PROVES_AFTER: Duration = Duration::from_secs(10);
/// A contact that was refused before probes only this long after a probe was due, because one that
/// was never refused proves more.
const AFTER_OTHERS: Duration = Duration::from_mins(2);
const TOLD_EVERY: Duration = Duration::from_mins(2);
/// How many contacts are remembered.
const MOST: usize = 1_000;

/// The health of one campaign's creates.
#[derive(Debug, Default)]
pub struct CreateHealth {
    suspects: BTreeMap<ContactKey, Suspect>,
    /// Contacts that were held back and not refused.
    waited: BTreeSet<ContactKey>,
    /// The time of the last create.
    created_at: Option<Timestamp>,
    /// The time of the last create of a contact that was neither refused nor held back before.
    new_at: Option<Timestamp>,
    held: Option<Held>,
    told_at: Option<Timestamp>,
}

/// A contact that was refused.
#[derive(Debug)]
struct Suspect {
    since: Timestamp,
    /// The time of the last refusal that counts.
    at: Timestamp,
    /// How many refusals count: those with another create in between.
    times: u32,
    own_until: Option<Timestamp>,
}

impl Suspect {
    fn new(now: Timestamp) -> Suspect {
        Suspect {
            since: now,
            at: now,
            times: 1,
            own_until: None,
        }
    }
}

/// Creates are held back.
#[derive(Debug)]
struct Held {
    /// The number of probes so far.
    probes: u32,
    /// The time of the next probe.
    next: Timestamp,
    /// Whether a contact that was never refused waits for it.
    is_awaited: bool,
}

/// The reason for which a contact could not be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateRefusal {
    /// The contact itself: others are created.
    Own,
    /// It is not known yet.
    Unknown,
    /// No contact can be created.
    All {
        /// Whether to report that. A refusal after the first probe does, once in two minutes at
        /// most, so that an alarm lasts as long as the trouble.
        is_told: bool,
    },
}

impl CreateHealth {
    /// Whether creates are held back. Then one at a time may go, as [`CreateHealth::probe`] says.
    pub fn are_held(&self) -> bool {
        self.held.is_some()
    }

    /// Chooses the contact that probes for all of these. `draw` is a random number from 0 up to 1.
    ///
    /// # Errors
    /// None of them may be created for this long.
    pub fn probe(
        &mut self,
        keys: &[&ContactKey],
        now: Timestamp,
        draw: f64,
    ) -> Result<usize, Duration> {
        let Some(held) = &mut self.held else {
            return Ok(0);
        };
        let is_new = |place: &usize| !self.suspects.contains_key(keys[*place]);
        let mut probers: Vec<_> = (0..keys.len()).filter(is_new).collect();
        let are_new = !probers.is_empty();
        let are_after_others = held.is_awaited && now < held.next + AFTER_OTHERS;
        if now < held.next || !are_new && are_after_others {
            held.is_awaited |= are_new;
            if self.waited.len() + keys.len() > MOST {
                self.waited.clear();
            }
            self.waited
                .extend(probers.iter().map(|place| keys[*place].clone()));
            let left = held.next.duration_since(now);
            return Err(Duration::try_from(left).unwrap_or(FIRST_WAIT));
        }
        if !are_new {
            probers = (0..keys.len()).collect();
        }
        held.probes += 1;
        held.next = now + wait(held.probes);
        held.is_awaited = false;
        let drawn = (draw * probers.len() as f64) as usize % probers.len().max(1);
        Ok(probers.get(drawn).copied().unwrap_or(0))
    }

    /// Records that a contact was created.
    pub fn created(&mut self, key: &ContactKey, now: Timestamp) {
        (self.held, self.told_at) = (None, None);
        self.created_at = Some(now);
        let suspect = self.suspects.remove(key);
        // Only its opt-out, or one of its changes, was accepted.
        if suspect.as_ref().is_some_and(|of| of.own_until.is_some()) {
            return;
        }
        // A held contact that is created proves nothing about the others: a few contacts may have
        // caused the hold.
        let was_held = self.waited.remove(key);
        if suspect.is_some() {
            for suspect in self.suspects.values_mut() {
                *suspect = Suspect::new(now);
            }
        } else if !was_held {
            self.new_at = Some(now);
        }
    }

    /// Records that a create was refused with a code that may concern this contact or all.
    pub fn refused(&mut self, key: &ContactKey, now: Timestamp) -> CreateRefusal {
        if self.suspects.len() >= MOST {
            self.suspects.clear();
        }
        self.waited.remove(key);
        let (created_at, new_at) = (self.created_at, self.new_at);
        let is_after = |created: Option<Timestamp>, at: Timestamp| {
            created.is_some_and(|created| created >= at + PROVES_AFTER)
        };
        let suspect = self.suspects.entry(key.clone());
        let suspect = suspect.or_insert_with(|| Suspect::new(now));
        if suspect.own_until.is_some_and(|until| now < until) {
            return CreateRefusal::Own;
        }
        if now > suspect.since + WITHIN {
            *suspect = Suspect::new(now);
        }
        if is_after(new_at, suspect.at) {
            suspect.times += 1;
            suspect.at = now;
        }
        if suspect.times >= REFUSALS_TO_BLAME_ONE {
            suspect.own_until = Some(now + OWN_FOR);
            return CreateRefusal::Own;
        }
        let counts = |of: &&Suspect| of.times == 1 && !is_after(created_at, of.at);
        if let Some(held) = &self.held {
            // Contacts that are refused side by side prove no more than one. Three may be chance,
            // until a probe is refused too.
            let is_told = held.probes > 0 && self.told_at.is_none_or(|at| now >= at + TOLD_EVERY);
            if is_told {
                self.told_at = Some(now);
            }
            return CreateRefusal::All { is_told };
        }
        if self.suspects.values().filter(counts).count() < REFUSALS_TO_HOLD_ALL {
            return CreateRefusal::Unknown;
        }
        self.held = Some(Held {
            probes: 0,
            next: now + FIRST_WAIT,
            is_awaited: false,
        });
        CreateRefusal::All { is_told: false }
    }
}

#[cfg(test)]
mod tests;
