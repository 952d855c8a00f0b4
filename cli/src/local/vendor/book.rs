//! A vendor's records, and what people and rules do to them.

use std::time::Duration;

use super::*;
use crate::local::crm::{Delivery, column_value, start};
use crate::local::vendor::post::Pooled;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It will be created.
    NotYet,
    There,
    /// It was deleted, or merged into another.
    Deleted,
}

/// A person, as the CRM has it now.
pub(super) struct Record {
    pub(super) key: crm::Key,
    /// The place of its campaign, and so of the source that it is told to.
    pub(super) campaign: usize,
    pub(super) columns: BTreeMap<&'static str, Option<String>>,
    pub(super) may_be_called: bool,
    pub(super) state: State,
    /// When it was created, and when it was changed for the last time: milliseconds since 1970.
    pub(super) created: i64,
    pub(super) changed: i64,
    /// When the last of what was told of it has arrived, since the beginning.
    pub(super) arrived: Duration,
}

/// What happened to a record.
pub(super) enum What {
    Created,
    /// Other values than before, and whether what it says of calls is one of them.
    Changed {
        columns: Vec<&'static str>,
        consent: bool,
    },
    Deleted,
    /// It was merged into `primary`, and `survivor` is the id of what came of both.
    Merged {
        primary: String,
        survivor: String,
    },
    /// It was deleted, and is there again.
    Restored,
    /// Something of no campaign: of another kind of record, or of another field.
    Elsewhere,
}

impl Record {
    pub(super) fn new(speaker: &dyn Speaker, rng: &mut Rng, n: usize) -> Record {
        let campaign = n % CAMPAIGNS.len();
        let (org, id) = CAMPAIGNS[campaign];
        let began = start().as_millisecond();
        let value = |column| (column, column_value(rng, column));
        Record {
            key: (org.to_owned(), id.to_owned(), speaker.id(n)),
            campaign,
            columns: COLUMNS.into_iter().map(value).collect(),
            // One of ten opted out long ago, and is in no campaign.
            may_be_called: n % 10 != 3,
            state: if n % 5 == 4 {
                State::NotYet
            } else {
                State::There
            },
            created: began,
            changed: began,
            arrived: Duration::ZERO,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.key.2
    }

    /// What a campaign must hold of it.
    pub(super) fn expected(&self, habits: &Habits) -> (crm::Key, Expected) {
        let expected = match self.state {
            // What was known of whom the CRM deleted is nobody's any more.
            State::Deleted => Expected::gone(habits.deletes_create_nobody),
            _ => Expected::new(&self.columns, self.may_be_called),
        };
        (self.key.clone(), expected)
    }

    fn as_pushed(&self) -> Value {
        let (org, campaign, key) = &self.key;
        json!({ "org": org, "campaignId": campaign, "contactKey": key, "data": self.columns, "callable": self.may_be_called })
    }
}

/// While a vendor's story is made up.
pub(super) struct Book {
    pub(super) speaker: Box<dyn Speaker>,
    pub(super) habits: Habits,
    pub(super) rng: Rng,
    pub(super) records: Vec<Record>,
    pub(super) deliveries: Vec<Delivery>,
    /// Events that are to be sent with others.
    pub(super) pool: Vec<Pooled>,
    pub(super) pushed: Vec<Value>,
    /// Changes of contacts that were told, each once.
    pub(super) changes: usize,
    /// Since the beginning.
    pub(super) now: Duration,
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

    /// Two contacts of five are in their campaign already.
    pub(super) fn loaded(&self) -> BTreeMap<crm::Key, Expected> {
        let loaded = self.records.iter().enumerate().filter(|(n, _)| n % 5 < 2);
        loaded
            .map(|(_, record)| record.expected(&self.habits))
            .collect()
    }

    pub(super) fn at(&self) -> i64 {
        (start() + self.now).as_millisecond()
    }

    /// Something happens: by a rule of the CRM that touches a record several times within moments, by
    /// a bulk job, or by a person at work.
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
        // Later than any stamp of its deletion, in whole seconds.
        let is_long_gone = self.at() - self.records[n].changed > 3_000;
        let comes_back = self.habits.restores && is_long_gone && self.rng.f64() < 0.3;
        let happened = match self.records[n].state {
            State::There => self.work(n),
            State::NotYet => vec![(n, self.appear(n, What::Created))],
            State::Deleted if comes_back => vec![(n, self.appear(n, What::Restored))],
            State::Deleted => {
                self.last = self.rng.usize(..self.records.len());
                Vec::new()
            }
        };
        for (n, what) in happened {
            self.tell(n, &what);
        }
    }

