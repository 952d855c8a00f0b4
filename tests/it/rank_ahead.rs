//! A rank that is a time too far ahead is refused. If it were stored, every later change would be
//! stale.

use serde_json::json;

use crate::support::{CAMPAIGN, VERSION_FIELD, World, change};

/// 2026-11-24T16:00:00Z, in milliseconds.
const NOW: u64 = 1_795_536_000_000;
const DAY: u64 = 86_400_000;
const END: u64 = 9_007_199_254_740_991;

async fn by_both(promise: impl AsyncFn(&World)) {
    for (world, api) in World::by_api() {
        world.put_secret(
            "acme",
            &json!({ "api": api, "versionUnit": "milliseconds" }),
        );
        promise(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rank_too_far_ahead_is_parked_and_spoils_nothing() {
    by_both(async |world| {
        world.put("a", NOW, "now");
        let changes = [
            change("a", END).phone("end"),
            change("a", NOW + DAY + 60_000).phone("later"),
            change("a", NOW + DAY - 60_000).phone("tomorrow"),
            change("b", END).phone("end"),
        ];
        let done = world.apply(changes).await;
        let parked = "parked: rankAhead";
        assert_eq!(done.records, [parked, parked, "updated", parked]);
        assert_eq!(world.column("a", "phone"), "tomorrow");
        assert!(!world.genesys.contacts(CAMPAIGN).contains_key("b"));
        assert_eq!(
            world.parked()[0]["detail"],
            "version: expected a time at most a day ahead of the clock, in the org's versionUnit"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_whose_rank_is_ahead_takes_effect_before_it_is_parked() {
    by_both(async |world| {
        for key in ["a", "b"] {
            world.put(key, NOW, "now");
        }
        let done = world
            .apply([
                change("a", END).phone("end").callable(false),
                change("b", END).remove(),
                change("c", END).callable(false),
                change("d", END).callable(true),
            ])
            .await;
        assert_eq!(done.records, ["parked: rankAhead"; 4]);
        for key in ["a", "b"] {
            let (data, callable) = world.contact(key);
            assert!(!callable, "{key}");
            assert_eq!(
                (data["phone"].as_str(), &data[VERSION_FIELD]),
                ("now", &format!("{NOW}:{NOW}-"))
            );
        }
        let contacts = world.genesys.contacts(CAMPAIGN);
        assert!(!contacts["c"].callable && !contacts.contains_key("d"));
        // The next change has a correct rank, and it is newer than what is stored.
        let done = world
            .apply([change("a", NOW + 1).phone("next").callable(true)])
            .await;
        assert_eq!(done.records, ["updated"]);
        assert!(world.contact("a").1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_that_cannot_be_written_yet_is_not_parked_yet() {
    by_both(async |world| {
        world.put("a", NOW, "now");
        world.genesys.add_fault(
            emulator::Fault::status("", 503)
                .any_method()
                .on("contacts")
                .times(9),
        );
        let done = world.apply([change("a", END).callable(false)]).await;
        assert_eq!(
            (done.failed.as_slice(), world.dead_letters.len()),
            (&[0][..], 0)
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_that_names_the_version_column_takes_effect_at_its_rank() {
    by_both(async |world| {
        world.put("a", 5, "5");
        let change = change("a", 7).column(VERSION_FIELD, json!("1")).phone("7");
        let done = world.apply([change.callable(false)]).await;
        assert_eq!(done.records, ["parked: reservedColumn"]);
        let (data, callable) = world.contact("a");
        assert_eq!(
            (
                data["phone"].as_str(),
                data[VERSION_FIELD].as_str(),
                callable
            ),
            ("5", "7:7-", false)
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn where_versions_are_counts_any_number_is_a_rank() {
    let world = World::new();
    let done = world.apply([change("a", END).phone("end")]).await;
    assert_eq!(done.records, ["created"]);
    assert_eq!(world.column("a", VERSION_FIELD), END.to_string());
}
