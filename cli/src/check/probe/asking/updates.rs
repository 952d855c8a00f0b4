//! Asks what happens if an update omits the member `callable` or a column.
//!
//! One contact is updated by POST and one by PUT, and both are read until they show the update.
//! What the read values mean is decided in [`judge`].

use io::genesys::{Failure, ScratchContact};

use super::super::judge::{self, why};
use super::super::questions::{Finding, Question};
use super::{Asking, ReadBack, Wait, find};

const NOT_WHOLE: &str = "an update with every column is not taken either";
/// The names of the two contacts: the first is updated by POST, the second by PUT.
const NAMES: [&str; 2] = ["post", "put"];

impl Asking<'_> {
    /// Updates both contacts without `callable`. `before` is how they were read. Returns which of
    /// the updates were accepted.
    pub(super) async fn omit_callable(&self, before: &[ScratchContact]) -> [bool; 2] {
        let sent = NAMES.map(|name| ScratchContact {
            callable: None,
            ..self.contact(name, "2")
        });
        let (written, read) = self.write(&sent, "2", Wait::Long).await;
        let questions = [Question::PostCallable, Question::PutCallable];
        for ((question, sent), written) in questions.into_iter().zip(&sent).zip(&written) {
            let before = find(before, &sent.id);
            let judge = |after: &ScratchContact| judge::callable(before, after);
            self.keep(question, self.seen(written, &read, (&sent.id, "2"), judge));
        }
        let after = read.as_ref().ok().and_then(|read| read.after);
        let judge = |_: &ScratchContact| match after {
            Some(after) => judge::update(after),
            None => Finding::not_found_out("not every update was read"),
        };
        let seen = self.seen(&written[0], &read, (&sent[0].id, "2"), judge);
        self.keep(Question::ReadAfterUpdate, seen);
        written.map(|written| written.is_ok())
    }

    /// Updates both contacts with only one column. `whole` says which updates with every column
    /// were accepted: if one was not, a refusal says nothing about the columns.
    pub(super) async fn leave_a_column_out(&self, whole: [bool; 2]) {
        let [left_out, named] = &self.columns;
        let sent = NAMES.map(|name| ScratchContact {
            data: [(named.clone(), "3".to_owned())].into(),
            ..self.contact(name, "3")
        });
        let (written, read) = self.write(&sent, "3", Wait::Short).await;
        let questions = [
            (Question::PostSubset, Question::PostColumns, false),
            (Question::PutSubset, Question::PutColumns, true),
        ];
        for (n, (sent, written)) in sent.iter().zip(&written).enumerate() {
            let (subset, columns, is_assumed_taken) = questions[n];
            let taken = written.as_ref().copied();
            if taken.is_err_and(judge::is_refusal) && !whole[n] {
                for question in [subset, columns] {
                    self.keep(question, Finding::not_found_out(NOT_WHOLE));
                }
                continue;
            }
            self.keep(subset, judge::subset(taken, is_assumed_taken));
            let seen = match taken {
                Err(failure) if judge::is_refusal(failure) => {
                    Finding::AsAssumed("none may be left out".into())
                }
                _ => self.seen(written, &read, (&sent.id, "3"), |after| {
                    judge::left_out("2", after.data.get(left_out))
                }),
            };
            self.keep(columns, seen);
        }
    }

    /// Writes the first contact by POST and the second by PUT. Then reads those that were accepted
    /// until they show the value.
    async fn write(
        &self,
        [by_post, by_put]: &[ScratchContact; 2],
        value: &str,
        wait: Wait,
    ) -> ([Result<(), Failure>; 2], Result<ReadBack, Failure>) {
        let posted = self.made.post(self.list, std::slice::from_ref(by_post));
        let posted = posted.await.map(drop);
        let put = self.made.put(self.list, by_put).await;
        let taken = [(by_post, &posted), (by_put, &put)];
        let taken = taken.into_iter().filter(|(_, written)| written.is_ok());
        let ids: Vec<_> = taken.map(|(contact, _)| contact.id.clone()).collect();
        let read = if ids.is_empty() {
            let (found, after) = (Vec::new(), None);
            Ok(ReadBack { found, after })
        } else {
            let is_shown = |found: &[ScratchContact]| {
                let shows = |id| find(found, id).is_some_and(|contact| self.shows(contact, value));
                ids.iter().all(|id| shows(id))
            };
            self.read_until(&ids, wait, is_shown).await
        };
        ([posted, put], read)
    }

    /// Judges a contact that was written and read, or says why it shows nothing.
    fn seen(
        &self,
        written: &Result<(), Failure>,
        read: &Result<ReadBack, Failure>,
        (id, value): (&str, &str),
        judge: impl FnOnce(&ScratchContact) -> Finding,
    ) -> Finding {
        match (written, read) {
            (Err(failure), _) | (_, Err(failure)) => Finding::NotFoundOut(why(failure)),
            (Ok(()), Ok(read)) => {
                let shown = find(&read.found, id).filter(|after| self.shows(after, value));
                shown.map_or_else(|| Finding::not_found_out("the update was not read"), judge)
            }
        }
    }
}
