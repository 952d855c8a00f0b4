//! Findings from what Genesys Cloud has: the campaign, the contact, its switches and its lists.
//!
//! What waits in queues is read in `super`.

use domain::change::{Rank, VersionFrom};
use domain::channel::Channel;
use domain::contact::Contact;
use domain::dnc::DncBy;
use domain::rules::{Rules, VersionUnit};
use domain::version::{Decision, Mark};
use io::genesys::CampaignFacts;
use io::genesys::UNKNOWN_CAMPAIGN;
use io::secrets::Api;
use jiff::Timestamp;
use serde_json::Value;

use super::{Finding, Says, finding};
use crate::contact::look::InGenesys;
use crate::table::counted;

/// Whether the campaign calls anybody.
pub(super) fn campaign(campaign: &Result<Option<CampaignFacts>, String>) -> Finding {
    let what = "campaign";
    let facts = match campaign {
        Ok(Some(facts)) => facts,
        Ok(None) => {
            return finding(
                what,
                Says::Stops,
                format!("Genesys Cloud knows no such campaign: {UNKNOWN_CAMPAIGN}."),
            );
        }
        Err(error) => {
            return finding(
                what,
                Says::Unknown,
                format!("The campaign could not be read: {error}."),
            );
        }
    };
    match facts.status.as_deref() {
        Some("on") => finding(what, Says::Passes, "The campaign is on."),
        Some("off") => finding(
            what,
            Says::Stops,
            "The campaign is off: somebody must start it.",
        ),
        Some("complete") => finding(
            what,
            Says::Stops,
            "The campaign is complete: it ran out of contacts, and somebody must start it again.",
        ),
        Some("stopping") => finding(what, Says::Stops, "The campaign is stopping."),
        Some("invalid") => finding(
            what,
            Says::Stops,
            "The campaign is invalid: Genesys Cloud shows the reason on the campaign's page.",
        ),
        Some(other) => finding(
            what,
            Says::May,
            format!("The campaign's status is {other}."),
        ),
        None => finding(
            what,
            Says::May,
            "The service does not tell whether the campaign is on.",
        ),
    }
}

/// The findings from the contact itself.
pub(super) fn contact(contact: &Contact, now: &InGenesys) -> Vec<Finding> {
    let mut found = vec![callable(contact, now)];
    found.extend(voice(contact, now.api));
    found.extend(number(contact, now));
    found.extend(dnc(contact, now));
    found
}

fn callable(contact: &Contact, now: &InGenesys) -> Finding {
    let what = "callable";
    if contact.callable {
        return finding(what, Says::Passes, "The contact may be called (callable).");
    }
    let decision = contact.version.decision;
    let who = match decision.map(|decision| decision.mark) {
        Some(Mark::Lowered) => "The CRM opted it out, or a change closed a channel or a number",
        Some(Mark::Left) => "The CRM said that the person left the campaign",
        Some(Mark::Gone) => "The CRM said that the person opted out, and left the campaign",
        Some(Mark::Found) => {
            "The dialler or a person made it not callable in Genesys Cloud, and the CRM opted it out too"
        }
        Some(Mark::Raised) => {
            "The dialler or a person made it not callable in Genesys Cloud after the CRM opted it in"
        }
        None => {
            "The dialler or a person made it not callable in Genesys Cloud, or it was made so before there were marks"
        }
    };
    let when = decision.and_then(|decision| said(decision, &now.rules));
    let when = when.map(|when| format!(", {when}")).unwrap_or_default();
    finding(what, Says::Stops, format!("{who}{when}."))
}

/// The time of the change that decided.
fn said(decision: Decision, rules: &Rules) -> Option<String> {
    let rank = decision.rank?;
    let what = match decision.mark {
        Mark::Raised => "opt-in",
        _ => "change",
    };
    Some(match time(rank, rules) {
        Some(at) => format!("by the {what} of {at:.0} (rank {rank})"),
        None => format!("by the {what} of rank {rank}"),
    })
}

