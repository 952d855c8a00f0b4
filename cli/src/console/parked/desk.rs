//! What was seen of the dead-letter queue, and the one piece of work on it that is under way.
//!
//! To look at all of it takes as long as a request may not: ten messages a call. So what was seen last is
//! kept, in memory alone, and a page shows that and how old it is. Two pieces of work would take the
//! messages from each other: there is one at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use io::Clock;
use io::config::DlqConfig;
use io::secrets::SecretsManager;
use jiff::Timestamp;

use super::reasons::opt_out;
use crate::dlq::parked::{DeadLetters, Parked};
use crate::dlq::redrive::{How, redrive};
use crate::dlq::report::Report;
use crate::dlq::rules::Rules;
use crate::dlq::{Which, delete};

/// What was seen of the dead-letter queue.
pub(crate) struct Seen {
    pub(crate) at: Timestamp,
    /// What is or may be an opt-out first, of those and of all others the oldest.
    pub(crate) all: Vec<Parked>,
    /// About so many more are there.
    pub(crate) hidden: u64,
}

/// Which parked changes are to be sent again, and how.
#[derive(Clone)]
pub(crate) struct Again {
    pub(crate) which: Which,
    /// Changes a second.
    pub(crate) rate: u32,
    pub(crate) unranked: bool,
}

/// What is done with the queue.
#[derive(Clone)]
pub(crate) enum What {
    Look,
    /// Tells what would be sent.
    Try(Again),
    Redrive(Again),
    Drop(String),
}

/// A piece of work, under way or over.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) what: What,
    pub(crate) began: Timestamp,
    /// Messages that were looked at.
    looked_at: Arc<AtomicUsize>,
    /// What came of it; none: it is under way.
    pub(crate) end: Option<Result<String, String>>,
}

impl Work {
    pub(crate) fn looked_at(&self) -> u64 {
        self.looked_at.load(Ordering::Relaxed) as u64
    }
}

/// What the last dry run would send.
#[derive(Clone)]
pub(crate) struct Tried {
    /// Of the dry runs of this console, this one.
    pub(crate) number: u64,
    /// The parked changes that it named, and no other.
    pub(crate) again: Again,
}

#[derive(Default)]
struct State {
    seen: Option<Arc<Seen>>,
    work: Option<Work>,
    tried: Option<Tried>,
    dry_runs: u64,
}

struct Inner {
    queue: DeadLetters,
    sdk: SdkConfig,
    prefix: String,
    state: Mutex<State>,
}

/// Clones are the same one.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Inner>);

impl Desk {
    pub(crate) fn new(sdk: &SdkConfig, config: &DlqConfig, prefix: String) -> Desk {
        Desk(Arc::new(Inner {
            queue: DeadLetters::new(sdk, config),
            sdk: sdk.clone(),
            prefix,
            state: Mutex::default(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn seen(&self) -> Option<Arc<Seen>> {
        self.lock().seen.clone()
    }

    pub(crate) fn work(&self) -> Option<Work> {
        self.lock().work.clone()
    }

    /// What the last dry run would send; none: nothing, or it was sent.
    pub(crate) fn tried(&self) -> Option<Tried> {
        self.lock().tried.clone()
    }

    /// Takes what the dry run of this number would send: it is sent once. While other work is under way it stays.
    pub(crate) fn take_tried(&self, number: u64) -> Option<Again> {
        let mut state = self.lock();
        let is_free = state.work.as_ref().is_none_or(|work| work.end.is_some());
        let tried = state
            .tried
            .take_if(|tried| is_free && tried.number == number);
        tried.map(|tried| tried.again)
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.lock()
            .work
            .as_ref()
            .is_some_and(|work| work.end.is_none())
    }

    /// Begins it; `false`: another piece of work is under way.
    pub(crate) fn begin(&self, what: What) -> bool {
        let looked_at = Arc::new(AtomicUsize::new(0));
        let work = Work {
            what: what.clone(),
            began: Clock::system().now(),
            looked_at: Arc::clone(&looked_at),
            end: None,
        };
        {
            let mut state = self.lock();
            if state.work.as_ref().is_some_and(|work| work.end.is_none()) {
                return false;
            }
            state.work = Some(work);
        }
        let desk = self.clone();
        tokio::spawn(async move {
            let end = desk.act(what, &looked_at).await;
            if let Some(work) = &mut desk.lock().work {
                work.end = Some(end);
            }
        });
        true
    }

    /// Waits a moment for what was seen, so that a short queue needs no second look at the page.
    pub(crate) async fn settle(&self, longest: Duration) {
        const STEP: Duration = Duration::from_millis(20);
        let steps = longest.as_millis() / STEP.as_millis();
        for _ in 0..steps {
            if !self.is_busy() {
                return;
            }
            tokio::time::sleep(STEP).await;
        }
    }

    async fn act(&self, what: What, looked_at: &AtomicUsize) -> Result<String, String> {
        let told = |count| looked_at.store(count, Ordering::Relaxed);
        match what {
            What::Look => self.look(&told).await.map(|()| String::new()),
            What::Try(again) => {
                let report = self.send(&again, true, looked_at).await;
                let said = report.text(true);
                self.keep_tried(again, report.would_go);
                Ok(said)
            }
            What::Redrive(again) => {
                let said = self.send(&again, false, looked_at).await.text(false);
                self.look(&|_| ()).await.map(|()| said)
            }
            What::Drop(id) => {
                delete(&self.0.queue, &id, &told).await?;
                self.look(&|_| ())
                    .await
                    .map(|()| format!("{id} is deleted."))
            }
        }
    }

    fn keep_tried(&self, again: Again, ids: Vec<String>) {
        let mut state = self.lock();
        state.dry_runs += 1;
        let number = state.dry_runs;
        let which = Which {
            ids,
            ..Which::default()
        };
        state.tried = (!which.ids.is_empty()).then_some(Tried {
            number,
            again: Again { which, ..again },
        });
    }

    async fn look(&self, told: &(dyn Fn(usize) + Sync)) -> Result<(), String> {
        let mut all = self.0.queue.look(told).await?;
        let hidden = self.0.queue.depth().await?.saturating_sub(all.len() as u64);
        all.sort_by_key(|parked| (opt_out(parked).is_none(), parked.parked_at));
        self.lock().seen = Some(Arc::new(Seen {
            at: Clock::system().now(),
            all,
            hidden,
        }));
        Ok(())
    }

    async fn send(&self, again: &Again, dry_run: bool, looked_at: &AtomicUsize) -> Report {
        let rules = Rules::new(SecretsManager::new(&self.0.sdk), self.0.prefix.clone());
        let told = || {
            looked_at.fetch_add(1, Ordering::Relaxed);
        };
        let how = How {
            which: &again.which,
            pause: Duration::from_secs(1) / again.rate,
            unranked: again.unranked,
            dry_run,
            told: &told,
        };
        redrive(&self.0.queue, rules, &how).await
    }
}
