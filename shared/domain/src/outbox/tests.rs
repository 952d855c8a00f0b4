//! Tests of the outbox: what a call may hold, what waits after a refusal, and when it gives up. A
//! property at the end plays random refusals. The queue itself is emulated in `emulator::fifo`;
//! `tests/it/send/queue.rs` uses both.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const PATIENT: Limits = Limits { calls: 4, tries: 6 };
const ONCE: Limits = Limits { calls: 1, tries: 1 };

fn outbox(limits: Limits, groups: &[&str]) -> Outbox<()> {
    let mut outbox = Outbox::new(limits);
    for group in groups {
        outbox.push((*group).to_owned(), 1, ());
    }
    outbox
}

fn next(outbox: &mut Outbox<()>, now: Timestamp) -> Vec<u64> {
    let call = outbox.next(now, usize::MAX);
    call.into_iter().map(|(place, ())| place).collect()
}

fn refused(is_for_good: bool) -> Result<(), FailedEntry> {
    let why = "InternalError".to_owned();
    Err(FailedEntry { why, is_for_good })
}

fn later(millis: i64) -> Timestamp {
    NOW + Duration::from_millis(millis as u64)
}

#[test]
fn a_group_is_in_one_call_at_a_time_and_once_in_it() {
    let mut outbox = outbox(PATIENT, &["a", "a", "b", "a", "b", "c"]);
    assert_eq!(next(&mut outbox, NOW), [0, 2, 5]);
    assert_eq!(next(&mut outbox, NOW), [0; 0], "all three are under way");
    let taken = outbox.answered(&[0, 2, 5], Ok(vec![Ok(()); 3]), NOW);
    assert_eq!((taken, outbox.taken()), (vec![0, 2, 5], 1));
    assert_eq!(outbox.taken_beyond(), [2, 5]);
    assert_eq!(next(&mut outbox, NOW), [1, 4]);
    assert_eq!(next(&mut outbox, NOW), [0; 0]);
    outbox.answered(&[1, 4], Ok(vec![Ok(()); 2]), NOW);
    assert_eq!(outbox.taken(), 3);
    assert_eq!(next(&mut outbox, NOW), [3]);
    outbox.answered(&[3], Ok(vec![Ok(())]), NOW);
    assert!(outbox.is_empty() && outbox.taken() == 6 && outbox.due().is_none());
}

#[test]
fn a_failed_entry_holds_back_only_its_group() {
    let mut outbox = outbox(PATIENT, &["a", "a", "b", "b"]);
    let call = next(&mut outbox, NOW);
    outbox.answered(&call, Ok(vec![refused(false), Ok(())]), NOW);
    assert_eq!(next(&mut outbox, NOW), [3]);
    outbox.answered(&[3], Ok(vec![Ok(())]), NOW);
    assert_eq!(next(&mut outbox, later(499)), [0; 0]);
    assert_eq!(outbox.due(), Some(later(500)));
    assert_eq!(next(&mut outbox, later(500)), [0]);
    outbox.answered(&[0], Ok(vec![refused(false)]), later(500));
    assert_eq!(outbox.due(), Some(later(1_500)), "twice as long");
    assert_eq!(next(&mut outbox, later(1_500)), [0]);
    outbox.answered(&[0], Ok(vec![Ok(())]), later(1_500));
    assert_eq!(next(&mut outbox, later(1_500)), [1]);
}

