//! Tests of which list a campaign draws on and which columns that list has: found once, kept for a
//! while, and looked up again if a call suggests that they changed. Writing contacts is in
//! [`super`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use emulator::Fault;
use emulator::genesys::Options;
use io::http::Transport;
use serde_json::json;

use super::{as_published, world};
use crate::support::{CAMPAIGN, COLUMNS, OTHER_CAMPAIGN, VERSION_FIELD, World, between, change};

#[tokio::test(start_paused = true)]
async fn the_list_of_a_campaign_is_cached_for_ten_minutes() {
    let world = world();
    world.apply([change("a", 1)]).await;
    world.pass(Duration::from_secs(9 * 60)).await;
    assert_eq!(world.apply([change("a", 2)]).await.calls.len(), 2);
    world.pass(Duration::from_secs(61)).await;
    let done = world.apply([change("a", 3)]).await;
    assert!(
        done.calls.contains(&format!("GET {CAMPAIGN} 200")),
        "{:?}",
        done.calls
    );
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_moves_to_another_list_is_followed_at_once() {
    let world = world();
    world.apply([change("a", 1)]).await;
    world.genesys.change_list(CAMPAIGN, "new-list");
    let done = world.apply([change("a", 2).phone("2")]).await;
    assert_eq!(done.records, ["updated"]);
    let (campaign, list) = (format!("GET {CAMPAIGN} 200"), "GET new-list 200".to_owned());
    assert_eq!(
        done.calls,
        [
            "POST bulk 404",
            &campaign,
            &list,
            "POST bulk 200",
            "POST contacts 200"
        ]
    );
    as_published(&world);
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_cannot_be_found_for_a_moment_parks_nothing() {
    let world = world();
    world.apply([change("a", 1)]).await;
    world.genesys.change_list(CAMPAIGN, "new-list");
    world
        .genesys
        .add_fault(Fault::status("GET", 404).on("campaigns"));
    let done = world.apply([change("a", 2)]).await;
    assert_eq!(done.failed, [0]);
    assert!(world.dead_letters.is_empty());
    world.pass(Duration::from_secs(20)).await;
    assert_eq!(world.invoke().await.records, ["updated"]);
}

#[tokio::test(start_paused = true)]
async fn a_column_that_the_list_lacks_parks_its_change_alone_and_without_a_write() {
    let world = world();
    world.put("a", 1, "1");
    let changes = [
        change("a", 2).phone("2"),
        change("a", 3)
            .column("nikname", json!("Ada"))
            .column("mail", json!("x")),
        change("b", 1)
            .column("nikname", json!(null))
            .column("mail", json!("")),
    ];
    let done = world.apply(changes).await;
    assert_eq!(
        done.records,
        ["updated", "parked: unknownColumn", "created"]
    );
    assert_eq!(
        done.calls
            .iter()
            .filter(|call| call.starts_with("POST contacts"))
            .count(),
        1
    );
    let detail = "data: expected only columns of the campaign's contact list, which has no \"mail\", \"nikname\"";
    assert_eq!(world.parked()[0]["detail"], detail);
    assert_eq!(
        (world.column("a", "phone"), world.column("a", "crmVersion")),
        ("2".into(), "2".into())
    );
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_with_an_unknown_column_is_parked_once_nobody_may_call() {
    let world = world();
    world.put("a", 1, "1");
    let optout = || {
        change("a", 3)
            .column("nikname", json!("Ada"))
            .callable(false)
    };
    world.apply([change("warm", 1)]).await;
    world
        .genesys
        .add_fault(Fault::status("POST", 503).on("contacts").times(6));
    let done = world.apply([optout()]).await;
    assert_eq!(done.failed, [0], "not parked before it is written");
    assert!(world.contact("a").1);
    world.pass(Duration::from_secs(20)).await;
    world
        .genesys
        .add_fault(Fault::status("POST", 503).on("nowhere"));
    loop {
        let done = world.invoke().await;
        if done.failed.is_empty() {
            assert_eq!(done.records, ["parked: unknownColumn"]);
            break;
        }
        world.pass(Duration::from_mins(2)).await;
    }
    let (data, callable) = world.contact("a");
    assert_eq!(
        (
            data["phone"].as_str(),
            data["crmVersion"].as_str(),
            callable
        ),
        ("1", "3:3-", false)
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_without_the_version_column_closes_its_campaign_once() {
    let world = world();
    world.put_secret(
        "acme",
        &json!({ "api": "contactLists", "versionField": "rank" }),
    );
    let changes = [
        change("a", 1),
        change("b", 1),
        change("c", 1).of("acme", OTHER_CAMPAIGN),
    ];
    let done = world.apply(changes).await;
    assert_eq!(done.failed, [0, 1, 2]);
    assert!(
        done.records
            .iter()
            .all(|record| crate::support::seconds(record) >= 300),
        "{:?}",
        done.records
    );
    let told: Vec<_> = world
        .told()
        .into_iter()
        .filter(|told| told.contains("refused"))
        .collect();
    assert_eq!(told.len(), 2, "once a campaign: {told:?}");
    assert!(told[0].contains("expected the column \"rank\""), "{told:?}");
    assert!(world.dead_letters.is_empty());
    let calls = world.genesys.calls().len();
    world.apply([change("d", 1)]).await;
    assert_eq!(world.genesys.calls().len(), calls, "no call for a minute");
}

/// A column of numbers holds ranks but no marks.
#[tokio::test(start_paused = true)]
async fn a_version_column_of_numbers_closes_its_campaign_like_a_missing_one() {
    let world = world();
    world.genesys.type_column(
        CAMPAIGN,
        json!({ "columnName": VERSION_FIELD, "columnDataType": "NUMERIC" }),
    );
    let changes = [change("a", 1), change("b", 1).of("acme", OTHER_CAMPAIGN)];
    let done = world.apply(changes).await;
    assert_eq!((done.failed, &*done.records[1]), (vec![0], "created"));
    let told = world.told().join(" ");
    let expected =
        format!("expected the column {VERSION_FIELD:?} to take any text of 34 characters");
    assert!(told.contains(&expected), "{told}");
    assert!(world.dead_letters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_changes_between_read_and_write_is_read_before_it_is_written() {
    let world = world();
    world.apply([change("a", 1).phone("1")]).await;
    world.put("a", 9, "9");
    // The write goes to a list that the campaign no longer draws on.
    world.send([change("a", 2).phone("2").callable(true)]);
    let copy = world.copy(Some(moving(&world)), |_| {});
    let done = world
        .invoke_copy(&copy, Some(Duration::from_secs(30)))
        .await;
    assert_eq!(done.records, ["stale"], "{:?}", done.calls);
    assert_eq!(
        (world.column("a", "phone"), world.contact("a").1),
        ("9".into(), false)
    );
}

/// After the first bulk read, which finds nobody, the campaign draws on another list. There the
/// contact has opted out.
fn moving(world: &World) -> Arc<dyn Transport> {
    between(&world.genesys, |genesys, request, timeout| async move {
        let is_first_read = request.uri().path()
            == format!("/api/v2/outbound/contactlists/list-of-{CAMPAIGN}/contacts/bulk");
        let answer = genesys.send(request, timeout).await?;
        if !is_first_read {
            return Ok(answer);
        }
        genesys.change_list(CAMPAIGN, "new-list");
        let columns = [(VERSION_FIELD, "9"), ("phone", "9")];
        genesys.put_contact(CAMPAIGN, "a", &columns, false);
        Ok(answer.map(|_| Bytes::from_static(b"[]")))
    })
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_not_found_though_its_campaign_names_it_is_tried_again_later() {
    let world = world();
    world.apply([change("a", 1)]).await;
    world
        .genesys
        .add_fault(Fault::status("POST", 404).on("bulk"));
    let done = world.apply([change("a", 2)]).await;
    assert_eq!(done.failed, [0]);
    assert_eq!(done.calls.len(), 3, "{:?}", done.calls);
    assert!(world.dead_letters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_column_that_a_new_list_lacks_is_never_dropped_silently() {
    let world = world();
    world.apply([change("a", 1)]).await;
    world.put_campaign("acme", CAMPAIGN, Some(&["phone", VERSION_FIELD]));
    world.genesys.change_list(CAMPAIGN, "new-list");
    let done = world
        .apply([change("a", 2).column("nickname", json!("Ada"))])
        .await;
    assert_eq!(done.records, ["parked: rejected"]);
}

#[tokio::test(start_paused = true)]
async fn the_columns_of_nine_lists_are_read_again_side_by_side() {
    let slow = Options {
        latency: Duration::from_millis(900),
        ..Options::default()
    };
    let world = World::of_lists(slow);
    let campaigns: Vec<_> = (0..9).map(|n| format!("campaign-of-list-{n}")).collect();
    for campaign in &campaigns {
        world.put_campaign("acme", campaign, Some(&COLUMNS));
    }
    let misspelt = |version: u64| {
        let of = move |campaign: &String| change("a", version).of("acme", campaign);
        campaigns.iter().map(of)
    };
    world.apply(misspelt(1)).await;
    let changes = misspelt(2).map(|change| change.column("nikname", json!("Ada")));
    let done = world.apply(changes).await;
    assert_eq!(done.records, ["parked: unknownColumn"; 9]);
    assert!(
        done.took < Duration::from_secs(8),
        "two calls a list, one list after the other, take 16 s: {:?}",
        done.took
    );
}

#[tokio::test(start_paused = true)]
async fn the_columns_are_read_again_before_a_change_is_parked() {
    let world = world();
    world.apply([change("a", 1)]).await;
    // The campaign's list has got another column.
    world.put_campaign("acme", CAMPAIGN, Some(&["phone", "mail", VERSION_FIELD]));
    let done = world
        .apply([change("b", 1).column("mail", json!("x"))])
        .await;
    assert_eq!(done.records, ["created"], "{:?}", done.calls);
    assert_eq!(world.column("b", "mail"), "x");
}

#[tokio::test(start_paused = true)]
async fn a_column_that_the_list_loses_costs_only_the_changes_that_name_it() {
    let world = world();
    world.apply([change("warm", 1)]).await;
    world.put_campaign("acme", CAMPAIGN, Some(&["phone", VERSION_FIELD]));
    let held = [(VERSION_FIELD, "1"), ("phone", "1"), ("nickname", "Ada")];
    for key in ["a", "out"] {
        world.genesys.put_contact(CAMPAIGN, key, &held, true);
    }
    let done = world
        .apply([
            change("a", 2).phone("2"),
            change("out", 2).callable(false),
            change("new", 2).phone("2"),
        ])
        .await;
    assert_eq!(done.records, ["updated", "updated", "created"]);
    let (campaign, list) = (
        format!("GET {CAMPAIGN} 200"),
        format!("GET list-of-{CAMPAIGN} 200"),
    );
    assert_eq!(
        done.calls,
        [
            "POST bulk 200",
            "POST contacts 400",
            &campaign,
            &list,
            "POST contacts 200"
        ]
    );
    assert!(!world.contact("out").1);
    assert!(world.dead_letters.is_empty());
    as_published(&world);
}

#[tokio::test(start_paused = true)]
async fn if_a_list_that_lost_a_column_cannot_be_read_again_no_change_is_parked() {
    let world = world();
    world.apply([change("warm", 1)]).await;
    world.put_campaign("acme", CAMPAIGN, Some(&["phone", VERSION_FIELD]));
    let held = [(VERSION_FIELD, "1"), ("phone", "1"), ("nickname", "Ada")];
    world.genesys.put_contact(CAMPAIGN, "a", &held, true);
    let fault = Fault::status("GET", 503).on("/campaigns/").times(3);
    world.genesys.add_fault(fault);
    world.apply([change("a", 2).phone("2")]).await;
    assert!(world.dead_letters.is_empty(), "{:?}", world.parked());
    assert_eq!(world.column("a", "phone"), "2");
}

#[tokio::test(start_paused = true)]
async fn a_column_that_the_list_gains_costs_no_change() {
    let world = world();
    world.apply([change("warm", 1)]).await;
    world.put_campaign("acme", CAMPAIGN, Some(&["phone", "mail", VERSION_FIELD]));
    let done = world.apply([change("a", 2).phone("2")]).await;
    assert_eq!(done.records, ["created"], "{:?}", done.calls);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_names_a_lost_column_is_parked_alone_and_its_opt_out_takes_effect() {
    let world = world();
    world.apply([change("warm", 1)]).await;
    world.put_campaign("acme", CAMPAIGN, Some(&["phone", VERSION_FIELD]));
    world.put("a", 1, "1");
    world.put("named", 1, "1");
    let named = change("named", 2).column("nickname", json!("Ada"));
    let done = world
        .apply([named.callable(false), change("a", 2).phone("2")])
        .await;
    assert_eq!(done.records, ["parked: rejected", "updated"], "{done:?}");
    assert!(!world.contact("named").1);
    let looks = done
        .calls
        .iter()
        .filter(|call| call.starts_with("GET list"));
    assert_eq!(looks.count(), 1, "{:?}", done.calls);
}
