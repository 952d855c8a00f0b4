//! The wait of a run for an export.

use super::*;

#[test]
fn a_wait_counts_the_invocations_in_a_row_that_did_nothing_else() {
    let input = run("16:00:00", &["a"]);
    let mut record = Record::default();
    let did = |began: &str, only_waited| Did {
        began: time(began),
        done: &[],
        cursor: None,
        goes_on: true,
        only_waited,
        message: "m",
        receives: 1,
        ended: time(began),
    };
    let times = ["16:00:00", "16:15:00"];
    for (place, began) in times.into_iter().enumerate() {
        record.note(&input, &did(began, true));
        let invocations = u32::try_from(place).unwrap() + 1;
        assert_eq!(record.waiting("m"), Some((time(times[0]), invocations)));
    }
    assert_eq!(record.waiting("another"), None);
    record.fail("m", 3, time(times[1]), &input.campaigns);
    assert_eq!(record.waiting("m"), Some((time(times[0]), 2)));
    record.note(&input, &did(times[1], false));
    assert_eq!(record.waiting("m"), None);
}
