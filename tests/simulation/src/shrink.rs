//! From a run that fails to one that fails alike with fewer events.

use std::collections::BTreeSet;

use crate::chaos::Kind;
use crate::mutants::Mutant;
use crate::{play, size};

/// What is taken away from a seed's run.
#[derive(Clone, Debug, Default)]
pub struct Less {
    /// Steps, by their place in the story.
    pub steps: BTreeSet<usize>,
    /// Kinds of fault, by name.
    pub faults: BTreeSet<String>,
}

impl Less {
    pub(crate) fn kinds(&self) -> BTreeSet<Kind> {
        self.faults.iter().filter_map(|name| Kind::of(name)).collect()
    }
}

/// Takes away whatever the first violation's number does not need: kinds of fault first, then halves, quarters … of steps.
pub fn shrink(seed: u64, mutant: Option<Mutant>) -> Less {
    let mut less = Less::default();
    let number =
        |violations: &BTreeSet<String>| violations.iter().map(|text| of_promise(text)).collect::<BTreeSet<_>>();
    let wanted = number(&play(seed, &less, mutant, false).violations);
    let still_fails = |less: &Less| !number(&play(seed, less, mutant, false).violations).is_disjoint(&wanted);
    let (steps, faults) = size(seed);
    for fault in faults {
        let mut fewer = less.clone();
        fewer.faults.insert(fault.to_owned());
        if still_fails(&fewer) {
            less = fewer;
        }
    }
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
            return less;
        }
        part = part.div_ceil(2).max(1);
    }
}

/// What a violation begins with, up to what differs from run to run.
fn of_promise(violation: &str) -> String {
    violation.split([':', ',']).next().unwrap_or_default().to_owned()
}
