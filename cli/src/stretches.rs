//! The very code of reconcile, from the operator's machine and without Lambda's 15 minutes: stretch by
//! stretch, until all is done or somebody stops it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use io::telemetry::{Event, Telemetry};
use io::{Clock, Config};
use reconcile::{Context, Cursor, Input, Outcome, Progress, Task, Until, Why};

/// One stretch of the run: what it found is in the queue before the next begins, so that little is
/// lost with a failure.
const STRETCH: Duration = Duration::from_mins(10);
/// Contacts that are compared before the next look at whether to end.
const AT_ONCE: usize = 50;
/// How often a line tells of progress where there is no terminal.
const LINE: Duration = Duration::from_secs(30);
/// Until a deep queue, or a service that wants no call, is asked again.
const WAIT: Duration = Duration::from_secs(15);

/// What a run found, of all its stretches.
pub(crate) trait Report: Default + Send {
    /// While it runs.
    fn saw(&mut self, progress: Progress);

    /// What only the end of a stretch tells.
    fn add(&mut self, outcome: Outcome);

    /// Nothing was looked at yet.
    fn is_empty(&self) -> bool;

    /// One line, while it runs.
    fn line(&self) -> String;
}

/// What is known while the run goes on.
struct State<R> {
    report: R,
    /// Up to here everything that was found is in the queue.
    reached: Option<String>,
}

/// Runs from the input's cursor on until all is done. The first Ctrl-C ends the run in good order, the
/// second at once.
pub(crate) async fn until_stopped<R: Report>(config: Config, input: Input) -> Result<R, String> {
    let is_asked_to_stop = AtomicBool::new(false);
    let state = Mutex::new(State {
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
    // Of an unknown campaign the others are done.
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
    state: &Mutex<State<R>>,
) -> Result<(), String> {
    let clock = Clock::system();
    let context = Context::connect(config, Telemetry::from_fn(tell))
        .await
        .map_err(|error| error.to_string())?;
    let bar = progress_bar();
    let told_at = Mutex::new(clock.now());
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    bar.set_message(lock().report.line());
    let watch = |progress: Progress| {
        let mut state = lock();
        state.report.saw(progress);
        bar.set_message(state.report.line());
        let mut told_at = told_at.lock().unwrap_or_else(PoisonError::into_inner);
        if bar.is_hidden() && clock.now() >= *told_at + LINE {
            *told_at = clock.now();
            eprintln!("campaign-sync: {}", state.report.line());
        }
    };
    let mut pages = BTreeSet::new();
    let asked = || is_asked_to_stop.load(Ordering::Relaxed);
    loop {
        let until = Until {
            end: None,
            rest_at: Some(clock.now() + STRETCH),
            is_asked_to_stop: &asked,
            // The next stretch goes on where there was no more room.
            looks_on_for_opt_outs: false,
        };
        // Two whole runs, which go on from no cursor.
        let is_whole = input.task == Task::RemoveUnknown;
        let outcome = if is_whole {
            reconcile::remove_unknown(&context, &input, &until, &watch).await
        } else {
            reconcile::run(&context, &input, &until, &watch).await
        };
        let outcome = outcome.map_err(|error| error.to_string())?;
        let cursor = outcome.answer.cursor.clone();
        let why = outcome.why.clone();
        if cursor
            .as_ref()
            .is_some_and(|cursor| !pages.insert(cursor.clone()))
            && why == Some(Why::OutOfTime)
        {
            return Err("the feed has no end: it came back to where it was before".to_owned());
        }
        {
            let mut state = lock();
            state.reached.clone_from(&cursor);
            state.report.add(outcome);
        }
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
                bar.set_message(format!("{}; waiting for {what}", lock().report.line()));
                tokio::time::sleep(wait).await;
            }
            _ => break,
        }
        input.cursor = cursor.as_deref().and_then(Cursor::parse);
    }
    bar.finish_and_clear();
    Ok(())
}

/// On standard error, and only where that is a terminal.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// What a person must know while it runs.
fn tell(event: &Event<'_>) {
    if let Event::Throttled { org } = event {
        eprintln!("campaign-sync: Genesys Cloud throttles org {org}");
    }
}
