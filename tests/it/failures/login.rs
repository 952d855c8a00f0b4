//! Token and secret: one org's trouble is its own.

use std::sync::Arc;
use std::time::Duration;

use emulator::genesys::{Effect, Options};
use emulator::{Fault, Vault};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use io::secrets::{Secrets, SecretsError};
use secrecy::SecretString;
use serde_json::json;

use crate::support::{CAMPAIGN, ODD_WAITS, OTHER_CAMPAIGN, World, change, config, never_hammered};

const SECRET: &str = "campaign-sync/org/acme";

fn ten() -> impl Iterator<Item = crate::support::Change> {
    (0..10).map(|n| change(&format!("k{n}"), 1))
}

fn count(calls: &[String], call: &str) -> usize {
    calls.iter().filter(|other| *other == call).count()
}

#[tokio::test(start_paused = true)]
async fn many_waiters_share_one_token() {
    let world = World::new();
    let done = world.apply(ten()).await;
    assert_eq!(count(&done.calls, "token 200"), 1);
    assert_eq!(world.vault.reads(SECRET), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_no_header_can_hold_is_not_kept() {
    for token in ["abc\\ndef", "abc\\n", "\\u0000", "", " ", "\u{e9}"] {
        let world = World::new();
        let text = format!("{{\"access_token\": \"{token}\", \"expires_in\": 86400}}");
        world
            .genesys
            .add_fault(Fault::next("POST", Effect::Text(text)).on("/oauth"));
        let done = world.apply([change("a", 1)]).await;
        assert_eq!(done.records, ["created"], "{token:?}: asked for once more");
        assert_eq!(count(&done.calls, "token 200"), 2, "{token:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_runs_out() {
    let world = World::with(Options {
        token_life: Duration::from_mins(10),
        ..Options::default()
    });
    world.apply([change("a", 1)]).await;
    world.pass(Duration::from_secs(530)).await;
    assert_eq!(
        count(&world.apply([change("a", 2)]).await.calls, "token 200"),
        0
    );
    world.pass(Duration::from_secs(30)).await;
    let done = world.apply([change("a", 3)]).await;
    assert_eq!(done.calls[0], "token 200");
    assert_eq!(
        world
            .genesys
            .calls()
            .iter()
            .filter(|call| call.status == 401)
            .count(),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_401_one_new_token_is_fetched_for_all() {
    let world = World::new();
    world.apply([change("warm", 1)]).await;
    world.genesys.revoke_tokens();
    world.pass(Duration::from_secs(1)).await;
    let done = world.apply(ten()).await;
    assert_eq!(done.records, ["created"; 10]);
    assert_eq!(count(&done.calls, "token 200"), 1, "{:?}", done.calls);
    assert_eq!(
        done.calls
            .iter()
            .filter(|call| call.ends_with("401"))
            .count(),
        1,
        "who waits for a turn asks with the new one"
    );
    assert_eq!(world.vault.reads(SECRET), 1);
}

#[tokio::test(start_paused = true)]
async fn waiters_share_the_failure_of_the_one_who_fetches() {
    let world = World::with(Options {
        calls_per_minute: None,
        ..Options::default()
    });
    world.apply([change("warm", 1)]).await;
    world.genesys.revoke_tokens();
    let path = "/oauth".to_owned();
    world.genesys.add_fault(Fault {
        method: None,
        path,
        after: 0,
        times: 99,
        effect: Effect::Status(503, vec![]),
    });
    let done = world.apply(ten()).await;
    assert_eq!(done.failed.len(), 10);
    assert_eq!(
        done.calls
            .iter()
            .filter(|call| call.ends_with("401"))
            .count(),
        10,
        "all were under way"
    );
    assert_eq!(count(&done.calls, "token 503"), 3, "{:?}", done.calls);
}

#[tokio::test(start_paused = true)]
async fn a_403_stops_the_calls_that_wait_for_their_turn() {
    let world = World::new();
    world.genesys.forbid("client-of-acme", true);
    let done = world.apply(ten()).await;
    assert_eq!(done.failed.len(), 10);
    assert_eq!(done.calls, ["token 200", "GET k0 403"]);
}

#[tokio::test(start_paused = true)]
async fn a_429_of_the_token_endpoint_is_remembered() {
    let world = World::new();
    let effect = Effect::Status(429, vec![("retry-after", "60".to_owned())]);
    world.genesys.add_fault(Fault {
        method: None,
        path: "/oauth".into(),
        after: 0,
        times: 99,
        effect,
    });
    for n in 0..5 {
        world.apply([change(&format!("k{n}"), 1)]).await;
    }
    assert_eq!(
        world.genesys.calls().len(),
        1,
        "no call before the minute is over"
    );
}

#[tokio::test(start_paused = true)]
async fn a_429_of_the_token_endpoint_that_names_nothing_is_no_invitation() {
    for asked in ODD_WAITS {
        let world = World::new();
        let effect = Effect::Status(429, vec![("retry-after", asked.to_owned())]);
        let fault = Fault::next("", effect).any_method().on("/oauth");
        world.genesys.add_fault(fault.times(99));
        for n in 0..5 {
            world.apply([change(&format!("k{n}"), 1)]).await;
        }
        never_hammered(&world.genesys.calls(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotated_secret_is_picked_up_without_a_restart() {
    let world = World::new();
    world.apply([change("warm", 1)]).await;
    world.genesys.put_client("client-of-acme", "new");
    world.genesys.revoke_tokens();
    world.put_secret("acme", &json!({"clientSecret": "new"}));
    let done = world.apply(ten()).await;
    assert_eq!(
        done.records, ["created"; 10],
        "the token endpoint refused the old one, so the secret was read afresh"
    );
    assert_eq!(
        (
            count(&done.calls, "token 401"),
            count(&done.calls, "token 200")
        ),
        (1, 1)
    );
    assert_eq!(world.vault.reads(SECRET), 2);
}

#[tokio::test(start_paused = true)]
async fn after_two_401_the_secret_is_read_afresh_once() {
    let world = World::new();
    world.apply([change("warm", 1)]).await;
    world.genesys.add_fault(Fault::status("GET", 401).times(2));
    world.put_secret(
        "acme",
        &json!({"clientId": "client-of-other", "clientSecret": "secret-of-other"}),
    );
    let done = world
        .apply([change("a", 1).of("acme", "other-campaign")])
        .await;
    assert_eq!(done.records, ["created"]);
    assert_eq!(
        done.calls,
        [
            "GET a 401",
            "token 200",
            "GET a 401",
            "token 200",
            "GET a 404",
            "POST contacts 200"
        ]
    );
    assert_eq!(world.vault.reads(SECRET), 2);
}

/// The org is asked nothing for a minute, its changes come back after five, one person is told
/// once.
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
async fn a_forbidden_campaign_is_no_trouble_of_another_campaign_of_its_org() {
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

#[tokio::test(start_paused = true)]
async fn while_secrets_manager_does_not_answer_a_known_secret_serves_on() {
    let world = World::new();
    world.apply([change("a", 1)]).await;
    world.vault.fail(SECRET, SecretsError::Unavailable);
    world.pass(Duration::from_mins(6)).await;
    assert_eq!(world.apply([change("a", 2)]).await.records, ["updated"]);

    world.vault.set_latency(Duration::from_millis(2_800));
    world.pass(Duration::from_mins(1)).await;
    let done = world.apply(ten()).await;
    assert_eq!(done.records, ["created"; 10]);
    assert!(
        done.took < Duration::from_secs(4),
        "{:?}: it is asked once, not at every call",
        done.took
    );
    world.vault.set_latency(Duration::ZERO);

    let cold = world.copy(None, |_| ());
    world.send([change("a", 3)]);
    let done = world
        .invoke_copy(&cold, Some(Duration::from_secs(30)))
        .await;
    assert!(
        done.records[0].starts_with("retried in 1"),
        "{:?}: the backoff, since nobody has to act",
        done.records
    );
    assert_eq!(
        world
            .told()
            .iter()
            .filter(|told| told.contains("refused"))
            .count(),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn secrets_manager_is_not_waited_for_beyond_the_invocations_end() {
    let world = World::new();
    world.vault.set_latency(Duration::from_secs(60));
    world.send([change("a", 1)]);
    let done = world
        .invoke_copy(&world.context, Some(Duration::from_secs(6)))
        .await;
    assert!(
        done.records[0].starts_with("retried in 1"),
        "{:?}",
        done.records
    );
    assert_eq!(done.took, Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_is_not_well_is_asked_three_times_for_all_waiters_together() {
    for effect in [Effect::Status(503, vec![]), Effect::Lost { is_done: false }] {
        let world = World::new();
        world.genesys.add_fault(Fault {
            method: None,
            path: "/oauth".into(),
            after: 0,
            times: 2,
            effect: effect.clone(),
        });
        assert_eq!(world.apply(ten()).await.records, ["created"; 10]);

        let world = World::new();
        world.genesys.add_fault(Fault {
            method: None,
            path: "/oauth".into(),
            after: 0,
            times: 9,
            effect,
        });
        let done = world.apply(ten()).await;
        assert_eq!(done.failed.len(), 10);
        assert!(
            done.records[0].starts_with("retried in 1"),
            "{:?}",
            done.records
        );
        assert!(
            done.calls.iter().all(|call| call == "token 503"),
            "{:?}",
            done.calls
        );
        assert!(done.calls.len() <= 3);
    }
}

#[tokio::test(start_paused = true)]
async fn an_org_never_calls_with_another_orgs_token() {
    let world = World::new();
    let both = (0..5).flat_map(|n| {
        let key = format!("k{n}");
        [
            change(&key, 1),
            change(&key, 1).of("other", "other-campaign"),
        ]
    });
    assert_eq!(world.apply(both).await.records, ["created"; 10]);
    for call in world
        .genesys
        .calls()
        .iter()
        .filter(|call| call.client_id.is_some())
    {
        let is_others = call.path.contains("other-campaign");
        assert_eq!(
            call.client_id.as_deref(),
            Some(if is_others {
                "client-of-other"
            } else {
                "client-of-acme"
            })
        );
    }
}

/// Secrets of which one org's is not answered.
struct HangingSecret(Arc<Vault>);

impl Secrets for HangingSecret {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<SecretString, SecretsError>> {
        async move {
            if name.ends_with("/acme") {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            self.0.read(name).await
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn an_org_whose_secret_hangs_holds_no_batch_up_twice_in_a_row() {
    let world = World::new();
    let mut shared = world.shared(|_| ());
    shared.secrets = Arc::new(HangingSecret(Arc::clone(&world.vault)));
    let copy = apply::Context::new(shared, config(&world).1, Arc::clone(&world.sqs) as _);
    let time = Some(Duration::from_secs(30));
    world.send([change("a", 1)]);
    let waited = world.invoke_copy(&copy, time).await;
    assert_eq!(waited.failed, [0]);
    world.send([
        change("b", 1),
        change("c", 1).of("other", "other-campaign").remove(),
    ]);
    let done = world.invoke_copy(&copy, time).await;
    assert_eq!(done.records[1], "created");
    assert!(
        waited.took > Duration::from_secs(1) && done.took < Duration::from_secs(1),
        "{waited:?}, then {done:?}"
    );
}
