//! Consent. No change of the CRM brings back a contact that the dialler took out, and among the
//! CRM's own decisions the one with the highest rank stands. Opt-outs by channel are in `channels`,
//! and contacts that left a campaign in `leave`.

use std::time::Duration;

use emulator::genesys::Options;
use http::Method;
use io::http::Transport;
use serde_json::json;

use crate::support::{CAMPAIGN, Change, VERSION_FIELD, World, between, by_both, change};

/// The outcome of one invocation with these changes, and the contact `a` afterwards.
async fn made(world: &World, changes: impl IntoIterator<Item = Change>) -> String {
    let done = world.apply(changes).await;
    let callable = if world.contact("a").1 {
        "callable"
    } else {
        "not"
    };
    let version = world.column("a", VERSION_FIELD);
    format!("{}: {callable} {version}", done.records.join(", "))
}

fn says(version: u64, callable: bool) -> Change {
    change("a", version)
        .phone(&version.to_string())
        .callable(callable)
}

fn unranked(id: &str, callable: bool) -> Change {
    let change = change("a", 0).without("version").callable(callable);
    change.with("eventId", id)
}

fn wish(world: &World, raise: &str) {
    let calls = world.genesys.calls();
    let is_of_lists = calls
        .iter()
        .any(|call| call.path.contains("/contactlists/"));
    let api = if is_of_lists {
        "contactLists"
    } else {
        "predictive"
    };
    world.put_secret("acme", &json!({ "api": api, "raise": raise }));
}

