//! Decides when a run is given up although there is work left: if it was killed too often, has no
//! end, waits for an export that does not come, or fails again.
//!
//! `again` sends such a run to the queue of failed runs. The org's next run looks at what this one
//! left.

use io::genesys::NoExport;
use jiff::SignedDuration;

use super::Turn;
use crate::input::Input;
use crate::record::Record;
use crate::scan::LONGEST_PATIENCE;
use crate::{Error, Ran};

/// How often Lambda may kill a run before it is given up.
const MOST_KILLED: u32 = 3;
/// A killed run comes again after this time at the earliest, because its message keeps the queue's
/// visibility timeout.
const KILLED: SignedDuration = SignedDuration::from_mins(15);
/// The most receives of a message, however its run goes. At a quarter of an hour each they take 9
/// days, and at a minute each 15 hours.
const MOST_RECEIVES: u32 = 900;

impl Turn<'_> {
    /// Why a run is given up although there is work left.
    pub(super) fn is_over(&self, record: &Record) -> Option<Error> {
        let receives = self.message.receives;
        if receives > MOST_RECEIVES {
            return Some(Error::Endless(receives - 1));
        }
        let killed = self.killed(record);
        (killed >= MOST_KILLED).then_some(Error::Killed(killed))
    }

    /// How many invocations of the run were killed in a row.
    pub(super) fn killed(&self, record: &Record) -> u32 {
        let receives = self.message.receives;
        let noted = record.receives(&self.message.message_id);
        let first = self.message.first_received.unwrap_or_default();
        let (before, since) = noted.unwrap_or((0, first));
        // How many invocations began since then, without this one, and ended neither in good order
        // nor with a failure. They were killed, or they waited for the record and came again sooner
        // than killed ones do. Each invocation that reaches the record notes its beginning, so that
        // those waits do not hide what is killed after them.
        let begun = receives.saturating_sub(before + 1);
        let least = i32::try_from(begun).map_or(SignedDuration::MAX, |begun| KILLED * begun);
        let are_killed = self.now.duration_since(since) >= least;
        record.killed(&self.message.message_id) + if are_killed { begun } else { 0 }
    }

    /// The error of a run that waits for an export in vain. It has done nothing but wait for
    /// exports, for longer than any is known to take, and it has begun with each of its `left`
    /// remaining campaigns. The org's other runs wait behind it.
    pub(super) fn gives_up_export(
        &self,
        input: &Input,
        record: &Record,
        left: usize,
        ran: &Ran,
    ) -> Option<Error> {
        let campaign = ran.waits_for().filter(|_| ran.only_waited())?;
        let waiting = record.waiting(&self.message.message_id);
        let (since, before) = waiting.unwrap_or((self.now, 0));
        let has_begun_with_all = before as usize + 1 >= left;
        let is_late = self.context.shared.clock.now() >= since + LONGEST_PATIENCE;
        let is_over = has_begun_with_all && is_late && !input.dry_run;
        is_over.then(|| Error::Export {
            org: input.org.clone(),
            campaign: campaign.clone(),
            what: NoExport::Late.to_string(),
        })
    }

    /// Counts a failure of the run. Returns how often it has failed in a row, or why that cannot be
    /// noted now.
    pub(super) async fn count(&self, input: &Input, record: &mut Record) -> Result<u32, String> {
        let (message, receives) = (&self.message.message_id, self.message.receives);
        let now = self.context.shared.clock.now();
        if input.dry_run {
            // A dry run leaves the record as it is.
            return Ok(receives);
        }
        let failures = record.fail(message, receives, now, &input.campaigns);
        match self.write(input, record).await {
            Ok(()) => Ok(failures),
            Err(Error::Record {
                is_away: true, why, ..
            }) => Err(why),
            // Nothing can be noted. The count of receives ends the run.
            Err(_) => Ok(failures.max(receives)),
        }
    }
}
