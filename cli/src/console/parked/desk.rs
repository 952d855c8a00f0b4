//! Keeps what was seen of the dead-letter queue, and runs the work on it.
//!
//! A look at the whole queue takes longer than a request may, because SQS returns at most ten
//! messages a call. So the newest look is kept, in memory only, and a page shows it together with
//! its age.
//!
//! Two pieces of work would take messages from each other, so only one runs at a time. The result
//! of the last deed (a dry run, a redrive or a drop) stays when a look follows it.
//!
//! This module renders nothing (`rows`, `work`), and knows no HTTP. What is kept is in `state`, and
//! the calls of SQS are in `crate::dlq`.

mod state;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use io::Clock;
use io::config::DlqConfig;
use io::secrets::SecretsManager;
use jiff::{SignedDuration, Timestamp};

use super::UNRANKED_BOX;
use crate::contact::look::NotSeen;
use crate::dlq::queue::DeadLetters;
use crate::dlq::redrive::{RedriveOptions, redrive};
use crate::dlq::report::Report;
use crate::dlq::rules::Rules;
use crate::dlq::{Selection, delete};
use state::State;
pub(crate) use state::{Again, DryRun, Look, Work, WorkKind};

/// A slow look is good for this long, unless a page needs a newer one.
const GOOD_FOR: SignedDuration = SignedDuration::from_secs(60);
const A_MOMENT: SignedDuration = SignedDuration::from_secs(2);

/// The result of a piece of work.
struct Done {
    said: Result<String, String>,
    /// The ids of messages that are no longer parked.
    gone: BTreeSet<String>,
    /// The look that followed the work: when it began, and its result.
    look: Option<(Timestamp, Result<Look, String>)>,
}

struct Inner {
    queue: DeadLetters,
    sdk: SdkConfig,
    prefix: String,
    state: Mutex<State>,
}

