//! An org's secret: it is rotated, and it is used while Secrets Manager does not answer. Tokens and
//! refused logins are in `login`.

use std::sync::Arc;
use std::time::Duration;

use emulator::{Fault, Vault};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use io::secrets::{Secrets, SecretsError};
use secrecy::SecretString;
use serde_json::json;

use super::login::{SECRET, count, ten};
use crate::support::{World, change, config};

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

#[tokio::test(start_paused = true)]
async fn while_secrets_manager_does_not_answer_a_cached_secret_is_used() {
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
    assert_eq!(world.refusals(), 0);
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

/// Secrets Manager, which does not answer for one org.
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
async fn an_org_whose_secret_hangs_does_not_hold_up_two_batches_in_a_row() {
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
