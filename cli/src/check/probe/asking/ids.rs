//! Asks what an id may be: which characters it may hold, how long it may be, whether case matters,
//! and what becomes of an id that is sent twice.
//!
//! The contacts that are made are known to [`Made`](super::super::made::Made), which deletes them.

use io::genesys::{Failure, ScratchContact};

use super::super::judge::{self, why};
use super::super::questions::{Finding, Question};
use super::{Asking, Wait};

/// The characters that are tried, each string in an id of its own.
const CHARACTERS: [&str; 7] = [ASSUMED, ":", "/", "@", "+", " ", "é"];
/// The characters that campaign-sync assumes to be accepted.
const ASSUMED: &str = "_.";
/// The lengths that are tried, in bytes. The first is the longest that a contact key may have.
const LENGTHS: [usize; 3] = [255, 128, 64];

impl Asking<'_> {
    /// Asks whether an id that differs only in case is another contact. The contact `…-Case` was
    /// made before.
    pub(super) async fn write_another_case(&self) {
        let [first, second] = [self.contact("Case", "1"), self.contact("CASE", "9")];
        let written = self.made.post(self.list, std::slice::from_ref(&second));
        if let Err(failure) = written.await {
            return self.keep(Question::IdCase, Finding::NotFoundOut(why(&failure)));
        }
        let is_shown = |found: &[ScratchContact]| found.iter().any(|one| self.shows(one, "9"));
        let ids = [first.id.clone(), second.id.clone()];
        let seen = match self.read_until(&ids, Wait::Short, is_shown).await {
            Err(failure) => Finding::NotFoundOut(why(&failure)),
            Ok(read) => {
                let (first, second) = ((&*first.id, "1"), (&*second.id, "9"));
                judge::case(&read.found, first, second, &self.columns[1])
            }
        };
        self.keep(Question::IdCase, seen);
    }

    /// Asks what becomes of an id that stands twice in one POST.
    pub(super) async fn send_an_id_twice(&self) {
        let values = ["1", "2"];
        let sent = values.map(|value| self.contact("twice", value));
        let seen = match self.made.post(self.list, &sent).await {
            Err(failure) => match self.is_refused(&failure).await {
                Ok(()) => Finding::AsAssumed("is refused".into()),
                Err(why) => Finding::NotFoundOut(why),
            },
            Ok(_) => {
                let id = &sent[0].id;
                let is_there = |found: &[ScratchContact]| !found.is_empty();
                let read = self.read_until(std::slice::from_ref(id), Wait::Short, is_there);
                match read.await {
                    Err(failure) => Finding::NotFoundOut(why(&failure)),
                    Ok(read) => judge::duplicates(&read.found, values, &self.columns[1]),
                }
            }
        };
        self.keep(Question::Duplicates, seen);
    }

    pub(super) async fn send_long_ids(&self) {
        let mut taken = None;
        for (n, length) in LENGTHS.into_iter().enumerate() {
            let start = self.id("long");
            match self.is_taken(format!("{start:-<length$}")).await {
                Err(why) => return self.keep(Question::IdLength, Finding::NotFoundOut(why)),
                Ok(false) => {}
                Ok(true) => {
                    taken = Some(n);
                    break;
                }
            }
        }
        let seen = judge::length(&LENGTHS, taken);
        self.keep(Question::IdLength, seen);
    }

    pub(super) async fn send_characters(&self) {
        let mut groups = Vec::new();
        for characters in CHARACTERS {
            match self.is_taken(self.id(&format!("a{characters}b"))).await {
                Ok(is_taken) => groups.push((characters, is_taken)),
                Err(why) => return self.keep(Question::IdCharacters, Finding::NotFoundOut(why)),
            }
        }
        self.keep(Question::IdCharacters, judge::characters(&groups, ASSUMED));
    }

    /// Whether a contact with this very id is made, or why that is not known.
    async fn is_taken(&self, id: String) -> Result<bool, String> {
        let contact = ScratchContact {
            id,
            ..self.contact("", "1")
        };
        let answer = self.made.post(self.list, std::slice::from_ref(&contact));
        match answer.await {
            Ok(shown) => Ok(shown.iter().any(|shown| shown.id == contact.id)),
            Err(failure) => self.is_refused(&failure).await.map(|()| false),
        }
    }

    /// Returns `Ok` if the write was refused for what is special about it. That is known only if a
    /// plain contact is accepted; the error says why it is not known.
    async fn is_refused(&self, failure: &Failure) -> Result<(), String> {
        if !judge::is_refusal(failure) {
            return Err(why(failure));
        }
        if self.made.was_any_taken() {
            return Ok(());
        }
        let plain = self.contact("plain", "1");
        let taken = self.made.post(self.list, std::slice::from_ref(&plain));
        match taken.await {
            Ok(_) => Ok(()),
            Err(failure) => Err(format!(
                "no plain contact is taken either: {}",
                why(&failure)
            )),
        }
    }
}
