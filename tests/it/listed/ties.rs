//! Opt-outs and opt-ins with the same rank.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_opt_out_is_listed_though_an_opt_in_of_the_same_rank_comes_after_it() {
    let world = by_phone();
    world.put("a", 1, "+1");
    let opt_in = change("a", 2).callable(true).with("eventId", "another");
    let done = world.apply([out("a", 2), opt_in]).await;
    assert_eq!(done.records.len(), 2, "one fold");
    assert!(!world.contact("a").1);
    assert_eq!(entries(&world), ["+1"]);
}
