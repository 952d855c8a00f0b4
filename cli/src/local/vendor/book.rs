//! Makes up what people and rules do to a vendor's records, and sends the webhooks about it.
//!
//! Chance comes from the seed alone, so a seed always gives the same story. A [`Record`] is one
//! person of the CRM (`record.rs`). The vendor's shapes are a [`Speaker`]'s, and `post.rs` decides
//! when each webhook arrives.

use std::time::Duration;

use super::post::PooledEvent;
use super::*;
use crate::local::crm::{Delivery, column_value, start};

/// A vendor's records, and the deliveries about them, while the story is made up.
pub(super) struct Book {
    pub(super) speaker: Box<dyn Speaker>,
    pub(super) habits: Habits,
    pub(super) rng: Rng,
    pub(super) records: Vec<Record>,
    pub(super) deliveries: Vec<Delivery>,
    /// The events that wait to be sent with others.
    pub(super) pool: Vec<PooledEvent>,
    pub(super) pushed: Vec<Value>,
    /// How many changes of contacts were sent, not counting copies.
    pub(super) changes: usize,
    /// The time since the beginning of the story.
    pub(super) now: Duration,
    /// The place of the record that changed last.
    last: usize,
}

impl Book {
    pub(super) fn new(speaker: Box<dyn Speaker>, seed: u64, contacts: usize) -> Book {
        let mut rng = Rng::with_seed(seed);
        let record = |n| Record::new(&*speaker, &mut rng, n);
        let records = (0..contacts).map(record).collect();
        Book {
            habits: speaker.habits(),
            speaker,
            rng,
            records,
            deliveries: Vec::new(),
            pool: Vec::new(),
            pushed: Vec::new(),
            changes: 0,
            now: Duration::ZERO,
            last: 0,
        }
    }

    /// The contacts that are in their campaign before the story: two of five.
    pub(super) fn loaded(&self) -> BTreeMap<crm::Key, Expected> {
        let loaded = self.records.iter().enumerate().filter(|(n, _)| n % 5 < 2);
        loaded
            .map(|(_, record)| record.expected(&self.habits))
            .collect()
    }

    /// The time now, in milliseconds since 1970.
    pub(super) fn at(&self) -> i64 {
        (start() + self.now).as_millisecond()
    }

    /// Lets something happen. A rule of the CRM changes one record several times within moments, a
    /// bulk job changes many, or a person works.
    pub(super) fn step(&mut self) {
        let is_rapid = self.rng.f64() < 0.6;
        let is_bulk = self.changes % 200 >= 150;
        self.now += Duration::from_millis(match (is_rapid, is_bulk) {
            (true, _) => self.rng.u64(2..40),
            (_, true) => self.rng.u64(2..10),
            _ => self.rng.u64(500..6_000),
        });
        if !is_rapid {
            self.last = self.rng.usize(..self.records.len());
        }
        let n = self.last;
        // A record is restored only after more than three seconds, so that its stamp, in whole
        // seconds, is later than that of its deletion.
        let is_long_gone = self.at() - self.records[n].changed > 3_000;
        let comes_back = self.habits.restores && is_long_gone && self.rng.f64() < 0.3;
        let happened = match self.records[n].state {
            RecordState::There => self.work(n),
            RecordState::NotYet => vec![(n, self.appear(n, RecordEvent::Created))],
            RecordState::Deleted if comes_back => vec![(n, self.appear(n, RecordEvent::Restored))],
            RecordState::Deleted => {
                self.last = self.rng.usize(..self.records.len());
                Vec::new()
            }
        };
        for (n, what) in happened {
            self.tell(n, &what);
        }
    }

    /// Sends the webhooks about what happened to the `n`-th record.
    fn tell(&mut self, n: usize, what: &RecordEvent) {
        let at = self.at();
        let record = &self.records[n];
        let happened = Happened { record, what, at };
        let items = self.speaker.tell(&happened, &mut self.rng);
        if record.state == RecordState::There && items.iter().any(|item| item.changes > 0) {
            self.pushed.push(record.as_pushed());
        }
        let opts_in = match what {
            RecordEvent::Changed {
                has_new_consent, ..
            } => *has_new_consent && record.may_be_called,
            RecordEvent::Restored => record.may_be_called,
            _ => false,
        };
        let is_gone = matches!(what, RecordEvent::Deleted | RecordEvent::Merged { .. });
        let is_last = is_gone && !self.habits.lists_deleted;
        for item in items {
            self.post(n, item, opts_in, is_last);
        }
    }

    fn appear(&mut self, n: usize, what: RecordEvent) -> RecordEvent {
        let at = self.at();
        let record = &mut self.records[n];
        if record.state == RecordState::NotYet {
            record.created = at;
        }
        record.state = RecordState::There;
        record.changed = at;
        what
    }