/// The time that a rank stands for, if ranks of this org are times.
fn time(rank: Rank, rules: &Rules) -> Option<Timestamp> {
    let number: i64 = rank.to_string().parse().ok()?;
    let unit = match rules.version_from {
        VersionFrom::OccurredAt => VersionUnit::Milliseconds,
        VersionFrom::Version => rules.version_unit?,
    };
    match unit {
        VersionUnit::Seconds => Timestamp::from_second(number).ok(),
        VersionUnit::Milliseconds => Timestamp::from_millisecond(number).ok(),
        VersionUnit::Microseconds => Timestamp::from_microsecond(number).ok(),
    }
}

fn is_lowered(status: Option<&Value>, switch: &str) -> bool {
    status.and_then(|status| status[switch].as_bool()) == Some(false)
}

fn voice(contact: &Contact, api: Api) -> Option<Finding> {
    if api == Api::Predictive {
        return None;
    }
    let name = Channel::Voice.as_str();
    Some(
        match is_lowered(contact.statuses.contactable().get(name), "contactable") {
            true => finding(
                "channel",
                Says::Stops,
                "The channel Voice is closed: no opt-in raises it; a person does in Genesys Cloud.",
            ),
            false => finding("channel", Says::Passes, "The channel Voice is open."),
        },
    )
}

fn number(contact: &Contact, now: &InGenesys) -> Option<Finding> {
    let what = "number";
    if now.numbers.is_empty() {
        return Some(finding(
            what,
            Says::May,
            "Which columns hold numbers is not known.",
        ));
    }
    let dialled = now.facts().map(|facts| &facts.phone_columns);
    let columns = match dialled {
        Some(columns) if !columns.is_empty() => columns,
        _ => &now.numbers,
    };
    let state = |column: &String| {
        let value = contact.data.get(column).map_or("", |value| value.trim());
        let shut = is_lowered(contact.statuses.phones().get(column), "callable");
        match (value.is_empty(), shut) {
            (true, _) => Some(format!("{column} is empty")),
            (_, true) => Some(format!("{column} is closed")),
            _ => None,
        }
    };
    let closed: Vec<_> = columns.iter().filter_map(state).collect();
    Some(match (closed.len(), columns.len()) {
        (0, _) => finding(what, Says::Passes, "It has a number to call."),
        (some, all) if some < all => finding(
            what,
            Says::Passes,
            format!("It has a number to call; {}.", closed.join(", ")),
        ),
        _ => finding(
            what,
            Says::Stops,
            format!("It has no number to call: {}.", closed.join(", ")),
        ),
    })
}

fn dnc(contact: &Contact, now: &InGenesys) -> Option<Finding> {
    let what = "DNC list";
    let facts = now.facts()?;
    if facts.dnc_lists.is_empty() {
        return Some(finding(
            what,
            Says::Passes,
            "The campaign asks no DNC list.",
        ));
    }
    let lists = facts
        .dnc_lists
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    let own = now.rules.dnc_list.as_ref();
    let own = own.filter(|list| facts.dnc_lists.contains(list.id.as_str()));
    let is_out = matches!(
        contact.version.decision.map(|decision| decision.mark),
        Some(Mark::Lowered | Mark::Gone | Mark::Found)
    );
    let by = own.map(|list| match &list.by {
        DncBy::ContactKey => "its key".to_owned(),
        DncBy::Phone { column } => format!("the number in {column}"),
    });
    Some(match (by, is_out && !contact.callable) {
        (Some(by), true) => finding(
            what,
            Says::May,
            format!(
                "It opted out, so {by} was or will be put on the org's DNC list, which the campaign uses. Once the CRM \
                 opts it in again, remove the entry with campaign-sync dnc remove."
            ),
        ),
        _ => finding(
            what,
            Says::May,
            format!(
                "The campaign uses DNC list {lists}. No call says whether a contact is on it: look in Genesys \
                 Cloud, or export the list."
            ),
        ),
    })
}

/// The filters on the campaign's contact list.
pub(super) fn filters(now: &InGenesys) -> Option<Finding> {
    let filters = now.facts()?.filters;
    (filters > 0).then(|| {
        let them = if filters == 1 { "it" } else { "them" };
        let words = format!(
            "The campaign has {} of its contact list: whether this contact passes {them} is not looked at.",
            counted(filters as u64, "filter")
        );
        finding("filter", Says::May, words)
    })
}
