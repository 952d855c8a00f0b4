//! Properties of every attempt, whatever the service answers. Single cases are in the modules
//! beside this one.

use proptest::prelude::*;

use super::*;

fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Rejected),
        Just(Kind::NotFound),
        Just(Kind::UnknownCampaign),
        Just(Kind::Conflict),
        Just(Kind::Throttled {
            after: crate::retry::UNNAMED
        }),
        Just(Kind::Refused),
        Just(Kind::Unavailable),
        Just(Kind::Unanswered),
        Just(Kind::OutOfTime),
    ]
}

/// An answer that a service could give to a step: mostly the right one.
fn any_answer() -> impl Strategy<Value = (u8, Kind, u64, bool)> {
    (0u8..10, any_kind(), 1u64..9, any::<bool>())
}

fn answer(step: &Step, (chance, kind, rank, flag): (u8, Kind, u64, bool)) -> StepResult {
    match step {
        Step::Pause(_) if flag => StepResult::Paused,
        Step::Pause(_) => StepResult::NoTime,
        Step::Create { alone: false, .. } if chance < 2 => {
            StepResult::RejectedTogether(failure(kind))
        }
        _ if chance < 5 => StepResult::Failed(failure(kind)),
        Step::Read | Step::Probe if chance < 7 => StepResult::Contact(None),
        Step::Read | Step::Probe => StepResult::Contact(contact(rank, flag)),
        _ => StepResult::Written(contact(rank, flag)),
    }
}

fn is_write(step: &Step) -> bool {
    matches!(step, Step::Create { .. } | Step::Update(_) | Step::Lower)
}

proptest! {
    #[test]
    fn an_attempt_ends_and_writes_nothing_blindly(
        said in prop::collection::vec(prop_oneof![Just("2"), Just("3"), Just("out"), Just("in"), Just("remove"), Just("quiet"), Just("out quiet"), Just("skip 2"), Just("skip out"), Just("skip quiet"), Just("skipOptOut 3"), Just("skipOptOut out")], 1..5),
        is_refused in prop::collection::vec(any::<bool>(), 5),
        absence in prop::sample::select(vec![Absence::ByProbe, Absence::ByReadAfter(READS_SETTLE_AFTER), Absence::Known]),
        answers in prop::collection::vec(any_answer(), 200),
    ) {
        let pieces = said.iter().enumerate().map(|(index, said)| {
            let change = change(5 + index as u64, said);
            if is_refused[index] {
                refused(index, change, ParkReason::KeyPattern)
            } else {
                taken(index, change)
            }
        });
        let key = ContactKey::parse("k").unwrap();
        let mut attempt = Attempt::new(key, pieces.collect(), ranked(), plan).with_absence(absence);
        let mut seen = StepResult::Nothing;
        let (mut is_unknown, mut unknown_posts, mut answered) = (false, 0, 0);
        let mut ended = None;
        for given in answers {
            let step = attempt.next(seen);
            if let Step::Done(verdicts) = &step {
                ended = Some(verdicts.clone());
                break;
            }
            if is_write(&step) {
                prop_assert!(!is_unknown, "a write after a write of unknown end: {:?}", step);
            }
            if matches!(step, Step::Create { .. }) {
                prop_assert_eq!(unknown_posts, 0, "a second POST: {:?}", step);
            }
            seen = answer(&step, given);
            let leaves_unknown = matches!(&seen, StepResult::Failed(failure) if failure.leaves_unknown());
            match &step {
                Step::Read | Step::Probe if matches!(seen, StepResult::Contact(_)) => is_unknown = false,
                step if is_write(step) => {
                    is_unknown = leaves_unknown;
                    unknown_posts += usize::from(leaves_unknown && matches!(step, Step::Create { .. }));
                    answered += usize::from(matches!(seen, StepResult::Written(_)));
                }
                _ => {}
            }
        }
        let verdicts = ended.expect("an attempt ends");
        let mut indices: Vec<_> = verdicts.iter().map(|(index, _)| *index).collect();
        indices.sort_unstable();
        prop_assert_eq!(indices, (0..said.len()).collect::<Vec<_>>(), "one verdict on each change");
        let is_written = |(_, verdict): &(usize, Verdict)| {
            matches!(verdict, Verdict::Done(Outcome::Created | Outcome::Updated))
        };
        let written = verdicts.iter().filter(|verdict| is_written(verdict)).count();
        prop_assert!(written <= answered, "what is done was answered: {:?}", verdicts);
    }
}
