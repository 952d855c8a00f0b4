//! Whether contacts can be created in a campaign: its list, or its org, may be at the limit of
//! contacts.
//!
//! Which code a create is refused with then is not documented. So a create that is refused by a code
//! that nobody knows may be refused for its own sake, or for everybody's:
//!
//! ```text
//! refused: a    created: b    refused: a    created: c    refused: a    → it is a's own fault
//! refused: a    refused: b    refused: c                                → nobody can be created
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::change::ContactKey;
use crate::retry::REFUSED;

/// So many contacts that are refused, none created since, are no chance.
const OF_ALL: usize = 3;
/// So often a contact is refused while others are created before that is its own fault: a list at
/// its limit takes some when others were deleted.
const OF_ITS_OWN: u32 = 3;
/// A create that is answered sooner after a refusal was under way beside it, and shows nothing.
const BESIDE: Duration = Duration::from_secs(10);
/// So many refused contacts are remembered.
const MOST: usize = 1_000;

/// What is known of the creates of one campaign.
#[derive(Debug, Default)]
pub struct Creates {
    refused: BTreeMap<ContactKey, Refused>,
    created_at: Option<Timestamp>,
    /// When the next probe may go, while nobody can be created.
    probe_at: Option<Timestamp>,
    told_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Refused {
    at: Timestamp,
    /// How often, with others created in between.
    times: u32,
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
    /// How many contacts may be created now: all, or one that probes for those that wait.
    pub fn may(&mut self, now: Timestamp) -> usize {
        match self.probe_at {
            None => usize::MAX,
            Some(at) if now < at => 0,
            Some(_) => {
                self.probe_at = Some(now + REFUSED);
                1
            }
        }
    }

    /// A contact was created.
    pub fn created(&mut self, now: Timestamp) {
        self.created_at = Some(now);
        (self.probe_at, self.told_at) = (None, None);
    }

    /// The creation of this contact was refused, by a code that may be about it or about all.
    pub fn refused(&mut self, key: &ContactKey, now: Timestamp) -> Fault {
        if self.refused.len() >= MOST {
            self.refused.clear();
        }
        let created_at = self.created_at;
        let is_shown = |at: Timestamp| created_at.is_some_and(|created| created >= at + BESIDE);
        let refused = self
            .refused
            .entry(key.clone())
            .or_insert(Refused { at: now, times: 1 });
        if is_shown(refused.at) {
            refused.times += 1;
            refused.at = now;
        }
        if refused.times >= OF_ITS_OWN {
            self.refused.remove(key);
            return Fault::Own;
        }
        let since = self.refused.values().filter(|of| !is_shown(of.at)).count();
        if since < OF_ALL {
            return Fault::Unknown;
        }
        self.probe_at = Some(now + REFUSED);
        // Those that were refused side by side are one.
        let is_told = self.told_at.is_none_or(|at| now >= at + REFUSED / 2);
        if is_told {
            self.told_at = Some(now);
        }
        Fault::All { is_told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn refuse(creates: &mut Creates, key: &str, second: i64) -> Fault {
        creates.refused(&ContactKey::parse(key).unwrap(), at(second))
    }

    const TOLD: Fault = Fault::All { is_told: true };

    #[test]
    fn where_three_are_refused_and_none_is_created_one_probes_every_five_minutes() {
        let mut creates = Creates::default();
        assert_eq!(refuse(&mut creates, "a", 0), Fault::Unknown);
        assert_eq!(refuse(&mut creates, "a", 300), Fault::Unknown, "the same");
        assert_eq!(refuse(&mut creates, "b", 300), Fault::Unknown);
        assert_eq!(creates.may(at(300)), usize::MAX);
        assert_eq!(refuse(&mut creates, "c", 300), TOLD);
        assert_eq!(creates.may(at(599)), 0);
        assert_eq!(
            refuse(&mut creates, "b", 300),
            Fault::All { is_told: false },
            "beside it"
        );
        assert_eq!((creates.may(at(600)), creates.may(at(600))), (1, 0));
        assert_eq!(refuse(&mut creates, "e", 600), TOLD);
        assert_eq!((creates.may(at(899)), creates.may(at(900))), (0, 1));
        creates.created(at(900));
        assert_eq!(creates.may(at(900)), usize::MAX);
    }

    #[test]
    fn who_is_refused_again_and_again_while_others_are_created_holds_up_nobody() {
        let mut creates = Creates::default();
        for (second, fault) in [
            (0, Fault::Unknown),
            (300, Fault::Unknown),
            (600, Fault::Own),
        ] {
            assert_eq!(refuse(&mut creates, "a", second), fault, "at {second}");
            assert_eq!(creates.may(at(second)), usize::MAX);
            creates.created(at(second + 60));
        }
    }

    #[test]
    fn creates_that_a_list_at_its_limit_still_took_show_nothing_of_those_beside_them() {
        let mut creates = Creates::default();
        for key in ["a", "b"] {
            assert_eq!(refuse(&mut creates, key, 0), Fault::Unknown);
        }
        creates.created(at(1));
        assert_eq!(refuse(&mut creates, "c", 1), TOLD);
    }

    #[test]
    fn a_thousand_refused_contacts_are_remembered_and_no_more() {
        let mut creates = Creates::default();
        for n in 0..2 * MOST + 1 {
            refuse(&mut creates, &format!("contact-{n}"), 0);
        }
        assert!(creates.refused.len() <= MOST);
    }
}
