//! The actions of the console's own page on the embedded parts: change a contact, make calls fail,
//! lose webhooks, reconcile.
//!
//! The page itself is `crate::console::local`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use emulator::genesys::CONTROL_PREFIX;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ingest::auth::{self, SignedRequest};
use io::secrets::{Auth, SourceSecret};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;

use super::super::vendor::Sample;
use super::super::world::World;
use crate::console::{Action, Failing, Local};
use crate::table::counted;
use crate::{made_up, webhook};

/// How many lines are kept.
const MAX_LINES: usize = 200;
/// How many contacts the made-up CRM changes, one after the other.
const PEOPLE: u64 = 12;

/// The embedded parts. They are set once they have started.
#[derive(Default)]
pub(super) struct Actions {
    parts: OnceLock<(Arc<World>, Arc<[Sample]>)>,
    drops: AtomicBool,
    lines: Mutex<VecDeque<String>>,
    changes: Mutex<u64>,
}

impl Actions {
    /// Sets the embedded parts.
    pub(super) fn act_on(&self, world: &Arc<World>, samples: &Arc<[Sample]>) {
        let _ = self.parts.set((Arc::clone(world), Arc::clone(samples)));
    }

    /// Keeps a line about an event.
    pub(super) fn record(&self, now: Timestamp, line: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.truncate(MAX_LINES - 1);
        lines.push_front(format!("{} {line}", now.strftime("%H:%M:%S")));
    }

    fn parts(&self) -> Result<&(Arc<World>, Arc<[Sample]>), String> {
        self.parts.get().ok_or_else(|| "not yet served".to_owned())
    }

    async fn done(&self, deed: Action) -> Result<String, String> {
        let (world, samples) = self.parts()?;
        match deed {
            Action::Change(None) => self.change(world).await,
            Action::Change(Some(source)) => {
                let sample = samples.iter().find(|sample| sample.source == source);
                let sample = sample.ok_or("there is no such sender")?;
                let secret = SecretString::from(sample.secret.to_string());
                let secret = SourceSecret::parse(&secret).map_err(|error| error.to_string())?;
                let body = sample.body(world.outside.clock.now().as_millisecond());
                self.send(world, (sample.source, false), &secret.auth, &body)
                    .await
            }
            Action::Fail(failing, times) => fail(world, failing, times),
            Action::Heal => {
                world
                    .outside
                    .genesys
                    .control("DELETE", &format!("{CONTROL_PREFIX}faults"), b"");
                Ok("Genesys Cloud is well again.".to_owned())
            }
            Action::Drop(drops) => {
                self.drops.store(drops, Ordering::Relaxed);
                Ok(match drops {
                    true => "Webhooks get lost from now on.",
                    false => "Webhooks come through again.",
                }
                .to_owned())
            }
            Action::Reconcile => self.reconcile(world).await,
        }
    }

    /// Lets the made-up CRM change one of its contacts.
    async fn change(&self, world: &World) -> Result<String, String> {
        let count = {
            let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
            *changes += 1;
            *changes
        };
        let (org, campaign) = made_up::CAMPAIGNS[0];
        let now = world.outside.clock.now().as_millisecond();
        let key = format!("LEAD-{:05}", count % PEOPLE);
        let mut contact = json!({
            "campaignId": campaign, "contactKey": key, "version": now, "callable": !count.is_multiple_of(5),
            "data": { "phone": format!("+1317555{:04}", count % 10_000), "firstName": "Ada" },
        });
        world.feed.put(contact.clone());
        contact["eventId"] = format!("evt_{now}").into();
        let secret = SecretString::from(made_up::of_org(org).to_string());
        let secret = SourceSecret::parse(&secret).map_err(|error| error.to_string())?;
        let source = made_up::source_of(org);
        self.send(world, (&source, true), &secret.auth, &contact.to_string())
            .await
    }

    async fn send(
        &self,
        world: &World,
        (source, is_in_feed): (&str, bool),
        auth: &Auth,
        body: &str,
    ) -> Result<String, String> {
        if self.drops.load(Ordering::Relaxed) {
            self.record(
                world.outside.clock.now(),
                &format!("lost        a webhook of {source}"),
            );
            let found = if is_in_feed {
                "reconcile finds what it said"
            } else {
                "reconcile does not find what it said, as the made-up feed lists only what \"Change a contact\" changes"
            };
            return Ok(format!(
                "The webhook of {source} got lost on its way: {found}."
            ));
        }
        let sent: SignedRequest = auth::sent(auth, body, world.outside.clock.now())?;
        let answer = ingest::handle(&world.ingest, webhook::request(source, &sent)).await;
        Ok(format!(
            "The webhook of {source} was answered {}.",
            answer.status().as_u16()
        ))
    }

    async fn reconcile(&self, world: &World) -> Result<String, String> {
        let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (org, campaign) in made_up::CAMPAIGNS {
            all.entry(org).or_default().push(campaign);
        }
        let (mut checked, mut enqueued) = (0, 0);
        for (org, campaigns) in all {
            let input = json!({ "org": org, "campaignIds": campaigns, "force": true });
            let answer = world.reconcile_once(input).await?;
            checked += answer.checked;
            enqueued += answer.enqueued;
        }
        let (checked, enqueued) = (counted(checked, "contact"), counted(enqueued, "change"));
        Ok(format!(
            "Reconcile compared {checked} and enqueued {enqueued}."
        ))
    }
}

fn fail(world: &World, failing: Failing, times: u64) -> Result<String, String> {
    let mut fault = match failing {
        Failing::Unavailable => json!({ "status": 503 }),
        Failing::Throttled => json!({ "status": 429, "retryAfter": 5 }),
        Failing::Slow => json!({ "slowMs": 3_000 }),
        Failing::Lost => json!({ "hang": "after" }),
    };
    fault["path"] = "contacts".into();
    fault["times"] = times.into();
    let body = fault.to_string();
    let path = format!("{CONTROL_PREFIX}faults");
    match world
        .outside
        .genesys
        .control("POST", &path, body.as_bytes())
    {
        (200, _) => Ok(format!("The next {times} calls about contacts fail.")),
        (_, why) => Err(why["error"].as_str().unwrap_or_default().to_owned()),
    }
}

impl Local for Actions {
    fn act(&self, deed: Action) -> BoxFuture<'_, Result<String, String>> {
        self.done(deed).boxed()
    }

    fn senders(&self) -> Vec<(&'static str, &'static str)> {
        let parts = self.parts.get();
        let samples = parts.iter().flat_map(|(_, samples)| samples.iter());
        samples.map(|sample| (sample.source, sample.what)).collect()
    }

    fn drops(&self) -> bool {
        self.drops.load(Ordering::Relaxed)
    }

    fn lines(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }
}
