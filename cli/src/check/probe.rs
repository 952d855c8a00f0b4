//! `check --probe`: finds out what an organisation's Genesys Cloud does where its documentation
//! says nothing.
//!
//! It makes contacts on a scratch list, writes and reads them, and deletes them. [`questions`] says
//! what is asked and what campaign-sync assumes, [`asking`] makes the calls, [`judge`] reads the
//! answers, [`verdict`] says what they mean, and [`report`] prints them. [`made`] knows every
//! contact that was made, so that each is deleted even if the probe is stopped. No list of a
//! campaign is written to: [`may_be_written`] refuses one. docs/genesys-cloud.md says what is known
//! already.

mod asking;
mod judge;
mod made;
mod page;
mod questions;
mod report;
mod stops;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use domain::change::OrgId;
use io::genesys::{Failure, Kind, Run, ScratchFacts, ScratchList, scratch_permission};
use io::secrets::{Api, OrgSecret, SecretsManager};
use io::{Chance, Config};

use super::Findings;
use crate::connect::{self, Watched};
use crate::table::{are, counted};
use asking::Asking;
use made::Left;
use report::Report;
use stops::Stops;

/// The most tries of a call. A service that fails more often is reported as failing.
const TRIES: u32 = 3;
/// The longest wait before a call, for the service or for the call budget.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// The beginning of the id of every contact that a probe makes.
const PREFIX: &str = "campaign-sync-probe-";
/// The most contacts of one read (docs/genesys-cloud.md "Limits").
const MOST_READ: usize = 50;

/// Runs the probe and prints its report. Returns true if no answer asks the operator to act and no
/// contact is left.
pub(super) fn run(org: &OrgId, list: &str, as_json: bool) -> Result<bool, String> {
    let config = Config::from_env_without_queue().map_err(|error| error.to_string())?;
    let report = crate::block_on(probe(org, list, config))?;
    if as_json {
        if !report.left.ids.is_empty() {
            eprintln!("campaign-sync: {}", report.end());
        }
        crate::print(&report.json().to_string())?;
    } else {
        crate::print(&report.text(page::width()))?;
    }
    Ok(report.is_right())
}

async fn probe(org: &OrgId, id: &str, config: Config) -> Result<Report, String> {
    let (https, sdk) = connect::clients().await?;
    let secret = secret(org, &config, &sdk).await?;
    may_be_asked(org, &secret)?;
    let host = config.genesys_base_url.clone();
    let host = host.unwrap_or_else(|| secret.region.api_url());
    let watched = Watched::new(https);
    // Each connection logs in by itself, and so has its own token.
    let [one, other] =
        [(), ()].map(|()| connect::org(config.clone(), &sdk, Arc::clone(&watched) as _, org));
    let run = Run::patient(None)
        .with_tries(TRIES)
        .with_longest_wait(LONGEST_WAIT);
    let login = one.open(&run).await;
    login.map_err(|failure| super::token(&failure))?;
    // The deletion waits as long as the service wants: it must not be given up like a question.
    let to_delete = ScratchList::new(Arc::clone(&one), id, Run::patient(None).with_tries(TRIES));
    let [list, by_another_token] = [one, other].map(|org| ScratchList::new(org, id, run));
    let deletion = |ids: &[String]| {
        let path = list.deletion(ids);
        format!("curl -X DELETE -H \"Authorization: Bearer $TOKEN\" '{host}{path}'")
    };
    let facts = list.look().await.map_err(|failure| unknown(&failure))?;
    let facts = counted_now(&list, facts).await;
    let columns = may_be_written(id, &facts, deletion)?;
    let prefix = prefix();
    made::may_be_deleted(&list, format!("{prefix}-nobody")).await?;
    eprintln!(
        "The contacts that are made have ids that begin with {prefix}, and are deleted at the end."
    );
    let asking = Asking::new(
        [&list, &by_another_token],
        &watched,
        facts,
        columns,
        &prefix,
    );
    let (is_stopped, left) = ask(&asking, &to_delete).await;
    let (found, no_contact) = asking.found();
    Ok(Report {
        found,
        no_contact,
        is_stopped,
        calls: watched.seen().calls,
        deletion: deletion(&left.ids),
        left,
    })
}

