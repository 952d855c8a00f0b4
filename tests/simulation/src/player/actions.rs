//! Does one action of the story: each is done here, or handed to its module.
//!
//! `crate::story` lists the actions.

use std::time::Duration;

use emulator::world::{VERSION_FIELD, client_id};
use futures_util::future::join_all;
use io::queue::Message;
use io::secrets::SecretsError;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::schedule::RECORDS;
use super::{Player, setup};
use crate::change::{effective_part, group_of};
use crate::story::{AGENT_COLUMN, Action, COLUMNS, Interference, Part};
use crate::{checks, lock, trouble};

impl Player<'_> {
    /// Waits until it is time for an action, and does it to its end.
    pub(super) async fn act(&self, at: Duration, action: &Action) {
        sleep(at).await;
        let outside = self.outside;
        outside.trace(|| format!("           {action}"));
        match action {
            Action::Change {
                org,
                bodies,
                is_poison,
                sent,
            } => self.change(*org, bodies, *is_poison, sent).await,
            Action::Deliver { org, items, sent } => {
                self.list_items(items);
                join_all(sent.iter().map(|delay| self.deliver(*org, items, *delay))).await;
            }
            Action::Poison { like, body, org } => {
                self.poison(like, body, format!("poison-{org}-{}", at.as_millis()));
            }
            Action::Interfere { campaign, key, how } => self.interfere(campaign, key, *how),
            Action::Dial => checks::dial(outside),
            Action::Rotate { org, later } => self.rotate(*org, *later).await,
            Action::Revoke => outside.genesys.revoke_tokens(),
            Action::Fail { org, part, time } => {
                self.break_part(*org, *part, true);
                sleep(*time).await;
                self.break_part(*org, *part, false);
            }
            Action::Reconcile { org } => {
                let org = &outside.story.orgs[*org];
                self.run_of_the_queue(org, &self.run(org, true)).await;
            }
            Action::Run { org, is_wide } => self.send_run(*org, *is_wide),
            Action::LoseRecord { org } => {
                let name = &outside.story.orgs[*org].name;
                outside.parameters.forget(&format!("{RECORDS}{name}"));
                self.send_run(*org, true);
            }
            Action::Redrive => self.redrive(),
            Action::Trouble => self.trouble().await,
        }
    }

    fn interfere(&self, campaign: &str, key: &str, how: Interference) {
        let genesys = &self.outside.genesys;
        match how {
            Interference::Alter => {
                genesys.change_column(campaign, key, "note", "of somebody else");
            }
            Interference::Delete => genesys.delete_contact(campaign, key),
            Interference::MakeNotCallable => genesys.lower(campaign, key),
            Interference::CloseNumber => {
                let closed = json!({ "phone": { "callable": false } });
                genesys.note(campaign, key, "phoneNumberStatus", closed);
            }
            Interference::ResetRank { to_none } => self.reset_rank(campaign, key, to_none),
        }
    }

    /// Breaks a part of an org, or mends it.
    fn break_part(&self, n: usize, part: Part, is_broken: bool) {
        let outside = self.outside;
        let org = &outside.story.orgs[n];
        match part {
            Part::Secret if is_broken => {
                let name = setup::secret_name(org);
                outside.vault.fail(&name, SecretsError::Missing);
                outside.genesys.revoke_tokens();
            }
            Part::Secret => {
                let generation = self.secrets.borrow().get(&n).copied().unwrap_or(0);
                setup::put_secret(outside, org, generation);
            }
            Part::Permissions => outside.genesys.forbid(&client_id(&org.name), is_broken),
            Part::DncList => {
                let list = setup::dnc_list(org);
                outside.genesys.fill_dnc_list(&list, is_broken);
            }
            Part::Feed | Part::Record => {
                let mut down = lock(&outside.down);
                let broken = (part, org.name.clone());
                if is_broken {
                    down.insert(broken);
                } else {
                    down.remove(&broken);
                }
            }
        }
    }

    async fn change(&self, org: usize, bodies: &[Value], is_poison: bool, sent: &[Duration]) {
        for body in bodies {
            if !is_poison {
                self.list_change(body);
            } else if let Some(opt_out) = effective_part(body) {
                self.list_change(&opt_out);
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

    async fn trouble(&self) {
        let outside = self.outside;
        let Some(trouble) = outside.story.trouble else {
            return;
        };
        let put_columns = |columns: &[&str]| {
            let org = &outside.story.orgs[0].name;
            outside.put_campaign(org, trouble::ILL_CAMPAIGN, Some(columns));
        };
        outside.trace(|| format!("in trouble for {:?}: {:?}", trouble.time, trouble.kind));
        let lacks_column = trouble.kind == trouble::TroubleKind::NoVersionColumn;
        if lacks_column {
            put_columns(&COLUMNS);
        }
        *lock(&outside.trouble) = Some(trouble);
        sleep(trouble.time).await;
        *lock(&outside.trouble) = None;
        if lacks_column {
            let columns: Vec<_> = COLUMNS
                .into_iter()
                .chain([AGENT_COLUMN, VERSION_FIELD])
                .collect();
            put_columns(&columns);
        }
        outside.trace(|| "the trouble is over".to_owned());
    }
}
