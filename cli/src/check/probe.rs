//! `check --probe`: what this very organisation's Genesys Cloud does where its documentation does
//! not say it, found out on a list that is for nothing else.

mod asking;
mod judge;
mod made;
mod meter;
mod questions;
mod report;

use std::sync::Arc;

use domain::change::OrgId;
use io::genesys::{Failure, Kind, Run, ScratchFacts, ScratchList};
use io::secrets::{Api, OrgSecret};
use io::{Chance, Config};

use crate::connect;
use crate::table::counted;
use asking::Asking;
use meter::Meter;
use report::Report;

/// No call is made more often: a service that is ill is told as such.
const TRIES: u32 = 3;

/// Finds out, prints, and answers whether all is as campaign-sync assumes.
pub(super) fn run(org: &OrgId, list: &str, as_json: bool) -> Result<bool, String> {
    let config = Config::from_env().map_err(|error| error.to_string())?;
    let report = crate::block_on(probe(org, list, config))?;
    if as_json {
        if !report.left.is_empty() {
            eprintln!("campaign-sync: {}", report.end(list));
        }
        crate::print(&report.json().to_string())?;
    } else {
        crate::print(&report.text(list))?;
    }
    Ok(report.is_right())
}

async fn probe(org: &OrgId, id: &str, config: Config) -> Result<Report, String> {
    let (https, sdk) = connect::clients().await?;
    let meter = Arc::new(Meter::new(https));
    // Each logs in by itself, and so has a token of its own.
    let [one, other] =
        [(), ()].map(|()| connect::org(config.clone(), &sdk, Arc::clone(&meter) as _, org));
    let run = Run::patient(None).with_tries(TRIES);
    let secret = one
        .open(&run)
        .await
        .map_err(|failure| super::token(&failure))?;
    may_be_asked(org, &secret)?;
    let [list, by_another_token] = [one, other].map(|org| ScratchList::new(org, id, run));
    let facts = list.look().await.map_err(|failure| unknown(&failure))?;
    let columns = may_be_written(id, &facts)?;
    let prefix = prefix();
    eprintln!(
        "The contacts that are made have ids that begin with {prefix}, and are deleted at the end."
    );
    let asking = Asking::new([&list, &by_another_token], &meter, facts, columns, &prefix);
    tokio::select! {
        () = asking.run() => {}
        Ok(()) = tokio::signal::ctrl_c() => {
            eprintln!("It is ended: the contacts that were made are deleted. Ctrl-C once more leaves them.");
        }
    }
    let left = tokio::select! {
        left = asking.made.delete(&list) => left,
        Ok(()) = tokio::signal::ctrl_c() => asking.made.all(),
    };
    Ok(Report {
        found: asking.found(),
        calls: meter.seen().calls,
        left,
    })
}

/// Another one each time, so that no run meets what an earlier one may have left.
fn prefix() -> String {
    let number = Chance::of_process().share() * 1e9;
    format!("campaign-sync-probe-{number:09.0}")
}

fn may_be_asked(org: &OrgId, secret: &OrgSecret) -> Result<(), String> {
    match secret.api {
        Api::ContactLists => Ok(()),
        Api::Predictive => Err(format!(
            "the secret of {org} says \"api\": \"predictive\"; --probe asks about the other API, contactLists: name an org \
             whose secret says that (docs/which-api.md)"
        )),
    }
}

/// Two columns to write to; or why nothing is written to this list.
fn may_be_written(id: &str, facts: &ScratchFacts) -> Result<[String; 2], String> {
    const NOTHING: &str =
        "Nothing was written. Make a contact list that is for nothing else, and name that";
    if !facts.campaigns.is_empty() {
        let campaigns = facts.campaigns.join(", ");
        return Err(format!(
            "list {id} is no scratch list: a campaign draws on it ({campaigns}). {NOTHING}"
        ));
    }
    if facts.contacts > 0 {
        let contacts = counted(facts.contacts, "contact");
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
    let to_do = match failure.kind {
        Kind::NotFound | Kind::Rejected => {
            "there is no such contact list: look at its id, and at the division of the OAuth client's role".to_owned()
        }
        _ => return super::needs(
            failure,
            "outbound:contactList:view, outbound:campaign:view and outbound:contact:view, add, edit and delete",
        ),
    };
    format!("{failure}: {to_do}")
}
