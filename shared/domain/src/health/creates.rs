//! Whether contacts can be created in a campaign: its list, or its org, may be at the limit of
//! contacts.
//!
//! Which code a create is refused with then is not documented. So a create that is refused by a code
//! that nobody knows may be refused for its own sake, or for everybody's. Others tell:
//!
//! ```text
//! refused: a, b, c                      nothing is created: creates are held
//!   15 s later    refused: d            d probed: nobody can be created, which is told
//!   30 s later    created: e            e probed: all may go again
//!
//! refused: a    created: f    refused: a    created: g    refused: a      it is a's own fault
//! ```
//!
//! Whoever was refused before and is created now shows that it was the list: then no refusal of before
//! is anybody's own.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::breaker::{FIRST_WAIT, wait};
use crate::change::ContactKey;

/// This many contacts refused for the first time, with none created since, are no accident.
const OF_ALL: usize = 3;
/// A contact that is refused this often within an hour, while others are created in between, is itself
/// the cause.
const OF_ITS_OWN: u32 = 3;
const WITHIN: Duration = Duration::from_hours(1);
/// For how long it counts as the cause: time to try its opt-out, and each of several changes alone.
const OWN_FOR: Duration = Duration::from_mins(1);
/// A create answered within this time of a refusal was under way at the same time, and shows nothing.
const BESIDE: Duration = Duration::from_secs(10);
/// A contact that was refused before probes only this long after a probe was due: one that never was
/// tells more.
const AFTER_OTHERS: Duration = Duration::from_mins(2);
const TOLD_EVERY: Duration = Duration::from_mins(2);
/// So many contacts are remembered.
const MOST: usize = 1_000;

/// What is known of the creates of one campaign.
#[derive(Debug, Default)]
pub struct Creates {
    suspects: BTreeMap<ContactKey, Suspect>,
    /// Those that were held, and not refused.
    waited: BTreeSet<ContactKey>,
    /// When anybody was created.
    created_at: Option<Timestamp>,
    /// When a contact was created that was neither refused nor held before.
    new_at: Option<Timestamp>,
    held: Option<Held>,
    told_at: Option<Timestamp>,
}

/// A contact that was refused.
#[derive(Debug)]
struct Suspect {
    since: Timestamp,
    /// The last refusal that counts.
    at: Timestamp,
    /// How often, with others created in between.
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

/// Creates are held.
#[derive(Debug)]
struct Held {
    /// How many probes went.
    probes: u32,
    /// When the next one may go.
    next: Timestamp,
    /// Whether somebody waits for it who was never refused.
    is_awaited: bool,
}

/// Whose fault it is that a contact could not be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The contact's: others are created.
    Own,
    /// That cannot be told yet.
    Unknown,
    /// None can be created.
    All {
        /// Whether that is to be told: with each probe, so that an alarm lasts as long.
        is_told: bool,
    },
}

impl Creates {
    /// Whether creates are held: then one of them at a time may go, as [`Creates::probe`] says.
    pub fn are_held(&self) -> bool {
        self.held.is_some()
    }

    /// Which of these contacts is created to probe for all of them. `luck`: chance, from 0 up to 1.
    ///
    /// # Errors
    /// How long none of them may be.
    pub fn probe(
        &mut self,
        keys: &[&ContactKey],
        now: Timestamp,
        luck: f64,
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
        let drawn = (luck * probers.len() as f64) as usize % probers.len().max(1);
        Ok(probers.get(drawn).copied().unwrap_or(0))
    }

    /// This contact was created.
    pub fn created(&mut self, key: &ContactKey, now: Timestamp) {
        (self.held, self.told_at) = (None, None);
        self.created_at = Some(now);
        let suspect = self.suspects.remove(key);
        // Only its opt-out was taken, or one of its changes.
        if suspect.as_ref().is_some_and(|of| of.own_until.is_some()) {
            return;
        }
        // That a held contact is created clears nobody: a few may have caused the hold.
        let was_held = self.waited.remove(key);
        if suspect.is_some() {
            for suspect in self.suspects.values_mut() {
                *suspect = Suspect::new(now);
            }
        } else if !was_held {
            self.new_at = Some(now);
        }
    }

    /// The creation of this contact was refused, by a code that may be about it or about all.
    pub fn refused(&mut self, key: &ContactKey, now: Timestamp) -> Fault {
        if self.suspects.len() >= MOST {
            self.suspects.clear();
        }
        self.waited.remove(key);
        let (created_at, new_at) = (self.created_at, self.new_at);
        let is_after = |created: Option<Timestamp>, at: Timestamp| {
            created.is_some_and(|created| created >= at + BESIDE)
        };
        let suspect = self.suspects.entry(key.clone());
        let suspect = suspect.or_insert_with(|| Suspect::new(now));
        if suspect.own_until.is_some_and(|until| now < until) {
            return Fault::Own;
        }
        if now > suspect.since + WITHIN {
            *suspect = Suspect::new(now);
        }
        if is_after(new_at, suspect.at) {
            suspect.times += 1;
            suspect.at = now;
        }
        if suspect.times >= OF_ITS_OWN {
            suspect.own_until = Some(now + OWN_FOR);
            return Fault::Own;
        }
        let counts = |of: &&Suspect| of.times == 1 && !is_after(created_at, of.at);
        if let Some(held) = &self.held {
            // Those that were refused side by side are one; and three may be a chance, until one
            // that probed for all was refused too.
            let is_told = held.probes > 0 && self.told_at.is_none_or(|at| now >= at + TOLD_EVERY);
            if is_told {
                self.told_at = Some(now);
            }
            return Fault::All { is_told };
        }
        if self.suspects.values().filter(counts).count() < OF_ALL {
            return Fault::Unknown;
        }
        self.held = Some(Held {
            probes: 0,
            next: now + FIRST_WAIT,
            is_awaited: false,
        });
        Fault::All { is_told: false }
    }
}

#[cfg(test)]
mod tests;
