use proptest::prelude::*;

use super::*;
use crate::change::{IfAbsent, Operation};

/// Columns at a place.
fn placed() -> impl Strategy<Value = (Option<Rank>, Merged)> {
    let column = (
        prop::sample::select(vec!["a", "b"]),
        prop::option::of("[xyz]"),
    );
    let data = prop::collection::btree_map(
        column.clone().prop_map(|c| c.0.to_owned()),
        column.prop_map(|c| c.1),
        0..3,
    );
    (data, prop::option::of(0u64..4)).prop_map(|(data, number)| {
        let place = number.and_then(Rank::new);
        let operation = Operation::Upsert {
            data: Columns(data),
            callable: None,
            lowers: Lowered::default(),
        };
        let change = RankedChange {
            rank: place,
            if_absent: IfAbsent::Create,
            operation: &operation,
        };
        (place, Merged::of(&change, place))
    })
}

fn merged() -> impl Strategy<Value = Merged> {
    placed().prop_map(|(_, merged)| merged)
}

proptest! {
    // Nearly a third of the pairs have the same place, which the last property rejects.
    #![proptest_config(ProptestConfig { cases: 2_000, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn merging_is_associative(a in merged(), b in merged(), c in merged()) {
        let left = a.clone().then(b.clone()).then(c.clone());
        let right = a.then(b.then(c));
        prop_assert_eq!(left, right);
    }

    #[test]
    fn merging_is_idempotent(a in merged(), b in merged()) {
        prop_assert_eq!(a.clone().then(a.clone()), a.clone());
        let once = a.clone().then(b.clone());
        prop_assert_eq!(once.clone().then(b), once);
    }

    #[test]
    fn merging_is_independent_of_order_for_distinct_places((at, a) in placed(), (other, b) in placed()) {
        prop_assume!(at != other);
        prop_assert_eq!(a.clone().then(b.clone()), b.then(a));
    }
}
