//! The people whom the CRMs know: who they are, and in which campaign.
//!
//! `changes` and `interferences` choose whom something happens to.

use fastrand::Rng;

use crate::story::{CANARY, Org};

/// A contact, as the CRM has it.
pub(super) struct Person {
    pub(super) org: usize,
    pub(super) campaign: String,
    pub(super) key: String,
    /// The value of each column, if it has one.
    pub(super) data: [Option<u8>; 3],
}

/// The people of this seed, always the same.
pub(super) fn people(seed: u64, orgs: &[Org]) -> Vec<Person> {
    let mut rng = Rng::with_seed(seed ^ 0x5eed);
    let mut people = Vec::new();
    for (n, org) in orgs.iter().enumerate() {
        for campaign in &org.campaigns {
            for contact in 0..rng.usize(1..5) {
                // The contact id of a list has no special characters.
                let key = match contact {
                    1 if !org.uses_lists => format!("{CANARY}/é {contact} of {}", org.name),
                    2 if !org.uses_lists => format!("{CANARY}%2F?#{contact} of {}", org.name),
                    _ => format!("{CANARY}-{contact}-of-{}", org.name),
                };
                people.push(Person {
                    org: n,
                    campaign: campaign.clone(),
                    key,
                    data: [Some(0), None, Some(1)],
                });
            }
        }
    }
    people
}
