//! Runs one promise by both APIs.

use std::time::Duration;

use emulator::genesys::{ListReadings, Options};

use super::{World, openapi};

/// Runs a promise by each API, and checks the calls against the published specification.
pub(crate) async fn by_both(promise: impl AsyncFn(&World)) {
    for world in [
        World::new(),
        World::of_lists(Options::default()),
        World::of_lists(Options {
            list_updates_merge: true,
            ..Options::default()
        }),
        // This service behaves otherwise in all that makes a difference to what is sent
        // (docs/genesys-cloud.md "Unknown").
        World::of_lists(Options {
            omitted_callable_is_true: true,
            counts_each_token: true,
            lists: ListReadings {
                fold_case: true,
                answer_in_another_order: true,
                search_lag: Duration::from_mins(1),
                ..ListReadings::default()
            },
            ..Options::default()
        }),
    ] {
        promise(&world).await;
        assert_eq!(openapi::faults(&world.genesys.calls()), [""; 0]);
    }
}
