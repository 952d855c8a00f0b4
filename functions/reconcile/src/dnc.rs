//! What belongs on the org's DNC list of the contacts that were compared (docs/reconciliation.md "The DNC
//! list"). Nobody can ask what stands there, so all of it is put there again, a thousand a call.

use domain::change::Change;
use domain::contact::Contact;
use domain::dnc::{DncList, Entry};
use io::genesys::{MOST_ENTRIES, Org, Run};

use crate::Why;

/// The entries of one run.
pub(crate) struct Listing {
    /// None: the org has no such list, or this is a dry run.
    list: Option<DncList>,
    owed: Vec<Entry>,
    listed: u64,
    failed: u64,
    /// What was seen of the first that failed.
    why: String,
}

impl Listing {
    pub(crate) fn new(list: Option<DncList>) -> Listing {
        Listing {
            list,
            owed: Vec::new(),
            listed: 0,
            failed: 0,
            why: String::new(),
        }
    }

    /// Notes what is owed for a contact, of which the feed says this.
    pub(crate) fn looked_at(&mut self, change: &Change, actual: &Contact) {
        if let Some(list) = &self.list {
            let operations = std::iter::once(&change.operation);
            self.owed.extend(list.owed(&change.key, actual, operations));
        }
    }

    /// Whether there is enough for a call.
    pub(crate) fn is_full(&self) -> bool {
        self.owed.len() >= MOST_ENTRIES
    }

    /// Puts what is owed on the list.
    pub(crate) async fn flush(&mut self, org: &Org, run: &Run) {
        let owed = std::mem::take(&mut self.owed);
        let Some(list) = self.list.as_ref().filter(|_| !owed.is_empty()) else {
            return;
        };
        let entries: Vec<_> = owed.iter().map(Entry::as_str).collect();
        for listed in org.add_to_dnc(run, list, &entries).await {
            match listed {
                Ok(()) => self.listed += 1,
                Err(failure) => {
                    if self.failed == 0 {
                        self.why = failure.to_string();
                    }
                    self.failed += 1;
                }
            }
        }
    }

    /// How many contacts' entries stand there, and why not all of them do.
    pub(crate) fn ends(self) -> (Option<u64>, Option<Why>) {
        let (listed, contacts) = (self.list.map(|_| self.listed), self.failed);
        let why = self.why;
        (
            listed,
            (contacts > 0).then_some(Why::DncList { contacts, why }),
        )
    }
}