/// Asks everything, and deletes what was made. Ctrl-C ends the asking; a second one ends the
/// deletion. Returns whether Ctrl-C ended the asking, and which contacts are left.
async fn ask(asking: &Asking<'_>, list: &ScratchList) -> (bool, Left) {
    let mut stops = Stops::new();
    let is_stopped = tokio::select! {
        () = asking.run() => false,
        () = stops.next() => true,
    };
    match (is_stopped, asking.made.all().is_empty()) {
        (true, true) => eprintln!("Stopped. Nothing was made."),
        (true, false) => {
            eprintln!("Stopped. Deleting what was made; Ctrl-C once more leaves it.");
        }
        (false, true) => {}
        (false, false) => eprintln!("Deleting what was made …"),
    }
    let mut delete = std::pin::pin!(asking.made.delete(list));
    let mut is_warned = is_stopped;
    loop {
        tokio::select! {
            left = &mut delete => return (is_stopped, left),
            () = stops.next() => {
                if is_warned {
                    let why = Some("Ctrl-C ended it".to_owned());
                    return (is_stopped, Left { ids: asking.made.all(), why });
                }
                is_warned = true;
                eprintln!(
                    "The contacts are being deleted, which takes up to a minute. Ctrl-C once more leaves them."
                );
            }
        }
    }
}

/// Reads the org's secret. An error is what `check` reports about it without a probe.
async fn secret(org: &OrgId, config: &Config, sdk: &SdkConfig) -> Result<OrgSecret, String> {
    let mut findings = Findings::default();
    let secrets = SecretsManager::new(sdk);
    let found = super::secrets::org(org, config, &secrets, &mut findings).await;
    let told = |finding: &super::findings::Finding| format!("{}: {}", finding.what, finding.detail);
    found.ok_or_else(|| findings.0.iter().map(told).collect::<Vec<_>>().join("\n"))
}

/// The beginning of the ids of this run. It is random, so that no run meets contacts that an
/// earlier one left.
fn prefix() -> String {
    let number = Chance::of_process().draw() * 1e9;
    format!("{PREFIX}{number:09.0}")
}

/// Refuses an org that does not use the API of contact lists.
fn may_be_asked(org: &OrgId, secret: &OrgSecret) -> Result<(), String> {
    match secret.api {
        Api::ContactLists => Ok(()),
        Api::Predictive => Err(format!(
            "the secret of {org} says \"api\": \"predictive\"; --probe asks about the other API, contactLists: name an org \
             whose secret says that (docs/which-api.md)"
        )),
    }
}

/// The facts of the list, without contacts that are deleted already. A search and the size of a
/// list lag by up to a minute (docs/genesys-cloud.md "Search and bulk jobs"): a contact that they
/// show and no read finds is deleted.
async fn counted_now(list: &ScratchList, facts: ScratchFacts) -> ScratchFacts {
    let are_all_shown = facts.ids.len() as u64 == facts.contacts;
    if facts.contacts == 0 || !are_all_shown || facts.ids.len() > MOST_READ {
        return facts;
    }
    match list.bulk(&facts.ids).await {
        Ok(found) if found.is_empty() => ScratchFacts {
            contacts: 0,
            ids: Vec::new(),
            ..facts
        },
        _ => facts,
    }
}

/// The two columns of the list to write to, or why nothing is written to this list. `deletion`
/// returns the call that deletes these contacts.
fn may_be_written(
    id: &str,
    facts: &ScratchFacts,
    deletion: impl Fn(&[String]) -> String,
) -> Result<[String; 2], String> {
    const NOTHING: &str = "Nothing was written. Create a contact list that is used for nothing else, and name that one";
    if !facts.campaigns.is_empty() {
        let campaigns = facts.campaigns.join(", ");
        return Err(format!(
            "list {id} is used by campaign {campaigns}. {NOTHING}"
        ));
    }
    if facts.is_importing {
        return Err(format!(
            "list {id} is not empty: a file is being imported into it. {NOTHING}"
        ));
    }
    if facts.contacts > 0 {
        let contacts = counted(facts.contacts, "contact");
        let is_of_a_probe = |id: &String| id.starts_with(PREFIX);
        if !facts.ids.is_empty() && facts.ids.iter().all(is_of_a_probe) {
            let count = facts.ids.len() as u64;
            let these = format!(
                "{} that a search shows {}",
                counted(count, "contact"),
                are(count)
            );
            return Err(format!(
                "list {id} holds {contacts}. Nothing was written. The {these} an earlier probe's, whose ids begin with {PREFIX}. \
                 Delete the list if it is for nothing else, or them:\n{}",
                deletion(&facts.ids)
            ));
        }
        return Err(format!("list {id} holds {contacts}. {NOTHING}"));
    }
    match facts.texts.as_slice() {
        [first, second, ..] => Ok([first.clone(), second.clone()]),
        _ => Err(format!(
            "list {id} needs two columns of plain text, beside those of phone numbers, addresses, times and zip codes. {NOTHING}"
        )),
    }
}

fn unknown(failure: &Failure) -> String {
    if let Some(permission) = scratch_permission(failure) {
        return format!(
            "{failure}: give the OAuth client a role with the permission {permission}, in the list's division"
        );
    }
    match failure.kind {
        Kind::NotFound | Kind::Rejected => format!(
            "{failure}: there is no such contact list: look at its id, and at the division of the OAuth client's role"
        ),
        Kind::Refused => super::token(failure),
        _ => super::needs(failure, ""),
    }
}
