//! A refused org, or a refused campaign of an org, is left alone for a while, and its changes wait.
//! AWS services that do not answer are in `aws`, and refused logins in `login`.

use std::time::Duration;

use emulator::Fault;
use io::secrets::SecretsError;
use serde_json::json;

use super::login::{SECRET, ten};
use crate::support::{CAMPAIGN, OTHER_CAMPAIGN, World, change};

#[tokio::test(start_paused = true)]
async fn a_403_stops_the_calls_that_wait_for_their_turn() {
    let world = World::new();
    world.genesys.forbid("client-of-acme", true);
    let done = world.apply(ten()).await;
    assert_eq!(done.failed.len(), 10);
    assert_eq!(done.calls, ["token 200", "GET k0 403"]);
}

/// Checks that the org gets no calls for a minute, that its changes come back after five, and that
/// the refusal is reported once.
async fn assert_closed(world: &World, calls: &[&str], whose: &str) {
    let done = world
        .apply([
            change("a", 1),
            change("a", 2),
            change("b", 1).of("other", "other-campaign"),
        ])
        .await;
    assert_eq!(done.failed, [0, 1]);
    assert_eq!(done.records[2], "created", "the other org goes on");
    let of_acme: Vec<_> = done
        .calls
        .iter()
        .filter(|call| calls.contains(&call.as_str()))
        .collect();
    assert_eq!(of_acme, calls);
    for retried in [&done.records[0], &done.records[1]] {
        assert!(
            retried.as_str() >= "retried in 300 s" && retried.as_str() <= "retried in 315 s",
            "{retried}"
        );
    }
    let told = || {
        world
            .told()
            .iter()
            .filter(|told| told.starts_with(&format!("! {whose} refused")))
            .count()
    };
    assert_eq!(told(), 1);

    let before = world.genesys.calls().len();
    world.pass(Duration::from_secs(30)).await;
    assert_eq!(
        world.apply([change("c", 1), change("d", 1)]).await.failed,
        [0, 1]
    );
    assert_eq!(
        world.genesys.calls().len(),
        before,
        "no call is made for it"
    );
    assert_eq!(told(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_org_whose_401_stays_is_left_alone_for_a_minute() {
    let world = World::new();
    world
        .genesys
        .add_fault(Fault::status("GET", 401).on("/contacts/a").times(99));
    assert_closed(&world, &["GET a 401", "GET a 401"], "acme").await;
    assert_eq!(
        world.vault.reads(SECRET),
        2,
        "read afresh once; it is the same, so a third call would be wasted"
    );
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_is_forbidden_is_left_alone_and_repaired_without_a_restart() {
    let world = World::new();
    world.genesys.forbid("client-of-acme", true);
    assert_closed(&world, &["GET a 403"], CAMPAIGN).await;
    world.genesys.forbid("client-of-acme", false);
    world.pass(Duration::from_mins(6)).await;
    assert_eq!(
        world.invoke().await.records,
        ["superseded", "created", "created", "created"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_campaign_does_not_hold_up_another_campaign_of_its_org() {
    let world = World::new();
    let forbidden = Fault::status("GET", 403).on(OTHER_CAMPAIGN);
    world.genesys.add_fault(forbidden.times(1_000));
    for minute in 0..60u64 {
        let bad = change(&format!("bad-{minute}"), 1).of("acme", OTHER_CAMPAIGN);
        let opt_out = change(&format!("k{minute}"), 1).callable(false);
        world.send([bad, opt_out.clone()]);
        while !world.queue.is_empty() && world.queue.in_flight().len() < world.queue.len() {
            world.invoke().await;
        }
        assert!(
            !world.contact(&format!("k{minute}")).1,
            "minute {minute}: it is applied at once"
        );
        world.pass(Duration::from_mins(1)).await;
    }
    assert!(world.dead_letters.is_empty(), "{:?}", world.parked());
}

#[tokio::test(start_paused = true)]
async fn an_org_that_gets_no_token_is_left_alone() {
    for (secret, status) in [
        (json!({"clientSecret": "wrong"}), 401),
        (json!({"clientId": "nobody"}), 400),
    ] {
        let world = World::new();
        world.put_secret("acme", &secret);
        assert_closed(&world, &[&format!("token {status}")], "acme").await;
        assert_eq!(world.vault.reads(SECRET), 2);
        world.put_secret("acme", &json!({}));
        world.pass(Duration::from_mins(6)).await;
        assert_eq!(
            world.invoke().await.failed,
            [0; 0],
            "the repaired secret is read"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_org_without_a_good_secret_is_left_alone() {
    for error in [SecretsError::Missing, SecretsError::Denied] {
        let world = World::new();
        world.vault.fail(SECRET, error);
        assert_closed(&world, &[], "acme").await;
        assert_eq!(world.vault.reads(SECRET), 1);
        assert!(
            world
                .told()
                .iter()
                .any(|told| told == &format!("! acme refused: secret {SECRET}: {error}"))
        );
    }
    let world = World::new();
    world.put_secret("acme", &json!({"region": "evil.example.com"}));
    assert_closed(&world, &[], "acme").await;
    let named = "the secret is malformed: region: expected an AWS region of Genesys Cloud";
    assert!(
        world.told().iter().any(|told| told.ends_with(named)),
        "{:?}",
        world.told()
    );
}
