//! The state that the desk keeps: the newest look, the work under way, and the last dry run. The
//! work itself runs in [`super`], and `rows` and `work` render it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use io::Clock;
use jiff::{SignedDuration, Timestamp};

use crate::dlq::Selection;
use crate::dlq::parked::Parked;
use crate::table::number;

/// The result of one look at the dead-letter queue.
#[derive(Clone)]
pub(crate) struct Look {
    /// When the look began. A change that was parked later may be missing.
    pub(crate) began: Timestamp,
    /// When it ended.
    pub(crate) at: Timestamp,
    /// Messages that are or may be opt-outs come first. Within both groups the oldest comes
    /// first.
    pub(crate) all: Vec<Arc<Parked>>,
    /// About how many more messages the queue holds.
    pub(crate) hidden: u64,
}

/// The parked changes to redrive, and how.
#[derive(Clone)]
pub(crate) struct Again {
    pub(crate) which: Selection,
    /// The most changes a second.
    pub(crate) rate: u32,
    pub(crate) unranked: bool,
}

/// A kind of work on the queue.
#[derive(Clone)]
pub(crate) enum WorkKind {
    Look,
    /// A dry run.
    Try(Again),
    Redrive(Again),
    Drop(String),
}

/// A piece of work that is under way or has ended.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) what: WorkKind,
    pub(crate) began: Timestamp,
    /// How many messages were looked at.
    pub(super) looked_at: Arc<AtomicUsize>,
    /// The result. `None` means that the work is under way.
    pub(crate) end: Option<Result<String, String>>,
}

impl Work {
    pub(super) fn new(what: WorkKind) -> Work {
        Work {
            what,
            began: Clock::system().now(),
            looked_at: Arc::default(),
            end: None,
        }
    }

    pub(crate) fn looked_at(&self) -> u64 {
        self.looked_at.load(Ordering::Relaxed) as u64
    }

    /// This work with the result of a look that began after it.
    pub(super) fn beside(mut self, look: &Work) -> Work {
        let told = match &look.end {
            Some(Err(why)) if look.began >= self.began => {
                format!("What is parked could not be looked at afterwards: {why}.")
            }
            None => format!(
                "What is parked is being looked at: {} so far.",
                number(look.looked_at())
            ),
            Some(_) => return self,
        };
        let (Some(Ok(said)) | Some(Err(said))) = &mut self.end else {
            return self;
        };
        said.push('\n');
        said.push_str(&told);
        self
    }
}

/// The changes that the last dry run would send.
#[derive(Clone)]
pub(crate) struct DryRun {
    /// The number of this dry run among the dry runs of this console.
    pub(crate) number: u64,
    /// The parked changes that the dry run named, and no others.
    pub(crate) again: Again,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) seen: Option<Arc<Look>>,
    /// The last look, or the one that is under way.
    pub(super) look: Option<Work>,
    /// The last deed, or the one that is under way. A deed is any work but a look.
    pub(super) deed: Option<Work>,
    pub(super) tried: Option<DryRun>,
    pub(super) dry_runs: u64,
}

impl State {
    pub(super) fn is_busy(&self) -> bool {
        let mut works = self.look.iter().chain(&self.deed);
        works.any(|work| work.end.is_none())
    }

    /// Removes messages that are known to be no longer parked, although no look has happened
    /// since.
    pub(super) fn without(&mut self, gone: &BTreeSet<String>) {
        if let Some(seen) = self.seen.as_deref().filter(|_| !gone.is_empty()) {
            let mut seen = seen.clone();
            seen.all.retain(|parked| !gone.contains(&parked.id));
            // A page compares this time to find out whether it shows the newest state.
            seen.at += SignedDuration::from_nanos(1);
            self.seen = Some(Arc::new(seen));
        }
    }
}
