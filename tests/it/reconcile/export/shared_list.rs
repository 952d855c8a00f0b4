//! Two campaigns draw on one contact list. Nobody is removed because the feed of one of them does
//! not list them.

use super::unknown::{filled, input, removed};
use super::*;

#[tokio::test(start_paused = true)]
async fn nobody_is_removed_from_a_list_that_another_campaign_draws_on_too() {
    let run = filled();
    run.world
        .genesys
        .change_list(OTHER_CAMPAIGN, &format!("list-of-{CAMPAIGN}"));
    for force in [false, true] {
        let input = reconcile::Input {
            force,
            ..input(&run)
        };
        let error = removed(&run, input, &|| false).await.unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("1 more campaign draws on its contact list") && error.contains(CAMPAIGN),
            "{error}"
        );
    }
    assert!(run.queued().is_empty());
}
