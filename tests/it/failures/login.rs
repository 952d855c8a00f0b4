//! Tokens and secrets: the trouble of one org stays with that org. Secrets that are rotated or
//! cannot be read are in `secrets`, and refusals after the login in `closed`.

use std::time::Duration;

use emulator::Fault;
use emulator::genesys::{Effect, Options};

use crate::support::{ODD_WAITS, World, change, never_hammered};

pub(super) const SECRET: &str = "campaign-sync/org/acme";

pub(super) fn ten() -> impl Iterator<Item = crate::support::Change> {
    (0..10).map(|n| change(&format!("k{n}"), 1))
}

pub(super) fn count(calls: &[String], call: &str) -> usize {
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
async fn a_token_that_fits_into_no_header_is_not_cached() {
    for token in ["abc\\ndef", "abc\\n", "\\u0000", "", " ", "\u{e9}"] {
        let world = World::new();
        let text = format!("{{\"access_token\": \"{token}\", \"expires_in\": 86400}}");
        world
            .genesys
            .add_fault(Fault::next("POST", Effect::Text(text)).on("/oauth"));
        let done = world.apply([change("a", 1)]).await;
        assert_eq!(
            done.records,
            ["created"],
            "{token:?}: a second token is requested"
        );
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
        "calls that wait for their turn use the new token"
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
async fn a_429_of_the_token_endpoint_without_a_wait_is_not_retried_at_once() {
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
async fn a_failing_token_endpoint_is_tried_three_times_for_all_waiters_together() {
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
