//! Turns steps into calls. Here alone the two contact APIs differ: `predictive` takes a call for
//! each contact, and `contactLists` one call for many. Which contacts begin is decided in `begin`,
//! and what an answer means in `saw`.

mod lists;
mod predictive;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use domain::attempt::{Attempt, Step, StepResult, Write};
use domain::change::ContactKey;
use domain::contact::Contact;
use domain::failure::Failure;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use io::genesys::Campaign;

use super::{Answer, Answers, At, Drive, DrivenContact, Placed, Under};

/// A call about the contacts at these places.
pub(super) struct Call {
    pub(super) places: Vec<usize>,
    pub(super) answers: BoxFuture<'static, Answers>,
}

/// A contact to write, and the same contact as it was read.
struct ToWrite {
    place: usize,
    key: ContactKey,
    actual: Option<Arc<Contact>>,
    write: Write,
}

impl Drive<'_> {
    /// The calls that may go now. Those about opt-outs come first, and campaigns take turns. The
    /// budget serves calls in this order.
    pub(super) fn launch(&mut self) -> impl Iterator<Item = BoxFuture<'static, Answers>> {
        let mut calls: Vec<(usize, Call)> = Vec::new();
        for campaign in 0..self.campaigns.len() {
            let mut own = Vec::new();
            self.pauses(campaign, &mut own);
            match self.campaigns[campaign].campaign.clone() {
                Campaign::Predictive(predictive) => self.each(campaign, &predictive, &mut own),
                Campaign::ContactList(list) => self.together(campaign, &list, &mut own),
            }
            calls.extend(own.into_iter().enumerate());
        }
        // This call goes beside the writes, after the first one of each campaign.
        calls.extend(self.list_entries().map(|call| (1, call)));
        let is_opt_out = |place: &usize| self.contacts[*place].attempt.is_opt_out();
        calls.sort_by_key(|(nth, call)| (!call.places.iter().any(is_opt_out), *nth));
        calls.into_iter().map(|(_, call)| call.answers)
    }

    /// Takes the ready steps of one kind, which are under way from now on. Opt-outs come first.
    fn take(
        &mut self,
        campaign: usize,
        under: Under,
        is_meant: impl Fn(&Step, &Attempt) -> bool,
    ) -> Vec<ToMake> {
        let mut taken = Vec::new();
        for place in self.campaigns[campaign].contacts.clone() {
            let contact = &mut self.contacts[place];
            let attempt = &contact.attempt;
            let is_ready = matches!(&contact.at, At::Ready(step) if is_meant(step, attempt));
            if !is_ready {
                continue;
            }
            if let At::Ready(step) = std::mem::replace(&mut contact.at, At::Calls(under)) {
                let key = contact.attempt.key().clone();
                taken.push(ToMake { place, key, step });
            }
        }
        taken.sort_by_key(|made| !self.contacts[made.place].attempt.is_opt_out());
        taken
    }

    fn to_write(&self, made: ToMake) -> Option<ToWrite> {
        let ToMake { place, key, step } = made;
        let (write, actual) = match step {
            Step::Create { write, .. } => (write, None),
            Step::Update(write) => (write, self.contacts[place].attempt.actual().cloned()),
            _ => return None,
        };
        Some(ToWrite {
            place,
            key,
            actual,
            write,
        })
    }

    fn is_reading(&self, campaign: usize) -> bool {
        let is_reading = |contact: &DrivenContact| matches!(contact.at, At::Calls(Under::Read));
        self.of(campaign).iter().any(is_reading)
    }

    fn pauses(&mut self, campaign: usize, calls: &mut Vec<Call>) {
        let is_pause = |step: &Step, _: &Attempt| matches!(step, Step::Pause(_));
        let is_list = matches!(self.campaigns[campaign].campaign, Campaign::ContactList(_));
        let mut together: BTreeMap<(u32, usize), Vec<usize>> = BTreeMap::new();
        for ToMake { place, step, .. } in self.take(campaign, Under::Pause, is_pause) {
            let Step::Pause(tries) = step else { continue };
            // The contacts of a list are read again in one call, so they return together.
            let alone = if is_list { 0 } else { place };
            together.entry((tries, alone)).or_default().push(place);
        }
        for ((tries, _), places) in together {
            let (org, run, contacts) = (Arc::clone(&self.org), self.run, places.len());
            calls.push(guarded(places, async move {
                let is_over = org.pause(&run, tries).await;
                vec![
                    if is_over {
                        StepResult::Paused
                    } else {
                        StepResult::NoTime
                    };
                    contacts
                ]
            }));
        }
    }

    /// Decides which creates of a campaign may go. If none could be created a moment ago, one
    /// contact probes for all, once all contacts of the campaign are read. The others wait for its
    /// answer, and calls are left for updates.
    fn creates(&mut self, campaign: usize, calls: &mut Vec<Call>) -> CreateMode {
        let of = &self.campaigns[campaign];
        let is_ready =
            |place: &usize| matches!(&self.contacts[*place].at, At::Ready(Step::Create { .. }));
        let ready: Vec<_> = of.contacts.clone().filter(is_ready).collect();
        if ready.is_empty() || !self.org.holds_creates(&of.id) {
            return CreateMode::All;
        }
        let is_under_way = |place: usize| matches!(self.contacts[place].at, At::Calls(_));
        if self.is_reading(campaign) || of.probe.is_some_and(is_under_way) {
            return CreateMode::None;
        }
        let keys: Vec<_> = ready
            .iter()
            .map(|place| self.contacts[*place].attempt.key())
            .collect();
        match self.org.probe_of_creates(&of.id, &keys, self.draw) {
            Ok(drawn) => {
                self.campaigns[campaign].probe = Some(ready[drawn]);
                CreateMode::Probe(ready[drawn])
            }
            Err(after) => {
                for place in ready {
                    self.contacts[place].at = At::Calls(Under::Write);
                    let full = StepResult::Failed(Failure::full(after));
                    calls.push(guarded(vec![place], async move { vec![full] }));
                }
                CreateMode::None
            }
        }
    }

    /// Takes the ready step of one contact, which is under way from now on.
    fn take_one(&mut self, place: usize) -> Option<ToWrite> {
        let contact = &mut self.contacts[place];
        let key = contact.attempt.key().clone();
        match std::mem::replace(&mut contact.at, At::Calls(Under::Write)) {
            At::Ready(step) => self.to_write(ToMake { place, key, step }),
            _ => None,
        }
    }

    /// Separates opt-outs from the others.
    fn apart<T: Placed>(&self, all: Vec<T>) -> (Vec<T>, Vec<T>) {
        let is_opt_out = |made: &T| self.contacts[made.place()].attempt.is_opt_out();
        all.into_iter().partition(is_opt_out)
    }
}