    fn disappear(&mut self, n: usize) {
        let at = self.at();
        let record = &mut self.records[n];
        (record.state, record.changed) = (RecordState::Deleted, at);
    }

    /// Changes, deletes or merges the `n`-th record. Returns what happened to which records.
    fn work(&mut self, n: usize) -> Vec<(usize, RecordEvent)> {
        let share = self.rng.f64();
        if share < 0.03 {
            return vec![(n, RecordEvent::Elsewhere)];
        }
        let there = |record: &Record| record.state == RecordState::There;
        // The last two records are never deleted, so that there is something to change.
        let is_last = self.records.iter().filter(|record| there(record)).count() < 3;
        if share < 0.04 && !is_last {
            self.disappear(n);
            return vec![(n, RecordEvent::Deleted)];
        }
        if share < 0.05 && !is_last && self.habits.merges != Merges::Never {
            let campaign = self.records[n].campaign;
            let others = (0..self.records.len()).filter(|other| *other != n);
            let others = others.filter(|other| {
                there(&self.records[*other]) && self.records[*other].campaign == campaign
            });
            let others: Vec<_> = others.collect();
            if !others.is_empty() {
                let other = others[self.rng.usize(..others.len())];
                return self.merge(n, other);
            }
        }
        vec![(n, self.change(n))]
    }

    /// Gives a few columns new values, opts the record out or, if it opted out before, in again.
    fn change(&mut self, n: usize) -> RecordEvent {
        let may_subscribe = self.may_subscribe(n);
        let at = self.at();
        let record = &mut self.records[n];
        let has_new_consent = match record.may_be_called {
            true => self.rng.f64() < 0.06,
            false => may_subscribe && self.rng.f64() < 0.3,
        };
        record.may_be_called ^= has_new_consent;
        let mut columns = Vec::new();
        for _ in 0..self.rng.usize(usize::from(!has_new_consent)..4) {
            let column = COLUMNS[self.rng.usize(..COLUMNS.len())];
            let value = column_value(&mut self.rng, column);
            if record.columns[column] != value && !columns.contains(&column) {
                record.columns.insert(column, value);
                columns.push(column);
            }
        }
        record.changed = at;
        RecordEvent::Changed {
            columns,
            has_new_consent,
        }
    }

    /// Whether the record may opt in now. An opt-in counts only if its rank, which may be a whole
    /// second, is higher than every rank before (docs/contract.md "Meaning of a change"), and
    /// reconcile does not repair a lost one. So a record opts in only when all webhooks about it
    /// have arrived, and in a later second.
    fn may_subscribe(&self, n: usize) -> bool {
        let record = &self.records[n];
        self.now > record.arrived && second(self.at()) > second(record.changed)
    }

    /// Merges the record `loser` into the record `n`, which takes the values that it lacks. The
    /// merged record is opted out if either was.
    fn merge(&mut self, n: usize, loser: usize) -> Vec<(usize, RecordEvent)> {
        let primary = self.records[n].id().to_owned();
        let of_both = self.records[n].may_be_called && self.records[loser].may_be_called;
        let taken = |column: &&str| {
            self.records[n].columns[column].is_none()
                && self.records[loser].columns[column].is_some()
        };
        let columns: Vec<_> = COLUMNS.into_iter().filter(taken).collect();
        let merged = |survivor: &str| RecordEvent::Merged {
            primary: primary.clone(),
            survivor: survivor.to_owned(),
        };
        self.disappear(loser);
        let of_loser = self.records[loser].columns.clone();
        if self.habits.merges == Merges::IntoNew && self.rng.bool() {
            let next = self.records.len();
            let mut both = Record::new(&*self.speaker, &mut self.rng, next);
            both.campaign = self.records[n].campaign;
            (both.key.0, both.key.1) =
                (self.records[n].key.0.clone(), self.records[n].key.1.clone());
            both.columns = self.records[n].columns.clone();
            for column in columns {
                both.columns.insert(column, of_loser[column].clone());
            }
            both.may_be_called = of_both;
            both.state = RecordState::NotYet;
            let what = merged(both.id());
            self.records.push(both);
            self.disappear(n);
            return vec![
                (loser, what),
                (next, self.appear(next, RecordEvent::Created)),
            ];
        }
        let at = self.at();
        let record = &mut self.records[n];
        for column in &columns {
            record.columns.insert(column, of_loser[column].clone());
        }
        let has_new_consent = record.may_be_called && !of_both;
        (record.may_be_called, record.changed) = (of_both, at);
        vec![
            (loser, merged(&primary)),
            (
                n,
                RecordEvent::Changed {
                    columns,
                    has_new_consent,
                },
            ),
        ]
    }
}