#[tokio::test(start_paused = true)]
async fn no_later_change_brings_back_a_contact_that_an_agent_took_out() {
    by_both(async |world| {
        assert_eq!(made(world, [says(1, true)]).await, "created: callable 1:1+");
        world.genesys.lower(CAMPAIGN, "a");
        // The CRM repeats `callable: true` in every change.
        assert_eq!(
            made(world, [says(2, true)]).await,
            "updated, kept: not 2:2+"
        );
        assert_eq!(world.column("a", "phone"), "2", "the rest is written");
        tokio::time::advance(Duration::from_mins(6)).await;
        assert_eq!(
            made(world, [says(2, true)]).await,
            "unchanged, kept: not 2:2+"
        );
        // The CRM opts the contact out and in again: by single changes, in a fold, and by a late
        // change.
        assert_eq!(made(world, [says(3, false)]).await, "updated: not 3:3!");
        assert_eq!(
            made(world, [says(4, true)]).await,
            "updated, kept: not 4:4+"
        );
        let folded = [change("a", 5).remove(), says(6, true)];
        assert_eq!(
            made(world, folded).await,
            "superseded, updated, kept: not 6:6+"
        );
        assert_eq!(
            made(world, [change("a", 9).phone("9")]).await,
            "updated: not 9:6+"
        );
        assert_eq!(made(world, [says(8, false)]).await, "updated: not 9:8!");
        assert_eq!(
            made(world, [unranked("in", true)]).await,
            "unchanged, kept: not 9:8!"
        );
        // A person makes the contact callable again. From then on the CRM decides.
        let column = [(VERSION_FIELD, "9:8!"), ("phone", "9")];
        world.genesys.put_contact(CAMPAIGN, "a", &column, true);
        assert_eq!(made(world, [says(10, false)]).await, "updated: not 10:10-");
        assert_eq!(
            made(world, [says(11, true)]).await,
            "updated: callable 11:11+"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_contact_that_opts_out_and_in_again_in_the_crm_is_called_again() {
    by_both(async |world| {
        assert_eq!(made(world, [says(1, true)]).await, "created: callable 1:1+");
        assert_eq!(made(world, [says(2, false)]).await, "updated: not 2:2-");
        let silent = change("a", 3).phone("3");
        assert_eq!(made(world, [silent]).await, "updated: not 3:2-");
        let before = world.genesys.calls().len();
        assert_eq!(made(world, [says(4, true)]).await, "updated: callable 4:4+");
        assert_eq!(world.genesys.calls().len() - before, 2, "no further call");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_newest_decision_stands_in_whatever_order_changes_arrive() {
    by_both(async |world| {
        assert_eq!(
            made(world, [says(10, true)]).await,
            "created: callable 10:10+"
        );
        assert_eq!(
            made(world, [says(5, false)]).await,
            "stale: callable 10:10+"
        );
        // The stored columns are newer than the opt-out, but the opt-out is newer than the last
        // opt-in.
        let silent = change("a", 20).phone("20");
        assert_eq!(made(world, [silent]).await, "updated: callable 20:10+");
        assert_eq!(made(world, [says(15, false)]).await, "updated: not 20:15-");
        assert_eq!(made(world, [says(14, true)]).await, "stale: not 20:15-");
        assert_eq!(
            made(world, [says(16, true)]).await,
            "updated: callable 20:16+"
        );
        assert_eq!(
            made(world, [says(16, false).with("eventId", "out")]).await,
            "updated: not 20:16-"
        );
        assert_eq!(
            world.column("a", "phone"),
            "20",
            "and none of its columns is written"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn changes_without_a_rank_bring_nobody_back_either() {
    by_both(async |world| {
        assert_eq!(
            made(world, [unranked("1", true)]).await,
            "created: callable "
        );
        assert_eq!(made(world, [unranked("2", false)]).await, "updated: not :-");
        assert_eq!(
            made(world, [unranked("3", true)]).await,
            "updated: callable :!"
        );
        world.genesys.lower(CAMPAIGN, "a");
        assert_eq!(
            made(world, [unranked("4", true)]).await,
            "unchanged, kept: not :!"
        );
        assert_eq!(
            made(world, [unranked("5", false)]).await,
            "unchanged: not :!"
        );
        assert_eq!(
            made(world, [unranked("6", true)]).await,
            "unchanged, kept: not :!"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_org_may_choose_that_every_opt_in_counts_or_none() {
    by_both(async |world| {
        made(world, [says(1, true)]).await;
        world.genesys.lower(CAMPAIGN, "a");
        wish(world, "always");
        tokio::time::advance(Duration::from_mins(6)).await;
        assert_eq!(made(world, [says(2, true)]).await, "updated: callable 2:2+");
        assert_eq!(made(world, [says(3, false)]).await, "updated: not 3:3-");
        wish(world, "never");
        tokio::time::advance(Duration::from_mins(6)).await;
        assert_eq!(
            made(world, [says(4, true)]).await,
            "updated, kept: not 4:3-"
        );
        assert_eq!(
            world.apply([change("b", 4).callable(true)]).await.records,
            ["created"]
        );
        assert!(world.contact("b").1, "a created contact may be called");
    })
    .await;
}

/// Needs an update that keeps `callable` when it omits it (docs/genesys-cloud.md "Unknown").
#[tokio::test(start_paused = true)]
async fn a_contact_that_is_taken_out_between_the_read_and_the_write_of_an_opt_in_stays_out() {
    for world in [World::new(), World::of_lists(Options::default())] {
        let world = &world;
        made(world, [says(1, true)]).await;
        let line = between(&world.genesys, |genesys, request, timeout| {
            let is_of_list = request.uri().path().ends_with("/contacts");
            if request.method() == Method::PATCH || is_of_list {
                genesys.lower(CAMPAIGN, "a");
            }
            async move { genesys.send(request, timeout).await }
        });
        world.send([says(2, true)]);
        let copy = world.copy(Some(line), |_| {});
        let done = world
            .invoke_copy(&copy, Some(Duration::from_secs(30)))
            .await;
        assert_eq!(done.records, ["updated"]);
        assert_eq!(
            (world.contact("a").1, world.column("a", "phone")),
            (false, "2".to_owned())
        );
        assert_eq!(
            made(world, [says(3, true)]).await,
            "updated, kept: not 3:3+"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_that_its_batch_undoes_leaves_the_same_mark_as_by_itself() {
    for is_folded in [false, true] {
        by_both(async |world| {
            // A person made a contact callable that campaign-sync had made not callable.
            world
                .genesys
                .put_contact(CAMPAIGN, "a", &[(VERSION_FIELD, "5:5-")], true);
            let both = [unranked("out", false), unranked("in", true)];
            if is_folded {
                made(world, both).await;
            } else {
                for one in both {
                    made(world, [one]).await;
                }
            }
            world.genesys.lower(CAMPAIGN, "a");
            let end = made(world, [change("a", 6).callable(true)]).await;
            assert_eq!(end, "updated, kept: not 6:6+", "folded: {is_folded}");
        })
        .await;
    }
}
