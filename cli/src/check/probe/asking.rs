//! The calls that find out, question by question. One that stays open stops no other.

mod ids;
mod updates;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use io::genesys::{Failure, Kind, ScratchContact, ScratchFacts, ScratchList};

use super::judge::{self, why};
use super::made::Made;
use super::questions::{Question, Seen};
use crate::connect::Watched;

/// Waits for a write to be read, in seconds.
const WAITS: [u64; 7] = [1, 2, 4, 8, 15, 15, 15];
/// How many of them, where no other question depends on the answer.
const SHORT: usize = 4;
/// How many reads may be repeated for writes that are waited for briefly, over all questions.
const MOST_REPEATED: u32 = 6;

/// How long a write is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// A minute: what most questions hang on, and the one that matters most.
    Long,
    /// Some seconds, or as long as an earlier one took.
    Short,
}

/// What is asked, and what was found out until now.
pub(super) struct Asking<'a> {
    list: &'a ScratchList,
    /// The same list by another token of the same client.
    by_another_token: &'a ScratchList,
    watched: &'a Watched,
    /// The columns of the list, all empty.
    empty: BTreeMap<String, String>,
    /// Two columns that take any text.
    columns: [String; 2],
    /// What every id begins with.
    prefix: &'a str,
    pub(super) made: Made,
    found: RefCell<BTreeMap<Question, Seen>>,
    repeated: Cell<u32>,
    /// The longest until a write was read.
    lag: Cell<Duration>,
    /// Why the contacts that most questions are about could not be made.
    no_contact: RefCell<Option<String>>,
}

/// What was read after a write.
struct Read {
    found: Vec<ScratchContact>,
    /// After how long it showed the write; `None`: not within the time that was waited.
    after: Option<Duration>,
}

impl<'a> Asking<'a> {
    pub(super) fn new(
        [list, by_another_token]: [&'a ScratchList; 2],
        watched: &'a Watched,
        facts: ScratchFacts,
        columns: [String; 2],
        prefix: &'a str,
    ) -> Asking<'a> {
        let names = facts.columns.into_iter();
        Asking {
            list,
            by_another_token,
            watched,
            empty: names.map(|name| (name, String::new())).collect(),
            columns,
            prefix,
            made: Made::default(),
            found: RefCell::default(),
            repeated: Cell::new(0),
            lag: Cell::default(),
            no_contact: RefCell::default(),
        }
    }

    /// What was found out, and why no contact could be made.
    pub(super) fn found(self) -> (BTreeMap<Question, Seen>, Option<String>) {
        (self.found.into_inner(), self.no_contact.into_inner())
    }

    /// Asks everything.
    pub(super) async fn run(&self) {
        if let Some(made) = self.make().await {
            let before = self.read_at_once(&made).await;
            let whole = self.omit_callable(&before).await;
            self.leave_a_column_out(whole).await;
            self.write_another_case().await;
        }
        self.send_an_id_twice().await;
        self.send_long_ids().await;
        self.send_characters().await;
        self.count_by_two_tokens().await;
    }

    fn tell(&self, question: Question, seen: Seen) {
        self.found.borrow_mut().insert(question, seen);
    }