#[test]
fn after_failed_calls_the_outbox_waits_and_the_sixth_round_is_the_last() {
    let groups: Vec<_> = (0..60).map(|n| n.to_string()).collect();
    let groups: Vec<_> = groups.iter().map(String::as_str).collect();
    let mut outbox = outbox(PATIENT, &groups);
    let (mut now, mut waits, mut calls) = (NOW, Vec::new(), 0);
    while let Some(due) = outbox.due() {
        waits.push(due.duration_since(now).as_millis());
        now = now.max(due);
        let mut under_way = Vec::new();
        loop {
            let call = next(&mut outbox, now);
            if call.is_empty() {
                break;
            }
            under_way.push(call);
        }
        assert_eq!(under_way.len(), 4, "side by side");
        calls += under_way.len();
        for call in under_way {
            outbox.answered(&call, Err("no answer".to_owned()), now);
        }
    }
    // The first is at the beginning.
    waits[0] = 0;
    assert_eq!(waits, [0, 500, 1_000, 2_000, 4_000, 8_000]);
    assert_eq!((calls, outbox.why()), (24, Some("no answer")));
    assert!(!outbox.has_room() && outbox.taken() == 0);
}

#[test]
fn a_message_is_unknown_from_a_call_without_an_answer_until_a_later_call_is_accepted() {
    let mut outbox = outbox(PATIENT, &["a", "b"]);
    let call = next(&mut outbox, NOW);
    outbox.answered(&call, Ok(vec![refused(false), refused(false)]), NOW);
    assert!(!outbox.is_unknown(), "SQS said that it has neither");
    let call = next(&mut outbox, later(60_000));
    outbox.answered(&call, Err("no answer".to_owned()), later(60_000));
    assert!(outbox.is_unknown());
    let call = next(&mut outbox, later(120_000));
    outbox.answered(&call, Ok(vec![Ok(()), refused(false)]), later(120_000));
    assert!(outbox.is_unknown(), "one of both");
    let call = next(&mut outbox, later(180_000));
    outbox.answered(&call, Ok(vec![Ok(())]), later(180_000));
    assert!(!outbox.is_unknown());
}

#[test]
fn with_one_try_a_failed_entry_does_not_stop_other_groups() {
    let mut outbox = outbox(ONCE, &["a", "b", "a", "c", "b"]);
    let call = next(&mut outbox, NOW);
    assert_eq!(call, [0, 1, 3]);
    assert_eq!(
        outbox.answered(&call, Ok(vec![refused(false), Ok(()), Ok(())]), NOW),
        [1, 3]
    );
    assert!(!outbox.has_room(), "nothing more is taken in");
    assert_eq!(next(&mut outbox, NOW), [4]);
    outbox.answered(&[4], Ok(vec![Ok(())]), NOW);
    assert_eq!((outbox.due(), outbox.why()), (None, Some("InternalError")));
    assert_eq!((outbox.taken(), outbox.taken_beyond()), (0, vec![1, 3, 4]));
}

#[test]
fn after_a_message_that_can_never_be_accepted_nothing_more_is_sent() {
    let mut outbox = outbox(PATIENT, &["a", "b", "a"]);
    let call = next(&mut outbox, NOW);
    outbox.answered(&call, Ok(vec![Ok(()), refused(true)]), NOW);
    assert_eq!(next(&mut outbox, NOW), [0; 0]);
    assert_eq!((outbox.due(), outbox.faulty()), (None, &[1][..]));
}

#[test]
fn a_call_has_ten_messages_and_less_than_a_mebibyte_and_what_did_not_fit_is_not_overtaken() {
    let mut outbox = Outbox::new(PATIENT);
    for (group, bytes) in [("a", 900_000), ("b", 200_000), ("b", 1), ("c", 1)] {
        outbox.push(group.to_owned(), bytes, ());
    }
    assert_eq!(next(&mut outbox, NOW), [0, 3]);
    assert_eq!(next(&mut outbox, NOW), [1]);
    let groups: Vec<_> = (0..23).map(|n| n.to_string()).collect();
    let groups: Vec<_> = groups.iter().map(String::as_str).collect();
    let mut outbox = self::outbox(PATIENT, &groups);
    let sizes: Vec<_> = (0..4).map(|_| next(&mut outbox, NOW).len()).collect();
    assert_eq!(sizes, [10, 10, 3, 0]);
    let mut outbox = self::outbox(PATIENT, &groups);
    assert_eq!(outbox.next(NOW, 7).len(), 7, "there is no room for more");
    assert!(outbox.next(NOW, 0).is_empty());
}

