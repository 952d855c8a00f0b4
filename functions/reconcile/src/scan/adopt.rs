//! Contacts that the feed opts out beside those of a campaign: who gets a mark.

use domain::Contact;
use domain::change::{Adoption, Change, OptedOut};
use jiff::Timestamp;

use super::{Progress, Scan};

impl Scan<'_> {
    /// Looks at one contact that the feed says must not be called.
    pub(super) fn look(
        &mut self,
        change: &Change,
        actual: Option<&Contact>,
        also_newer: bool,
        now: Timestamp,
    ) {
        let rules = &self.org_secret.rules;
        // Without its rank, where that is ahead.
        let Some(opt_out) = rules.opt_out(change, now, |_| false) else {
            return;
        };
        let rank = rules.rank(&opt_out);
        let found = OptedOut::of(rank, actual);
        (self.watch)(Progress::OptedOut(found));
        let is_to_be_adopted = match found {
            OptedOut::Unmarked { .. } => true,
            OptedOut::Newer => also_newer,
            OptedOut::Missing | OptedOut::Callable | OptedOut::Marked => false,
        };
        if is_to_be_adopted && !self.input.dry_run {
            let stored = actual.and_then(|actual| actual.version.rank);
            self.held.push(change.adopted(Adoption::new(rank, stored)));
        }
    }
}
