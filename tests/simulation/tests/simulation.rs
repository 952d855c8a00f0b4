//! Tests of the simulation itself: the same seed gives the same run, a defect makes a run fail, and
//! a failing run is shrunk.

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

/// How often each of these texts occurs in the traces of this many seeds of schedules.
fn met(words: &[&'static str], seeds: u64) -> Vec<(&'static str, usize)> {
    let traces = (0..seeds).map(|n| play(10 * n + 7, &Less::default(), None, true).trace);
    let traces: Vec<_> = traces.collect();
    let count = |word: &&'static str| {
        let lines = traces.iter().flatten();
        (*word, lines.filter(|line| line.contains(*word)).count())
    };
    words.iter().map(count).collect()
}

#[test]
fn runs_of_schedules_meet_all_that_they_are_for() {
    let words = [
        "Hubspot",
        "Salesforce",
        "Dataverse",
        "Pipedrive",
        "a CRM of the form of its own",
        "the CRM    GET /contacts: 200",
        "the CRM    POST /crm/v3/objects/contacts/search: 200",
        "the CRM    GET /services/data/v65.0/query/01g",
        "the CRM    GET /api/data/v9.2/contacts: 200",
        "the CRM    GET /api/v2/persons: 200",
        "/_exports/",
        "is killed before a page of the feed",
        "is killed after the changes are sent",
        "is killed before the record is written",
        "is killed after the record is written",
        "is killed before the message is given back",
        "is killed after the record is read",
        "the Record of org-",
        "the Feed of org-",
        "somebody deletes the record",
        "loses its permissions for 150 minutes",
        "\"batchItemFailures\":[{",
        "canary-never-there",
    ];
    let missing: Vec<_> = met(&words, 60)
        .into_iter()
        .filter(|(_, count)| *count == 0)
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn contacts_change_while_a_run_reads_the_pages_of_a_feed() {
    let shifted = (0..40).filter(|n| {
        // `last` is the page that was read last, if its run may go on, and whether a contact has
        // changed since.
        let mut last: Option<(&str, bool)> = None;
        let trace = play(10 * n + 7, &Less::default(), None, true).trace;
        trace.iter().any(|line| {
            let page = line.split_once("the CRM    ").map(|(_, page)| page);
            let was = last;
            if let Some(page) = page {
                let request = page.split(['?', ':']).next().unwrap_or(page);
                last = page.ends_with(": 200").then_some((request, false));
                return was.is_some_and(|(of, is_changed)| is_changed && of == request);
            }
            if line.contains("the CRM changes a contact") {
                last = was.map(|(of, _)| (of, true));
            } else if line.contains("reports: reconciled") || line.contains("is killed") {
                last = None;
            }
            false
        })
    });
    assert!(shifted.count() > 5);
}