    fn id(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// A contact with every column, the two that are looked at with this value.
    fn contact(&self, name: &str, value: &str) -> ScratchContact {
        let mut data = self.empty.clone();
        for column in &self.columns {
            data.insert(column.clone(), value.to_owned());
        }
        ScratchContact {
            id: self.id(name),
            data,
            callable: Some(false),
        }
    }

    /// Whether the second column holds this value.
    fn shows(&self, contact: &ScratchContact, value: &str) -> bool {
        contact
            .data
            .get(&self.columns[1])
            .is_some_and(|held| held == value)
    }

    /// Makes the contacts that most questions are about. Their ids are in no order.
    async fn make(&self) -> Option<Vec<ScratchContact>> {
        let sent = ["post", "put", "Case", "read"].map(|name| self.contact(name, "1"));
        match self.made.post(self.list, &sent).await {
            Ok(answered) => {
                self.tell(Question::AnswerOrder, judge::order(&sent, &answered));
                Some(sent.to_vec())
            }
            Err(failure) => {
                self.no_contact.replace(Some(why(&failure)));
                None
            }
        }
    }

    /// Reads what was made, in bulk and by id. Answers it as it was read.
    async fn read_at_once(&self, made: &[ScratchContact]) -> Vec<ScratchContact> {
        let ids: Vec<_> = made.iter().map(|contact| contact.id.clone()).collect();
        let first = self.list.bulk(&ids).await;
        let by_id = match self.list.get(&self.id("read")).await {
            Err(failure) if failure.kind == Kind::NotFound => Ok(false),
            answer => answer.map(|_| true),
        };
        let are_all = |found: &[ScratchContact]| found.len() >= made.len();
        let read = self.wait_for(first, &ids, Wait::Long, are_all).await;
        let seen = match (&by_id, &read) {
            (Err(failure), _) | (_, Err(failure)) => Seen::NotFoundOut(why(failure)),
            (Ok(by_id), Ok(read)) => judge::new_contact(*by_id, read.after),
        };
        self.tell(Question::ReadAfterCreate, seen);
        read.map(|read| read.found).unwrap_or_default()
    }

    /// Reads the contacts until they are as they should be.
    async fn read_until(
        &self,
        ids: &[String],
        wait: Wait,
        is_shown: impl Fn(&[ScratchContact]) -> bool,
    ) -> Result<Read, Failure> {
        let first = self.list.bulk(ids).await;
        self.wait_for(first, ids, wait, is_shown).await
    }

    /// The same, given what the first read was answered.
    async fn wait_for(
        &self,
        first: Result<Vec<ScratchContact>, Failure>,
        ids: &[String],
        wait: Wait,
        is_shown: impl Fn(&[ScratchContact]) -> bool,
    ) -> Result<Read, Failure> {
        let (mut found, mut after) = (first?, Duration::ZERO);
        let mut n = 0;
        while !is_shown(&found) {
            let Some(pause) = self.pause(wait, n, after) else {
                break;
            };
            tokio::time::sleep(pause).await;
            (n, after) = (n + 1, after + pause);
            found = self.list.bulk(ids).await?;
        }
        let after = is_shown(&found).then_some(after);
        self.lag.set(self.lag.get().max(after.unwrap_or_default()));
        Ok(Read { found, after })
    }

    /// The wait before the next read, after so many waits that took so long.
    fn pause(&self, wait: Wait, n: usize, after: Duration) -> Option<Duration> {
        let next = WAITS.get(n).copied().map(Duration::from_secs);
        if wait == Wait::Long {
            return next;
        }
        if n < SHORT && self.repeated.get() < MOST_REPEATED {
            self.repeated.set(self.repeated.get() + 1);
            return next;
        }
        let left = self.lag.get().saturating_sub(after);
        (!left.is_zero()).then_some(left)
    }

    /// Four calls of two tokens in turn.
    async fn count_by_two_tokens(&self) {
        let mut told = Vec::new();
        for list in [self.list, self.by_another_token]
            .into_iter()
            .cycle()
            .take(4)
        {
            if let Err(failure) = list.ask().await {
                return self.tell(Question::Budget, Seen::NotFoundOut(why(&failure)));
            }
            told.push(self.watched.seen());
        }
        let counts: Option<Vec<_>> = told.iter().map(|seen| Some(seen.budget?.count)).collect();
        let counts = counts.and_then(|counts| <[u64; 4]>::try_from(counts).ok());
        let seen = match counts {
            _ if told[0].token == told[1].token => {
                Seen::not_found_out("the client was given the same token twice")
            }
            None => Seen::not_found_out("the answers do not tell a count"),
            Some(counts) => judge::budget(counts),
        };
        self.tell(Question::Budget, seen);
    }
}

fn of<'a>(read: &'a [ScratchContact], id: &str) -> Option<&'a ScratchContact> {
    read.iter().find(|contact| contact.id == id)
}
