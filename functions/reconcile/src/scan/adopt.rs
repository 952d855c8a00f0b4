//! Decides which of the contacts that the feed opts out get a mark.

use domain::Contact;
use domain::change::{Adoption, Change, OptedOut};
use jiff::Timestamp;

use super::{Progress, Scan};

impl Scan<'_> {
    /// Looks at one contact that the feed opts out, and holds an adoption if it needs one.
    pub(super) fn look(
        &mut self,
        change: &Change,
        actual: Option<&Contact>,
        also_newer: bool,
        now: Timestamp,
    ) {
        let rules = &self.org_secret.rules;
        // The opt-out has no rank if the feed's rank is ahead.
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