#[test]
fn no_more_is_held_than_a_thousand_messages_or_eight_megabytes() {
    let mut outbox = Outbox::new(PATIENT);
    let mut held = 0;
    while outbox.has_room() {
        outbox.push("a".to_owned(), 100_000, ());
        held += 1;
    }
    assert_eq!(held, (8 << 20) / 100_000 + 1);
    let mut outbox = Outbox::new(PATIENT);
    let mut held = 0;
    while outbox.has_room() {
        outbox.push(held.to_string(), 100, ());
        held += 1;
    }
    assert_eq!(held, 1_000);
}

#[test]
fn an_entry_sent_by_an_earlier_run_is_counted_and_not_resent() {
    let mut outbox = outbox(PATIENT, &["a"]);
    outbox.push_taken();
    outbox.push("a".to_owned(), 1, ());
    assert_eq!((outbox.taken(), outbox.taken_beyond()), (0, vec![1]));
    assert_eq!(next(&mut outbox, NOW), [0]);
    outbox.answered(&[0], Ok(vec![Ok(())]), NOW);
    assert_eq!(outbox.taken(), 2);
    assert_eq!(next(&mut outbox, NOW), [2]);
}

proptest! {
    /// Whatever is refused, lost or late: each group arrives in its order and in full.
    #[test]
    fn each_group_arrives_in_its_order(
        groups in proptest::collection::vec(0u8..6, 1..80),
        calls in 1usize..6,
        chance in proptest::collection::vec((0u8..10, 0usize..6), 2_000),
    ) {
        // Messages are sent again as often as chance wants; the end of a run is tested above.
        let mut outbox = Outbox::new(Limits { calls, tries: u32::MAX });
        let (mut arrived, mut under_way, mut now) = (BTreeMap::<u8, Vec<u64>>::new(), Vec::new(), NOW);
        for (n, group) in groups.iter().enumerate() {
            outbox.push(group.to_string(), 1, (*group, n as u64));
        }
        let mut chance = chance.into_iter().cycle();
        for _ in 0..20_000 {
            if outbox.is_empty() {
                break;
            }
            let call = outbox.next(now, usize::MAX);
            if !call.is_empty() {
                under_way.push(call);
            }
            prop_assert!(under_way.len() <= calls);
            let mut groups: Vec<_> = under_way.iter().flatten().map(|(_, (group, _))| *group).collect();
            let all = groups.len();
            groups.sort_unstable();
            groups.dedup();
            prop_assert_eq!(groups.len(), all, "a group is under way twice");
            let (seen, which) = chance.next().unwrap();
            if under_way.is_empty() || seen < 3 {
                now += Duration::from_secs(2);
                continue;
            }
            let call = under_way.remove(which % under_way.len());
            let places: Vec<_> = call.iter().map(|(place, _)| *place).collect();
            let mut arrives = |(group, n): (u8, u64)| {
                let seen = arrived.entry(group).or_default();
                // SQS drops a message that is sent again as a duplicate.
                if !seen.contains(&n) {
                    seen.push(n);
                }
            };
            if seen == 3 {
                // SQS stored the messages, and the answer was lost.
                call.into_iter().for_each(|(_, message)| arrives(message));
                outbox.answered(&places, Err("timed out".to_owned()), now);
                now += Duration::from_mins(1);
                continue;
            }
            let answers = call.into_iter().enumerate().map(|(index, (_, message))| {
                if (index + usize::from(seen)).is_multiple_of(4) {
                    return refused(false);
                }
                arrives(message);
                Ok(())
            });
            let answers = answers.collect();
            outbox.answered(&places, Ok(answers), now);
            now += Duration::from_mins(1);
        }
        prop_assert!(outbox.is_empty());
        prop_assert_eq!(outbox.taken(), groups.len() as u64);
        for (group, seen) in arrived {
            prop_assert!(seen.is_sorted(), "group {group}: {seen:?}");
        }
    }
}
