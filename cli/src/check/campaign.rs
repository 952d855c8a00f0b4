//! Checks a campaign: its contact list, the version column, and whether its contacts may be written
//! and read.
//!
//! Nothing is changed: a write is tried with no contact, and a read with a key that nobody has.
//! Each result is a line of the findings, with what to do if it is wrong. Single contacts are
//! checked in [`contact`](super::contact), and the DNC list in [`dnc`](super::dnc).

use std::sync::Arc;

use domain::Version;
use domain::change::CampaignId;
use domain::rules::Rules;
use io::genesys::{Failure, Kind, ListFacts, Org, Run, UNKNOWN_CAMPAIGN};
use io::secrets::{Api, OrgSecret};

use super::dnc::Dnc;
use super::{Findings, needs};
use crate::table::counted;

/// Checks the campaign by the API that its org has.
pub(super) async fn check(
    id: &CampaignId,
    secret: &OrgSecret,
    dnc: Option<&Dnc<'_>>,
    connect: &dyn Fn() -> Arc<Org>,
    findings: &mut Findings,
) {
    let run = Run::patient(None);
    let mut is_known = true;
    match (connect().list_of(&run, id).await, secret.api) {
        (Ok(list), api) => {
            look_at_list(id, &list, secret, dnc, findings);
            if api == Api::ContactLists {
                findings.add(named(id, "list of its own"), shared(id, &list));
                let answer = connect().may_write_to_list(&run, &list.id).await;
                let seen = "a call that adds nobody is accepted; whether the client has outbound:contact:edit \
                    shows only at the first change";
                let answer = answer.map(|()| seen.to_owned());
                findings.add(
                    named(id, "contacts may be added"),
                    answer.map_err(|failure| needs(&failure, "outbound:contact:add")),
                );
            }
        }
        (Err(failure), Api::ContactLists) => {
            findings.add(named(id, "found"), Err(unknown(&failure)));
            return;
        }
        // The predictive API needs no right to look at contact lists.
        (Err(failure), Api::Predictive) => {
            is_known = failure.kind != Kind::UnknownCampaign;
            findings.skip(&named(id, "contact list"), &unknown(&failure));
        }
    }
    if secret.api == Api::Predictive {
        let answer = connect().may_write_to_campaign(&run, id).await;
        let answer = answer.map(|()| {
            "a call that adds nobody is accepted; whether it may change contacts shows only at the first change"
                .to_owned()
        });
        let is_there = answer.is_ok();
        findings.add(
            named(id, "predictive answers"),
            answer.map_err(|failure| no_predictive(&failure, is_known)),
        );
        if !is_there {
            return;
        }
    }
    look_at_reading(id, secret, connect(), run, findings).await;
}

fn named(id: &CampaignId, what: &str) -> String {
    format!("campaign {id}: {what}")
}

/// Checks what the campaign's list says about itself: its columns, and that the DNC list fits them.
fn look_at_list(
    id: &CampaignId,
    list: &ListFacts,
    secret: &OrgSecret,
    dnc: Option<&Dnc<'_>>,
    findings: &mut Findings,
) {
    let columns = counted(list.columns.len() as u64, "column");
    findings.add(
        named(id, "found"),
        Ok(format!("its contact list {} has {columns}", list.id)),
    );
    look_at_version_column(findings, &named(id, "version column"), list, &secret.rules);
    if let Some(dnc) = dnc {
        dnc.of_campaign(id, list, findings);
    }
}

/// Checks whether contacts may be read, with a key that nobody has.
async fn look_at_reading(
    id: &CampaignId,
    secret: &OrgSecret,
    org: Arc<Org>,
    run: Run,
    findings: &mut Findings,
) {
    let opened = io::genesys::Campaign::open(org, id, &without_ranks(secret), run).await;
    if let Ok(campaign) = opened {
        let read = campaign.try_read().await;
        let read = read.map(|()| "tried with a key that nobody has".to_owned());
        findings.add(
            named(id, "contacts may be read"),
            read.map_err(|failure| needs(&failure, "outbound:contact:view")),
        );
    }
}

/// The secret without its version field. The missing column is reported already, and must not keep
/// contacts from being read.
fn without_ranks(secret: &OrgSecret) -> OrgSecret {
    OrgSecret {
        rules: Arc::default(),
        ..secret.clone()
    }
}

/// Checks that the list has the version column, and that the column accepts any text.
fn look_at_version_column(findings: &mut Findings, what: &str, list: &ListFacts, rules: &Rules) {
    let seen = match &rules.version_field {
        None => Ok("none is asked for".to_owned()),
        // The published API always names columns, so an answer without any says nothing.
        Some(column) if list.columns.is_empty() => {
            let why =
                format!("the list names no columns, so it is not known whether it has {column}");
            return findings.skip(what, &why);
        }
        Some(column) if list.narrow.contains(column) => Err(format!(
            "{column}, the secret's versionField, takes numbers, times or short texts: it must take any text of {} characters, \
             or it cannot say who made a contact not callable; columns cannot be altered: make a list where it is a text and \
             give the campaign that",
            Version::LONGEST
        )),
        Some(column) if list.columns.contains(column) => Ok(format!("the list has {column}")),
        Some(column) => Err(format!(
            "the list lacks {column}, the secret's versionField; columns cannot be added to a list: make one with it and give \
             the campaign that, or name another column"
        )),
    };
    findings.add(what.to_owned(), seen);
}

/// Checks that no other campaign uses the list: its contacts would be the same ones.
fn shared(id: &CampaignId, list: &ListFacts) -> Result<String, String> {
    let others: Vec<_> = list
        .campaigns
        .iter()
        .map(String::as_str)
        .filter(|other| *other != id.as_str())
        .collect();
    if others.is_empty() {
        return Ok("no other campaign draws on it".to_owned());
    }
    Err(format!(
        "{} use it too: a change to a contact of one campaign changes it in the others, and their changes are \
         not kept in order with each other; give each campaign a list of its own, or send the changes of only \
         one of them",
        others.join(", ")
    ))
}

fn unknown(failure: &Failure) -> String {
    match failure.kind {
        Kind::UnknownCampaign => {
            format!("{failure}: the org has no such outbound campaign: {UNKNOWN_CAMPAIGN}")
        }
        _ => needs(
            failure,
            "outbound:campaign:view and outbound:contactList:view",
        ),
    }
}

/// `is_known` is false if the published API knows no such campaign.
fn no_predictive(failure: &Failure, is_known: bool) -> String {
    match failure.kind {
        Kind::NotFound | Kind::UnknownCampaign if !is_known => {
            format!("{failure}: no API knows this campaign: {UNKNOWN_CAMPAIGN}")
        }
        Kind::NotFound | Kind::UnknownCampaign => format!(
            "{failure}: the predictive API does not exist for this campaign; most organisations have only the \
             published one: set \
             \"api\": \"contactLists\" in the secret (docs/which-api.md)"
        ),
        _ => needs(failure, "to add contacts"),
    }
}