/// The creates that may go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CreateMode {
    All,
    /// Only the create of this contact, in a call of its own.
    Probe(usize),
    None,
}

impl Placed for ToMake {
    fn place(&self) -> usize {
        self.place
    }
}

impl Placed for ToWrite {
    fn place(&self) -> usize {
        self.place
    }
}

/// A step of the contact at a place, to be turned into a call.
struct ToMake {
    place: usize,
    key: ContactKey,
    step: Step,
}

fn is_lower(step: &Step, _: &Attempt) -> bool {
    matches!(step, Step::Lower)
}

fn is_create(step: &Step, _: &Attempt) -> bool {
    matches!(step, Step::Create { .. })
}

fn is_update(step: &Step, _: &Attempt) -> bool {
    matches!(step, Step::Update(_))
}

fn is_read(step: &Step, _: &Attempt) -> bool {
    matches!(step, Step::Read | Step::Probe)
}

/// The call for the contacts at these places. If it panics, each of them learns of that.
fn guarded(
    places: Vec<usize>,
    call: impl Future<Output = Vec<StepResult>> + Send + 'static,
) -> Call {
    let of = places.clone();
    let answers = AssertUnwindSafe(call).catch_unwind().map(move |seen| {
        let seen = seen.unwrap_or_default().into_iter().map(Answer::Step);
        let seen = seen.chain(std::iter::repeat_with(|| Answer::Panicked));
        of.into_iter().zip(seen).collect()
    });
    Call {
        places,
        answers: Box::pin(answers),
    }
}
