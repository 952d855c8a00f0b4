//! Does one step of the story: each `Deed` is played here or handed to its module.

use std::time::Duration;

use emulator::world::{VERSION_FIELD, client_id};
use futures_util::future::join_all;
use io::queue::Message;
use io::secrets::SecretsError;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::schedule::RECORDS;
use super::{World, group_of, key_of, setup, shown};
use crate::story::{COLUMNS, Deed, OF_AGENTS};
use crate::{checks, lock, trouble};

impl World<'_> {
    pub(super) async fn step(&self, at: Duration, deed: &Deed) {
        sleep(at).await;
        let outside = self.outside;
        outside.say(|| format!("           {}", shown(deed)));
        match deed {
            Deed::Change {
                org,
                bodies,
                is_poison,
                sent,
            } => self.change(*org, bodies, *is_poison, sent).await,
            Deed::Deliver { org, items, sent } => {
                self.vendor_says(items);
                join_all(sent.iter().map(|delay| self.deliver(*org, items, *delay))).await;
            }
            Deed::Poison { like, body, org } => {
                self.poison(like, body, format!("poison-{org}-{}", at.as_millis()));
            }
            Deed::Alter { campaign, key } => {
                outside
                    .genesys
                    .change_column(campaign, key, "note", "of somebody else")
            }
            Deed::Delete { campaign, key } => outside.genesys.delete_contact(campaign, key),
            Deed::Dial => checks::dial(outside),
            Deed::Lower { campaign, key } => outside.genesys.lower(campaign, key),
            Deed::Note { campaign, key } => {
                outside.genesys.note(
                    campaign,
                    key,
                    "phoneNumberStatus",
                    json!({ "phone": { "callable": false } }),
                );
            }
            Deed::Rotate { org, later } => self.rotate(*org, *later).await,
            Deed::Revoke => outside.genesys.revoke_tokens(),
            Deed::HideSecret { org, time } => self.hide_secret(*org, *time).await,
            Deed::Forbid { org: n, time } => {
                let org = &outside.story.orgs[*n];
                outside.genesys.forbid(&client_id(&org.name), true);
                sleep(*time).await;
                outside.genesys.forbid(&client_id(&org.name), false);
            }
            Deed::FillDncList { org: n, time } => {
                let list = setup::dnc_list(&outside.story.orgs[*n]);
                outside.genesys.fill_dnc_list(&list, true);
                sleep(*time).await;
                outside.genesys.fill_dnc_list(&list, false);
            }
            Deed::Run { org, is_wide } => self.send_run(*org, *is_wide),
            Deed::Fails { org, what, time } => {
                let down = (*what, outside.story.orgs[*org].name.clone());
                lock(&outside.down).insert(down.clone());
                sleep(*time).await;
                lock(&outside.down).remove(&down);
            }
            Deed::LoseRecord { org } => {
                let name = &outside.story.orgs[*org].name;
                outside.parameters.forget(&format!("{RECORDS}{name}"));
                self.send_run(*org, true);
            }
            Deed::Reconcile { org } => {
                self.run_of_the_queue(
                    &outside.story.orgs[*org],
                    &self.run(&outside.story.orgs[*org], true),
                )
                .await
            }
            Deed::Redrive => self.redrive(),
            Deed::Trouble => self.trouble().await,
            Deed::ResetRank {
                org,
                campaign,
                key,
                to_none,
            } => self.reset_rank(*org, campaign, key, *to_none),
        }
    }

    async fn change(&self, org: usize, bodies: &[Value], is_poison: bool, sent: &[Duration]) {
        for body in bodies {
            if !is_poison {
                self.crm_says(body);
            } else if checks::heard(body).is_some() {
                self.callable.borrow_mut().insert(key_of(body), false);
            }
        }
        let webhooks = sent
            .iter()
            .map(|delay| self.send_webhook(org, bodies, is_poison, *delay));
        join_all(webhooks).await;
    }

    fn poison(&self, like: &Value, body: &str, deduplication_id: String) {
        let message = Message {
            body: body.to_owned(),
            group: group_of(like),
            deduplication_id,
            attributes: Vec::new(),
        };
        let _ = self.outside.store(message);
    }

    /// Gives the OAuth client a new secret, and later stores it. No older secret replaces a newer
    /// one.
    async fn rotate(&self, n: usize, later: Duration) {
        let outside = self.outside;
        let generation = {
            let mut secrets = self.secrets.borrow_mut();
            let generation = secrets.entry(n).or_default();
            *generation += 1;
            *generation
        };
        let org = &outside.story.orgs[n];
        setup::put_client(outside, org, generation);
        sleep(later).await;
        let newest = self.secrets.borrow().get(&n).copied();
        if newest.is_none_or(|newest| newest == generation) {
            setup::put_secret(outside, org, generation);
        }
    }

    async fn hide_secret(&self, n: usize, time: Duration) {
        let outside = self.outside;
        let org = &outside.story.orgs[n];
        outside
            .vault
            .fail(&setup::secret_name(org), SecretsError::Missing);
        outside.genesys.revoke_tokens();
        sleep(time).await;
        let generation = self.secrets.borrow().get(&n).copied().unwrap_or(0);
        setup::put_secret(outside, org, generation);
    }

    async fn trouble(&self) {
        let outside = self.outside;
        let Some(trouble) = outside.story.trouble else {
            return;
        };
        let put_columns = |columns: &[&str]| {
            let org = &outside.story.orgs[0].name;
            outside.put_campaign(org, trouble::ILL_CAMPAIGN, Some(columns));
        };
        outside.say(|| format!("in trouble for {:?}: {:?}", trouble.time, trouble.kind));
        let lacks_column = trouble.kind == trouble::Kind::NoVersionColumn;
        if lacks_column {
            put_columns(&COLUMNS);
        }
        *lock(&outside.trouble) = Some(trouble);
        sleep(trouble.time).await;
        *lock(&outside.trouble) = None;
        if lacks_column {
            let columns: Vec<_> = COLUMNS
                .into_iter()
                .chain([OF_AGENTS, VERSION_FIELD])
                .collect();
            put_columns(&columns);
        }
        outside.say(|| "the trouble is over".to_owned());
    }
}
