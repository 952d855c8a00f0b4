//! Tests of the simulation itself: it repeats, it can fail, and it shrinks.

use simulation::{Less, Mutant, of_promise, play, shrink, size};

fn violations(seed: u64, less: &Less, mutant: Option<Mutant>) -> Vec<String> {
    play(seed, less, mutant, false)
        .violations
        .into_iter()
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..40 {
        let run = || play(seed, &Less::default(), None, true);
        let (first, second) = (run(), run());
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.digest, second.digest, "seed {seed}");
        assert!(
            first.trace.len() > 10 && first.simulated.as_secs() > 60,
            "seed {seed}"
        );
    }
    assert_ne!(
        play(1, &Less::default(), None, true).digest,
        play(2, &Less::default(), None, true).digest
    );
}

#[test]
fn a_defect_is_found_and_shrunk_to_fewer_events() {
    let mutant = Some(Mutant::AcknowledgeTooEarly);
    let seed = (0..200)
        .find(|seed| !violations(*seed, &Less::default(), mutant).is_empty())
        .unwrap_or_else(|| panic!("not found"));
    let first = violations(seed, &Less::default(), mutant).remove(0);
    let less = shrink(seed, mutant, of_promise(&first));
    assert!(
        !violations(seed, &less, mutant).is_empty(),
        "it still fails"
    );
    let (steps, faults) = size(seed);
    assert!(
        less.steps.len() * 2 > steps && less.faults.len() * 2 > faults.len(),
        "{less:?} of {steps} and {faults:?}"
    );
}
