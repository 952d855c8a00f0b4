//! Makes the calls that answer the questions, one question after another.
//!
//! A question that stays open stops no other. What an answer means is not decided here: [`judge`]
//! does. [`updates`] asks what an update does that omits something, and [`ids`] what an id may be.

mod ids;
mod updates;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use io::genesys::{Failure, Kind, ScratchContact, ScratchFacts, ScratchList};

use super::judge::{self, why};
use super::made::Made;
use super::questions::{Finding, Question};
use crate::connect::Watched;

/// The waits between the reads that look for a write, in seconds.
const WAITS: [u64; 7] = [1, 2, 4, 8, 15, 15, 15];
/// How many of these waits are made if no other question depends on the answer.
const SHORT: usize = 4;
/// How many reads the questions that wait [`Wait::Short`] may repeat, all together.
const MOST_REPEATED: u32 = 6;

/// How long to look for a write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// A minute. Most questions depend on the answer, or it matters most.
    Long,
    /// Some seconds, or as long as an earlier write took to be read.
    Short,
}

/// The connections, and the answers so far.
pub(super) struct Asking<'a> {
    list: &'a ScratchList,
    /// The same list, with another token of the same client.
    by_another_token: &'a ScratchList,
    watched: &'a Watched,
    /// All columns of the list, each empty.
    empty: BTreeMap<String, String>,
    /// Two columns that accept any text.
    columns: [String; 2],
    /// The beginning of every id.
    prefix: &'a str,
    pub(super) made: Made,
    found: RefCell<BTreeMap<Question, Finding>>,
    repeated: Cell<u32>,
    /// The longest time until a write was read.
    lag: Cell<Duration>,
    /// Why the contacts that most questions are about could not be made.
    no_contact: RefCell<Option<String>>,
}

/// The contacts that were read after a write.
struct ReadBack {
    found: Vec<ScratchContact>,
    /// How long it took until they showed the write; `None` means that they did not within the
    /// wait.
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

    /// The answers, and why no contact could be made, if none could.
    pub(super) fn found(self) -> (BTreeMap<Question, Finding>, Option<String>) {
        (self.found.into_inner(), self.no_contact.into_inner())
    }

    /// Asks every question.
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

    /// Keeps the answer to a question.
    fn keep(&self, question: Question, seen: Finding) {
        self.found.borrow_mut().insert(question, seen);
    }

    fn id(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// A contact with every column of the list. The two columns that are looked at hold this value.
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

    /// Makes the contacts that most questions are about. Their ids are in no alphabetic order, so
    /// that the order of the answer shows something.
    async fn make(&self) -> Option<Vec<ScratchContact>> {
        let sent = ["post", "put", "Case", "read"].map(|name| self.contact(name, "1"));
        match self.made.post(self.list, &sent).await {
            Ok(answered) => {
                self.keep(Question::AnswerOrder, judge::order(&sent, &answered));
                Some(sent.to_vec())
            }
            Err(failure) => {
                self.no_contact.replace(Some(why(&failure)));
                None
            }
        }
    }

    /// Reads the contacts right after they were made, in bulk and one by its id. Returns them as
    /// they were read.
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
            (Err(failure), _) | (_, Err(failure)) => Finding::NotFoundOut(why(failure)),
            (Ok(by_id), Ok(read)) => judge::new_contact(*by_id, read.after),
        };
        self.keep(Question::ReadAfterCreate, seen);
        read.map(|read| read.found).unwrap_or_default()
    }

    /// Reads the contacts until they show the write or the wait is over.
    async fn read_until(
        &self,
        ids: &[String],
        wait: Wait,
        is_shown: impl Fn(&[ScratchContact]) -> bool,
    ) -> Result<ReadBack, Failure> {
        let first = self.list.bulk(ids).await;
        self.wait_for(first, ids, wait, is_shown).await
    }

    /// As [`Asking::read_until`], but the first read was made already.
    async fn wait_for(
        &self,
        first: Result<Vec<ScratchContact>, Failure>,
        ids: &[String],
        wait: Wait,
        is_shown: impl Fn(&[ScratchContact]) -> bool,
    ) -> Result<ReadBack, Failure> {
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
        Ok(ReadBack { found, after })
    }

    /// The wait before the next read. `n` waits were made, and they took the time `after`. `None`
    /// means that no read follows.
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

    /// Makes four calls with two tokens in turn, and looks whether they are counted together.
    async fn count_by_two_tokens(&self) {
        let mut told = Vec::new();
        for list in [self.list, self.by_another_token]
            .into_iter()
            .cycle()
            .take(4)
        {
            if let Err(failure) = list.ask().await {
                return self.keep(Question::Budget, Finding::NotFoundOut(why(&failure)));
            }
            told.push(self.watched.seen());
        }
        let counts: Option<Vec<_>> = told.iter().map(|seen| Some(seen.budget?.count)).collect();
        let counts = counts.and_then(|counts| <[u64; 4]>::try_from(counts).ok());
        let seen = match counts {
            _ if told[0].token == told[1].token => {
                Finding::not_found_out("the client was given the same token twice")
            }
            None => Finding::not_found_out("the answers do not tell a count"),
            Some(counts) => judge::budget(counts),
        };
        self.keep(Question::Budget, seen);
    }
}

/// The contact of this id among those that were read.
fn find<'a>(read: &'a [ScratchContact], id: &str) -> Option<&'a ScratchContact> {
    read.iter().find(|contact| contact.id == id)
}