    fn tell(&mut self, n: usize, what: &What) {
        let at = self.at();
        let record = &self.records[n];
        let happened = Happened { record, what, at };
        let items = self.speaker.tell(&happened, &mut self.rng);
        if record.state == State::There && items.iter().any(|item| item.changes > 0) {
            self.pushed.push(record.as_pushed());
        }
        let opts_in = match what {
            What::Changed { consent, .. } => *consent && record.may_be_called,
            What::Restored => record.may_be_called,
            _ => false,
        };
        let is_gone = matches!(what, What::Deleted | What::Merged { .. });
        let is_last = is_gone && !self.habits.lists_deleted;
        for item in items {
            self.post(n, item, opts_in, is_last);
        }
    }

    fn appear(&mut self, n: usize, what: What) -> What {
        let at = self.at();
        let record = &mut self.records[n];
        if record.state == State::NotYet {
            record.created = at;
        }
        record.state = State::There;
        record.changed = at;
        what
    }

    fn disappear(&mut self, n: usize) {
        let at = self.at();
        let record = &mut self.records[n];
        (record.state, record.changed) = (State::Deleted, at);
    }

    fn work(&mut self, n: usize) -> Vec<(usize, What)> {
        let share = self.rng.f64();
        if share < 0.03 {
            return vec![(n, What::Elsewhere)];
        }
        let there = |record: &Record| record.state == State::There;
        // The last record stays, so that there is something to change.
        let is_last = self.records.iter().filter(|record| there(record)).count() < 3;
        if share < 0.04 && !is_last {
            self.disappear(n);
            return vec![(n, What::Deleted)];
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

    /// New values of a few columns, an opt-out or, of who opted out, an opt-in.
    fn change(&mut self, n: usize) -> What {
        let may_subscribe = self.may_subscribe(n);
        let at = self.at();
        let record = &mut self.records[n];
        let consent = match record.may_be_called {
            true => self.rng.f64() < 0.06,
            false => may_subscribe && self.rng.f64() < 0.3,
        };
        record.may_be_called ^= consent;
        let mut columns = Vec::new();
        for _ in 0..self.rng.usize(usize::from(!consent)..4) {
            let column = COLUMNS[self.rng.usize(..COLUMNS.len())];
            let value = column_value(&mut self.rng, column);
            if record.columns[column] != value && !columns.contains(&column) {
                record.columns.insert(column, value);
                columns.push(column);
            }
        }
        record.changed = at;
        What::Changed { columns, consent }
    }

    /// An opt-in is heard by its rank alone, which may be a whole second (docs/contract.md "Meaning of a
    /// change"), and reconcile raises nobody for it. So who opts in does that once all that was said
    /// before has arrived, and in a later second.
    fn may_subscribe(&self, n: usize) -> bool {
        let record = &self.records[n];
        self.now > record.arrived && second(self.at()) > second(record.changed)
    }

    /// `loser` is merged into `n`: what `n` lacks is taken of it, and who opted out as one has opted out.
    fn merge(&mut self, n: usize, loser: usize) -> Vec<(usize, What)> {
        let primary = self.records[n].id().to_owned();
        let of_both = self.records[n].may_be_called && self.records[loser].may_be_called;
        let taken = |column: &&str| {
            self.records[n].columns[column].is_none()
                && self.records[loser].columns[column].is_some()
        };
        let columns: Vec<_> = COLUMNS.into_iter().filter(taken).collect();
        let merged = |survivor: &str| What::Merged {
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
            both.state = State::NotYet;
            let what = merged(both.id());
            self.records.push(both);
            self.disappear(n);
            return vec![(loser, what), (next, self.appear(next, What::Created))];
        }
        let at = self.at();
        let record = &mut self.records[n];
        for column in &columns {
            record.columns.insert(column, of_loser[column].clone());
        }
        let consent = record.may_be_called && !of_both;
        (record.may_be_called, record.changed) = (of_both, at);
        vec![
            (loser, merged(&primary)),
            (n, What::Changed { columns, consent }),
        ]
    }
}
