//! Shrinking: from a failing run to one that fails in the same way with fewer events.
//!
//! It plays the seed again and again. `crate::play` plays one run.

use std::collections::BTreeSet;

use crate::chaos::FaultKind;
use crate::mutants::Mutant;
use crate::promise::of_promise;
use crate::{play, size};

/// The steps and faults that are taken away from the run of a seed.
#[derive(Clone, Debug, Default)]
pub struct Less {
    /// The steps, by their place in the story.
    pub steps: BTreeSet<usize>,
    /// The kinds of fault, by name.
    pub faults: BTreeSet<String>,
}

impl Less {
    pub(crate) fn kinds(&self) -> BTreeSet<FaultKind> {
        self.faults
            .iter()
            .filter_map(|name| FaultKind::of(name))
            .collect()
    }
}

/// Takes away everything that a violation of this promise does not need: first kinds of fault, then
/// halves, quarters and so on of the steps, then kinds of fault again.
pub fn shrink(seed: u64, mutant: Option<Mutant>, promise: &str) -> Less {
    let mut less = Less::default();
    let still_fails = |less: &Less| {
        play(seed, less, mutant, false)
            .violations
            .iter()
            .any(|text| of_promise(text) == promise)
    };
    let (steps, faults) = size(seed);
    let without_faults = |mut less: Less| {
        for fault in &faults {
            let mut fewer = less.clone();
            if fewer.faults.insert((*fault).to_owned()) && still_fails(&fewer) {
                less = fewer;
            }
        }
        less
    };
    less = without_faults(less);
    let mut part = steps.div_ceil(2).max(1);
    loop {
        for from in (0..steps).step_by(part) {
            let mut fewer = less.clone();
            fewer.steps.extend(from..(from + part).min(steps));
            if fewer.steps.len() > less.steps.len() && still_fails(&fewer) {
                less = fewer;
            }
        }
        if part == 1 {
            return without_faults(less);
        }
        part = part.div_ceil(2).max(1);
    }
}
