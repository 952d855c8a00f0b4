//! Runs the code of the function `reconcile` on the operator's machine, without Lambda's 15
//! minutes.
//!
//! A run is cut into stretches of ten minutes. At the end of each, all that it found is in the
//! queue, and a cursor says where the next one begins. The run ends when everything was compared,
//! when an error occurs, or at Ctrl-C. How a stretch compares contacts is decided in
//! `functions/reconcile`, not here; what a run prints is the [`Report`] of the subcommand:
//! `reconcile` and `contact adopt` have one each.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use io::telemetry::{Event, Telemetry};
use io::{Clock, Config};
use jiff::Timestamp;
use reconcile::{Context, Cursor, Input, Progress, RunOutcome, Task, Until, Why};

/// The length of a stretch. A failure loses no more than what was found in one.
const STRETCH: Duration = Duration::from_mins(10);
/// How many contacts are compared before the run looks again whether it was asked to stop.
const AT_ONCE: usize = 50;
/// The time between two lines of progress if there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(30);
/// The wait before the next stretch when the queue is deep or the service throttles.
const WAIT: Duration = Duration::from_secs(15);

/// Collects what all stretches of a run find.
pub(crate) trait Report: Default + Send {
    /// Counts what a stretch reports while it runs.
    fn saw(&mut self, progress: Progress);

    /// Adds what is known only at the end of a stretch.
    fn add(&mut self, outcome: RunOutcome);

    /// Whether no contact was compared yet.
    fn is_empty(&self) -> bool;

    /// The progress of the run, as one line.
    fn line(&self) -> String;
}

/// The state that the stretches so far pass on to the next one and to the end of the run.
struct RunState<R> {
    report: R,
    /// The cursor up to which everything that was found is in the queue.
    reached: Option<String>,
}

/// Runs from the input's cursor to the end. The first Ctrl-C ends the run in good order, the second
/// at once.
pub(crate) async fn until_stopped<R: Report>(config: Config, input: Input) -> Result<R, String> {
    let is_asked_to_stop = AtomicBool::new(false);
    let state = Mutex::new(RunState {
        report: R::default(),
        reached: input.cursor.as_ref().map(ToString::to_string),
    });
    let interrupts = async {
        let _ = tokio::signal::ctrl_c().await;
        is_asked_to_stop.store(true, Ordering::Relaxed);
        eprintln!(
            "campaign-sync: ending in good order, at most {AT_ONCE} contacts later (up to a minute where the call budget is \
             small); Ctrl-C again ends it at once"
        );
        let _ = tokio::signal::ctrl_c().await;
    };
    let ended = tokio::select! {
        ended = stretches(config, input, &is_asked_to_stop, &state) => ended,
        () = interrupts => Err("interrupted".to_owned()),
    };
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    // An unknown campaign ends the run with an error, but only after the others were compared, so
    // their results are printed.
    let ended = ended.map_err(|error| match state.report.is_empty() {
        true => error,
        false => format!("{error}\nUntil then: {}.", state.report.line()),
    });
    match (ended, state.reached) {
        (Ok(()), _) => Ok(state.report),
        (Err(error), None) => Err(error),
        (Err(error), Some(cursor)) => Err(format!(
            "{error}\nAll that was to be enqueued before the failure is in the queue. The same command goes on with: --cursor {cursor}"
        )),
    }
}

async fn stretches<R: Report>(
    config: Config,
    mut input: Input,
    is_asked_to_stop: &AtomicBool,
    state: &Mutex<RunState<R>>,
) -> Result<(), String> {
    let context = Context::connect(config, Telemetry::from_fn(tell))
        .await
        .map_err(|error| error.to_string())?;
    let screen = Screen::new(state);
    // Such a run reads everything twice and has no cursor to continue from.
    let is_whole = input.task == Task::RemoveUnknown;
    let asked = || is_asked_to_stop.load(Ordering::Relaxed);
    let mut pages = BTreeSet::new();
    loop {
        let until = Until {
            end: None,
            rest_at: Some(screen.clock.now() + STRETCH),
            is_asked_to_stop: &asked,
            // The next stretch continues where the queue had no more room.
            looks_on_for_opt_outs: false,
        };
        let watch = |progress: Progress| screen.saw(progress);
        let outcome = if is_whole {
            reconcile::remove_unknown(&context, &input, &until, &watch).await
        } else {
            reconcile::run(&context, &input, &until, &watch).await
        };
        let outcome = outcome.map_err(|error| crate::connect::explained(&error))?;
        let cursor = outcome.answer.cursor.clone();
        let why = outcome.why.clone();
        if cursor
            .as_ref()
            .is_some_and(|cursor| !pages.insert(cursor.clone()))
            && why == Some(Why::OutOfTime)
        {
            return Err("the feed has no end: it came back to where it was before".to_owned());
        }
        screen.ended(outcome);
        match why.as_ref().map(Why::cause) {
            _ if is_whole => break,
            Some(Why::OutOfTime) if !asked() => {}
            Some(why @ (Why::QueueIsDeep | Why::Throttled | Why::FeedThrottled(_))) if !asked() => {
                let (wait, what) = match why {
                    Why::FeedThrottled(wait) => {
                        (WAIT.max(*wait), "the feed, which asked for a wait")
                    }
                    _ => (WAIT, "the queue or the call budget"),
                };
                screen.waits(what);
                tokio::time::sleep(wait).await;
            }
            _ => break,
        }
        input.cursor = cursor.as_deref().and_then(Cursor::parse);
    }
    screen.bar.finish_and_clear();
    Ok(())
}

/// Keeps the state of the run, and shows its progress: by a bar, or by a line now and then if there
/// is no terminal.
struct Screen<'a, R> {
    clock: Clock,
    bar: ProgressBar,
    told_at: Mutex<Timestamp>,
    state: &'a Mutex<RunState<R>>,
}

impl<'a, R: Report> Screen<'a, R> {
    fn new(state: &'a Mutex<RunState<R>>) -> Screen<'a, R> {
        let clock = Clock::system();
        let screen = Screen {
            told_at: Mutex::new(clock.now()),
            clock,
            bar: progress_bar(),
            state,
        };
        screen.bar.set_message(screen.lock().report.line());
        screen
    }

    fn lock(&self) -> MutexGuard<'_, RunState<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn saw(&self, progress: Progress) {
        let mut state = self.lock();
        state.report.saw(progress);
        self.bar.set_message(state.report.line());
        let mut told_at = self.told_at.lock().unwrap_or_else(PoisonError::into_inner);
        if self.bar.is_hidden() && self.clock.now() >= *told_at + BETWEEN_LINES {
            *told_at = self.clock.now();
            eprintln!("campaign-sync: {}", state.report.line());
        }
    }

    /// Adds what is known at the end of a stretch.
    fn ended(&self, outcome: RunOutcome) {
        let mut state = self.lock();
        state.reached.clone_from(&outcome.answer.cursor);
        state.report.add(outcome);
    }

    fn waits(&self, what: &str) {
        let line = self.lock().report.line();
        self.bar.set_message(format!("{line}; waiting for {what}"));
    }
}

/// A progress bar on standard error. It is hidden if that is no terminal.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Prints the events that a person must see while the run goes on.
fn tell(event: &Event<'_>) {
    if let Event::Throttled { org } = event {
        eprintln!("campaign-sync: Genesys Cloud throttles org {org}");
    }
}
