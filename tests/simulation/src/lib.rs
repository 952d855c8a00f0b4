//! The simulation: docs/design.md "Promises" under chaos.
//!
//! The real `handle` functions of ingest, apply and reconcile run against the emulator on a logical
//! clock. A seed determines one run: the steps of its story, and the faults that strike. Checks
//! watch every call and look at the state in the end. A failing run is shrunk to few steps and
//! faults. docs/simulation.md says how to read it.
//!
//! Where to look next: `story` makes the steps, and `trouble` makes those of the runs about one
//! trouble. `player` plays them. `seams` watches and injects between the product and the emulator,
//! and `chaos` decides which faults strike there. `checks` holds the promises, `mutants` holds
//! defects that the checks must find, and `shrink` makes a failing run small.

mod change;
mod chaos;
mod checks;
mod mutants;
mod player;
mod promise;
mod seams;
mod shrink;
mod story;
mod trouble;
mod wire;

pub use mutants::{Mutant, finds};
pub use player::Outcome;
pub use promise::{gravity, of_promise};
pub use shrink::{Less, shrink};

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// Locks a mutex whose owner may have panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    static IS_PLAYING: Cell<bool> = const { Cell::new(false) };
    /// The panics of a run, those that the product catches included.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Records where a run panics instead of printing it.
fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_PLAYING.get() {
                return usual(panic);
            }
            let place = panic
                .location()
                .map_or_else(String::new, ToString::to_string);
            PANICS.with_borrow_mut(|panics| panics.push(place));
        }));
    });
}

/// Plays one seed. Any panic is a violation.
pub fn play(seed: u64, less: &Less, mutant: Option<Mutant>, trace: bool) -> Outcome {
    watch_panics();
    IS_PLAYING.set(true);
    let mut outcome = play_one(seed, less, mutant, trace);
    IS_PLAYING.set(false);
    outcome.violations.extend(
        PANICS
            .take()
            .into_iter()
            .map(|place| format!("panic: at {place}")),
    );
    outcome
}

fn play_one(seed: u64, less: &Less, mutant: Option<Mutant>, trace: bool) -> Outcome {
    let story = || story::Story::new(seed).without(&less.steps, &less.kinds());
    let played = catch_unwind(AssertUnwindSafe(|| player::play(story(), mutant, trace)));
    played.unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().cloned();
        let what = what
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default();
        Outcome {
            violations: [format!("panic: {what}")].into(),
            trace: Vec::new(),
            simulated: std::time::Duration::ZERO,
            digest: String::new(),
        }
    })
}

/// The number of steps of a seed, and the faults that it meets.
pub fn size(seed: u64) -> (usize, Vec<&'static str>) {
    let story = story::Story::new(seed);
    (
        story.steps.len(),
        story
            .rates
            .present()
            .into_iter()
            .map(chaos::FaultKind::name)
            .collect(),
    )
}

/// Whether this is the name of a kind of fault.
pub fn is_fault(name: &str) -> bool {
    chaos::FaultKind::of(name).is_some()
}