/// Shares one dead-letter queue between requests. A clone shares the same state.
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

    pub(crate) fn seen(&self) -> Option<Arc<Look>> {
        self.lock().seen.clone()
    }

    /// The work to show: the last deed, or else the last look.
    pub(crate) fn work(&self) -> Option<Work> {
        let state = self.lock();
        match (state.deed.clone(), &state.look) {
            (Some(deed), Some(look)) => Some(deed.beside(look)),
            (deed, look) => deed.or_else(|| look.clone()),
        }
    }

    /// The result of the last dry run. `None` means that it named nothing or was sent already.
    pub(crate) fn tried(&self) -> Option<DryRun> {
        self.lock().tried.clone()
    }

    /// Takes the result of the dry run of this number, so that it is sent only once. While
    /// other work is under way, it stays.
    pub(crate) fn take_tried(&self, number: u64) -> Option<Again> {
        let mut state = self.lock();
        let is_free = !state.is_busy();
        let tried = state
            .tried
            .take_if(|tried| is_free && tried.number == number);
        tried.map(|tried| tried.again)
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.lock().is_busy()
    }

    /// Begins the work. `false` means that another piece of work is under way.
    pub(crate) fn begin(&self, what: WorkKind) -> bool {
        let work = Work::new(what.clone());
        let looked_at = Arc::clone(&work.looked_at);
        let is_look = matches!(what, WorkKind::Look);
        {
            let mut state = self.lock();
            if state.is_busy() {
                return false;
            }
            let place = if is_look {
                &mut state.look
            } else {
                &mut state.deed
            };
            *place = Some(work);
        }
        let desk = self.clone();
        tokio::spawn(async move {
            let done = desk.act(what, &looked_at).await;
            desk.settled(is_look, done);
        });
        true
    }

    fn settled(&self, is_look: bool, done: Done) {
        let mut state = self.lock();
        if let Some((began, look)) = done.look {
            let look = look.map(|seen| state.seen = Some(Arc::new(seen)));
            if look.is_err() {
                state.without(&done.gone);
            }
            let mut work = state
                .look
                .take()
                .unwrap_or_else(|| Work::new(WorkKind::Look));
            work.began = began;
            work.end = Some(look.map(|()| String::new()));
            state.look = Some(work);
        }
        if let Some(deed) = state.deed.as_mut().filter(|_| !is_look) {
            deed.end = Some(done.said);
        }
    }

    /// The time from which a look must have begun to serve a page that is requested now. A look
    /// that is under way serves it, and a slow look serves for a minute.
    pub(crate) fn good_from(&self) -> Timestamp {
        let now = Clock::system().now();
        let state = self.lock();
        if let Some(look) = state.look.as_ref().filter(|look| look.end.is_none()) {
            return look.began;
        }
        let seen = state.seen.as_ref().filter(|seen| {
            now.duration_since(seen.at) < GOOD_FOR && seen.at.duration_since(seen.began) > A_MOMENT
        });
        seen.map_or(now, |seen| seen.began)
    }

    /// The result of a look that began at `from` or later. If there is none, a look begins as
    /// soon as it can.
    pub(crate) fn seen_from(&self, from: Timestamp) -> Result<Arc<Look>, NotSeen> {
        {
            let state = self.lock();
            if let Some(seen) = state.seen.as_ref().filter(|seen| seen.began >= from) {
                return Ok(Arc::clone(seen));
            }
            let look = state.look.as_ref().filter(|look| look.began >= from);
            if let Some(Err(why)) = look.and_then(|look| look.end.as_ref()) {
                return Err(NotSeen::Failed(why.clone()));
            }
        }
        self.begin(WorkKind::Look);
        Err(NotSeen::Yet)
    }

    /// How many messages the current look or deed has seen.
    pub(crate) fn looked_at(&self) -> u64 {
        let state = self.lock();
        let mut works = state.look.iter().chain(&state.deed);
        let under_way = works.find(|work| work.end.is_none());
        under_way.map_or(0, Work::looked_at)
    }

    /// Waits for the current work, at most this long, so that the first page already shows a
    /// short queue.
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

    async fn act(&self, what: WorkKind, looked_at: &AtomicUsize) -> Done {
        let told = |count| looked_at.store(count, Ordering::Relaxed);
        let is_look = matches!(what, WorkKind::Look);
        let mut gone = BTreeSet::new();
        let said = match what {
            WorkKind::Look => Ok(String::new()),
            WorkKind::Try(again) => {
                let report = self.send(&again, true, looked_at).await;
                let said = Ok(report.text(true));
                self.keep_tried(again, report.would_go);
                let look = None;
                return Done { said, gone, look };
            }
            WorkKind::Redrive(again) => {
                let mut report = self.send(&again, false, looked_at).await;
                gone = std::mem::take(&mut report.gone);
                Ok(report.text(false))
            }
            WorkKind::Drop(id) => match delete(&self.0.queue, &id, &told).await {
                Ok(()) => {
                    let said = format!("{id} is deleted.");
                    gone.insert(id);
                    Ok(said)
                }
                Err(why) => Err(why),
            },
        };
        let began = Clock::system().now();
        // While a deed runs, progress means the deed's own progress.
        let told = |count| {
            if is_look {
                told(count);
            }
        };
        let look = Some((began, self.look(began, &told).await));
        Done { said, gone, look }
    }

    fn keep_tried(&self, again: Again, ids: Vec<String>) {
        let mut state = self.lock();
        state.dry_runs += 1;
        let number = state.dry_runs;
        let which = Selection {
            ids,
            ..Selection::default()
        };
        state.tried = (!which.ids.is_empty()).then_some(DryRun {
            number,
            again: Again { which, ..again },
        });
    }

    async fn look(&self, began: Timestamp, told: &(dyn Fn(usize) + Sync)) -> Result<Look, String> {
        let mut all = self.0.queue.look(told).await?;
        let hidden = self.0.queue.depth().await?.saturating_sub(all.len() as u64);
        all.sort_by_cached_key(|parked| (parked.opt_out().is_none(), parked.parked_at));
        Ok(Look {
            began,
            at: Clock::system().now(),
            all: all.into_iter().map(Arc::new).collect(),
            hidden,
        })
    }

    async fn send(&self, again: &Again, dry_run: bool, looked_at: &AtomicUsize) -> Report {
        let rules = Rules::new(SecretsManager::new(&self.0.sdk), self.0.prefix.clone());
        let told = || {
            looked_at.fetch_add(1, Ordering::Relaxed);
        };
        let how = RedriveOptions {
            which: &again.which,
            pause: Duration::from_secs(1) / again.rate,
            unranked: again.unranked,
            unranked_by: &format!("the box \"{UNRANKED_BOX}\""),
            dry_run,
            told: &told,
        };
        redrive(&self.0.queue, rules, &how).await
    }
}
