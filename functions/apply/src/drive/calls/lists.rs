//! Calls by `contactLists`: one read for all contacts, and one write once they are read. The other
//! API is in `predictive`, and the requests themselves are written in `io::genesys::contact_lists`.

use std::sync::Arc;

use domain::attempt::{Attempt, Step, StepResult};
use io::genesys::{ContactList, ListWrite, MOST_READ, MOST_WRITTEN};

use super::{Call, CreateMode, ToMake, ToWrite, guarded, is_create, is_lower, is_read, is_update};
use crate::drive::{At, Drive, DrivenContact, Under};

/// If the calls of one contact fail, about this many opt-outs fail with it at most.
const OPT_OUTS_IN_DOUBT: usize = 5;

impl Drive<'_> {
    /// Launches the ready steps of one campaign.
    pub(super) fn together(
        &mut self,
        campaign: usize,
        list: &Arc<ContactList>,
        calls: &mut Vec<Call>,
    ) {
        let made = self.take(campaign, Under::Read, is_read);
        let (opt_outs, others) = if self.is_wide(campaign) {
            self.apart(made)
        } else {
            (Vec::new(), made)
        };
        let opt_outs = self.in_calls(campaign, opt_outs, MOST_READ);
        let others = self.in_calls(campaign, others, MOST_READ);
        for made in opt_outs.into_iter().chain(others) {
            let places = made.iter().map(|made| made.place).collect();
            calls.push(guarded(places, read_all(Arc::clone(list), made)));
        }
        for made in self.take(campaign, Under::Lower, is_lower) {
            calls.push(guarded(vec![made.place], read_one(Arc::clone(list), made)));
        }
        if self.is_reading(campaign) {
            self.opt_outs_of_many(campaign, list, calls);
            self.alone_once_read(campaign, list, calls);
            return;
        }
        let creates = self.creates(campaign, calls);
        if let CreateMode::Probe(place) = creates
            && let Some(probe) = self.take_one(place)
        {
            let call = write_all(Arc::clone(list), vec![probe]);
            calls.push(guarded(vec![place], call));
        }
        let is_meant: fn(&Step, &Attempt) -> bool = match creates {
            CreateMode::All => |step, of| is_create(step, of) || is_update(step, of),
            CreateMode::Probe(_) | CreateMode::None => is_update,
        };
        let made = self.take(campaign, Under::Write, is_meant).into_iter();
        let written: Vec<_> = made.filter_map(|made| self.to_write(made)).collect();
        // Opt-outs do not wait for a wide write, nor for trouble with another contact in it.
        let (opt_outs, others) = if self.is_wide(campaign) {
            self.apart(written)
        } else {
            (Vec::new(), written)
        };
        self.write_opt_outs(campaign, list, opt_outs, calls);
        self.write(list, self.in_calls(campaign, others, MOST_WRITTEN), calls);
    }

    /// Writes the opt-outs of a wide batch once they are read, without waiting for the other
    /// contacts.
    fn opt_outs_of_many(
        &mut self,
        campaign: usize,
        list: &Arc<ContactList>,
        calls: &mut Vec<Call>,
    ) {
        let is_read_yet = |contact: &DrivenContact| {
            contact.attempt.is_opt_out() && matches!(contact.at, At::Calls(Under::Read))
        };
        let of = self.of(campaign);
        if !self.is_wide(campaign) || of.iter().any(is_read_yet) {
            return;
        }
        let is_meant = |step: &Step, of: &Attempt| is_update(step, of) && of.is_opt_out();
        let made = self.take(campaign, Under::Write, is_meant).into_iter();
        let opt_outs = made.filter_map(|made| self.to_write(made)).collect();
        self.write_opt_outs(campaign, list, opt_outs, calls);
    }

    /// Writes the contacts that go alone once they are read, without waiting for the other
    /// contacts.
    fn alone_once_read(&mut self, campaign: usize, list: &Arc<ContactList>, calls: &mut Vec<Call>) {
        // If creates are held, they wait for a probe, and the probe waits for all reads.
        let are_held = self.org.holds_creates(&self.campaigns[campaign].id);
        for place in self.campaigns[campaign].contacts.clone() {
            let is_ready = match &self.contacts[place].at {
                At::Ready(Step::Update(_)) => true,
                At::Ready(Step::Create { .. }) => !are_held,
                _ => false,
            };
            if is_ready
                && self.goes_alone(place)
                && let Some(write) = self.take_one(place)
            {
                self.write(list, vec![vec![write]], calls);
            }
        }
    }

    fn write_opt_outs(
        &self,
        campaign: usize,
        list: &Arc<ContactList>,
        opt_outs: Vec<ToWrite>,
        calls: &mut Vec<Call>,
    ) {
        let most = if self.is_in_doubt(campaign) {
            OPT_OUTS_IN_DOUBT
        } else {
            MOST_WRITTEN
        };
        self.write(list, self.in_calls(campaign, opt_outs, most), calls);
    }

    fn write(&self, list: &Arc<ContactList>, parts: Vec<Vec<ToWrite>>, calls: &mut Vec<Call>) {
        for written in parts {
            let places = written.iter().map(|contact| contact.place).collect();
            calls.push(guarded(places, write_all(Arc::clone(list), written)));
        }
    }
}

async fn read_all(list: Arc<ContactList>, made: Vec<ToMake>) -> Vec<StepResult> {
    let keys: Vec<_> = made.iter().map(|made| &made.key).collect();
    let actuals = list.read(&keys).await.into_iter();
    actuals
        .map(|actual| actual.map_or_else(StepResult::Failed, StepResult::Contact))
        .collect()
}

/// Reads a contact whose bulk read was refused. A write holds every column of the list, so it needs
/// the read.
async fn read_one(list: Arc<ContactList>, made: ToMake) -> Vec<StepResult> {
    let actual = list.read_one(&made.key).await;
    vec![actual.map_or_else(StepResult::Failed, StepResult::Contact)]
}

async fn write_all(list: Arc<ContactList>, written: Vec<ToWrite>) -> Vec<StepResult> {
    let writes: Vec<_> = written.iter().map(list_write).collect();
    let answers = list.write(&writes).await.into_iter();
    answers
        .map(|answer| {
            answer.map_or_else(StepResult::Failed, |actual| {
                StepResult::Written(Some(actual))
            })
        })
        .collect()
}

fn list_write(contact: &ToWrite) -> ListWrite<'_> {
    ListWrite {
        key: &contact.key,
        actual: contact.actual.as_deref(),
        data: &contact.write.data,
        callable: contact.write.callable,
        version: contact.write.version,
        lowers: &contact.write.lowers,
    }
}
