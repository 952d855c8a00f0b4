//! The entries that must be on the org's DNC list (docs/design.md "DNC list").
//!
//! An opt-out owes the list an entry, and its record is done only once the list has it. An opt-in
//! that is applied later in the same attempt cancels what is owed.

use super::state::lowered;
use super::step::Write;
use super::{Attempt, PendingChange};
use crate::change::{EventId, IfAbsent};
use crate::contact::Contact;
use crate::dnc::Entry;
use crate::plan::{Plan, RankedChange};

/// The entries that a contact's changes owe the list.
#[derive(Debug, Default)]
pub(super) struct Owed {
    entries: Vec<Entry>,
    /// How many of the entries were handed to the driver.
    taken: usize,
    /// The indices of the records that owe entries.
    by: Vec<usize>,
    /// The indices of the records whose opt-out was refused for good.
    refused_opt_outs: Vec<usize>,
    /// Entries that an opt-in cancels once it is written, and the records that owe them.
    set_aside: (Vec<Entry>, Vec<usize>),
}

impl Owed {
    /// The opt-in is written, so the entries are cancelled.
    pub(super) fn cancel(&mut self) {
        self.set_aside = Default::default();
    }

    /// The opt-in is not written, so the entries are owed again.
    pub(super) fn restore(&mut self) {
        let (entries, by) = std::mem::take(&mut self.set_aside);
        self.entries.extend(entries);
        self.by.extend(by);
    }
}

impl Attempt {
    /// Takes the entries that are owed and were not taken before, with the indices of the records
    /// that owe them.
    pub fn take_owed(&mut self) -> (Vec<Entry>, Vec<usize>) {
        // A change that is applied later may be an opt-in.
        if !self.rest.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let entries = self.owed.entries[self.owed.taken..].to_vec();
        self.owed.taken = self.owed.entries.len();
        (entries, std::mem::take(&mut self.owed.by))
    }

    /// The event ids of the changes that are yet to be applied.
    pub fn event_ids(&self) -> impl Iterator<Item = &EventId> {
        let all = self.pieces.iter().chain(&self.rest);
        all.map(|piece| &piece.change.event_id)
    }

    /// Whether the opt-out of this record was refused for good. Such a record waits for no list.
    pub fn is_opt_out_refused(&self, index: usize) -> bool {
        self.owed.refused_opt_outs.contains(&index)
    }

    /// Notes that no opt-out of the changes being applied can be written.
    pub(super) fn note_opt_out_refused(&mut self) {
        let indices = self.pieces.iter().map(|piece| piece.index);
        self.owed.refused_opt_outs.extend(indices);
    }

    /// Notes the entries that are owed once the plan is carried out.
    pub(super) fn owe(&mut self, plan: &Plan) {
        if self.rules.dnc_list.is_none() {
            return;
        }
        let before = self.actual.as_deref();
        // An opt-in of somebody who is not in the campaign by then cancels nothing.
        let mut counting = plan.order.clone();
        counting.retain(|place| !plan.skipped_opt_ins.contains(place));
        let is_there = before.is_some_and(|actual| !actual.is_hollow());
        let creates = |piece: &PendingChange| piece.change.if_absent == IfAbsent::Create;
        if is_there || self.pieces.iter().all(creates) {
            if let Some(left) = plan.action.result(before) {
                self.owe_for(&left, &counting);
            }
            return;
        }
        // If the person is not in the campaign, the list gets the entry that the contact would have
        // had.
        let ranked: Vec<_> = self.ranked().collect();
        let creating = counting.iter().map(|place| RankedChange {
            if_absent: IfAbsent::Create,
            ..ranked[*place]
        });
        let as_if = self.plan_of(creating.collect());
        if let Some(left) = as_if.action.result(before) {
            self.owe_for(&left, &counting);
        }
    }

    /// Notes the entries that are owed if only the opt-out of the changes is written.
    pub(super) fn owe_for_lowered(&mut self, write: &Write) {
        let queue_order: Vec<_> = (0..self.pieces.len()).collect();
        self.owe_for(&lowered(self.actual.as_deref(), write), &queue_order);
    }

    fn owe_for(&mut self, left: &Contact, order: &[usize]) {
        let Some(list) = &self.rules.dnc_list else {
            return;
        };
        let ranks: Vec<_> = self.ranked().map(|change| change.rank).collect();
        let mut now = order.to_vec();
        now.retain(|place| *place < self.pieces.len());
        // At equal ranks the opt-out counts as the newest.
        let is_tied = |a: &usize, b: &usize| ranks[*a].is_some() && ranks[*a] == ranks[*b];
        for tied in now.chunk_by_mut(is_tied) {
            tied.sort_by_key(|place| self.pieces[*place].opts_out());
        }
        let now = now.iter().map(|place| &self.pieces[*place]);
        let operations = now.clone().map(|piece| &piece.change.operation);
        // The write that was planned before may have failed.
        self.owed.restore();
        if left.callable {
            // An opt-in followed it.
            let (entries, by) = &mut self.owed.set_aside;
            entries.extend(self.owed.entries.drain(self.owed.taken..));
            by.append(&mut self.owed.by);
        }
        let owed = list.owed(&self.key, left, self.actual.as_deref(), operations);
        if owed.is_empty() {
            return;
        }
        let by = now.filter(|piece| list.concerns(&piece.change.operation, left));
        self.owed.by.extend(by.map(|piece| piece.index));
        for entry in owed {
            if !self.owed.entries.contains(&entry) {
                self.owed.entries.push(entry);
            }
        }
    }
}
