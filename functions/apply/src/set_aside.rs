//! Changes that break a rule of their org: taken out before the work begins, and parked. Of one that
//! says that nobody may call, that much is applied first.

use std::sync::Arc;

use domain::batch::{Evidence, Parking, Verdict};
use domain::change::Change;
use domain::rules::{Broken, Rules};
use jiff::Timestamp;

use crate::contact::{Contact, Verdicts};

#[derive(Default)]
pub(crate) struct SetAside {
    parked: Verdicts,
    /// Of these the opt-out is applied like any change; once it is done, they are parked.
    heard: Vec<(usize, Parking)>,
}

impl SetAside {
    /// Takes out what breaks a rule.
    pub(crate) fn take(
        &mut self,
        contact: &mut Contact,
        rules: &Rules,
        now: Timestamp,
        broken: impl Fn(&Change) -> Option<Broken>,
    ) {
        contact.changes.retain_mut(|(index, change)| {
            let Some(broken) = broken(change) else {
                return true;
            };
            let parking = Parking {
                reason: broken.reason(),
                evidence: Evidence::from(broken.to_string()),
            };
            if let Some(opt_out) = rules.opt_out(change, now) {
                self.heard.push((*index, parking));
                *change = Arc::new(opt_out);
                return true;
            }
            self.parked.push((*index, Verdict::Park(parking)));
            false
        });
    }

    /// All verdicts, with those on what was set aside. `verdicts`: on what was left.
    pub(crate) fn settle(self, verdicts: Verdicts) -> Verdicts {
        let heard = |index| self.heard.iter().find(|(other, _)| *other == index);
        let settled = verdicts
            .into_iter()
            .map(|(index, verdict)| match (verdict, heard(index)) {
                (Verdict::Done(_), Some((_, parking))) => (index, Verdict::Park(parking.clone())),
                (verdict, _) => (index, verdict),
            });
        settled.chain(self.parked).collect()
    }
}
