//! Why a contact is not called, in words.

use domain::change::{Rank, VersionFrom};
use domain::channel::Channel;
use domain::contact::Contact;
use domain::dnc::DncBy;
use domain::rules::{Rules, VersionUnit};
use domain::version::{Decision, Mark};
use io::genesys::UNKNOWN_CAMPAIGN;
use io::secrets::Api;
use jiff::Timestamp;
use serde_json::Value;

use super::look::Looked;

/// What one thing that decides says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// It alone keeps the contact from being called.
    Stops,
    /// It may: somebody must look elsewhere.
    May,
    /// It does not.
    Passes,
}

impl Says {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Says::Stops => "stops",
            Says::May => "may stop",
            Says::Passes => "passes",
        }
    }
}

/// One thing that decides whether a contact is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) what: &'static str,
    pub(crate) says: Says,
    pub(crate) words: String,
}

fn finding(what: &'static str, says: Says, words: impl Into<String>) -> Finding {
    let words = words.into();
    Finding { what, says, words }
}

/// All of it, in the order in which the dialler would ask.
pub(crate) fn why(looked: &Looked) -> Vec<Finding> {
    let mut found = vec![of_campaign(looked)];
    match &looked.contact {
        Err(_) if looked.is_unknown => {}
        Err(error) => found.push(finding(
            "contact",
            Says::May,
            format!("It cannot be read: {error}."),
        )),
        Ok(None) => found.push(absent(looked)),
        Ok(Some(contact)) => {
            found.push(callable(contact, looked));
            found.extend(voice(contact, looked.api));
            found.extend(number(contact, looked));
            found.extend(dnc(contact, looked));
        }
    }
    found.extend(filters(looked));
    found.extend(waits(looked));
    found.extend(parked(looked));
    found
}

/// The answer in a sentence.
pub(crate) fn answer(found: &[Finding]) -> String {
    let stops: Vec<_> = found.iter().filter(|one| one.says == Says::Stops).collect();
    let may = found.iter().filter(|one| one.says == Says::May).count();
    match (&stops[..], may) {
        ([], 0) => "Nothing that is known keeps it from being called: the campaign comes to it in its turn (its times, attempts and recycling are not looked at).".to_owned(),
        ([], _) => "Nothing is known for sure to keep it from being called. Look at what may.".to_owned(),
        ([one], _) => format!("It is not called: {}", lowercase(&one.words)),
        (all, _) => format!("It is not called, for {} reasons.", all.len()),
    }
}

fn lowercase(words: &str) -> String {
    let mut all = words.chars();
    let first = all.next().map(|c| c.to_lowercase().to_string());
    first.unwrap_or_default() + all.as_str()
}

fn of_campaign(looked: &Looked) -> Finding {
    let what = "campaign";
    if looked.is_unknown {
        let words = format!("The org has no such campaign in Genesys Cloud: {UNKNOWN_CAMPAIGN}.");
        return finding(what, Says::Stops, words);
    }
    let facts = match &looked.campaign {
        Ok(facts) => facts,
        Err(error) => {
            return finding(
                what,
                Says::May,
                format!("Whether the campaign is on is not known: {error}."),
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
            "The campaign is invalid: Genesys Cloud says why beside it.",
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

fn absent(looked: &Looked) -> Finding {
    let last = looked
        .story
        .as_ref()
        .ok()
        .and_then(|story| story.entries.last());
    let since = looked.since;
    let words = match last {
        None => format!(
            "It is not in the campaign, and the log tells of no change of it since {since:.0}: the CRM sent none, or the key is another one, byte for byte."
        ),
        Some(last) if last.how == "skipped" => "It is not in the campaign: its changes may create nobody (ifAbsent), and no full change created it. Let the CRM send the whole contact.".to_owned(),
        Some(last) => format!(
            "It is not in the campaign, or cannot be read yet. The last that the log tells of it, at {:.0}: {}.",
            last.at,
            last.words()
        ),
    };
    finding("contact", Says::Stops, words)
}

fn callable(contact: &Contact, looked: &Looked) -> Finding {
    let what = "callable";
    if contact.callable {
        return finding(what, Says::Passes, "The contact may be called (callable).");
    }
    let decision = contact.version.decision;
    let who = match decision.map(|decision| decision.mark) {
        Some(Mark::Lowered) => "the CRM opted it out, or a change closed a channel or a number",
        Some(Mark::Left) => "the CRM said that the person left the campaign",
        Some(Mark::Gone) => "the CRM said that the person opted out, and left the campaign",
        Some(Mark::Found) => {
            "the dialler or a person made it so in Genesys Cloud, and the CRM opted it out too"
        }
        Some(Mark::Raised) => {
            "the dialler or a person made it so in Genesys Cloud after the CRM opted it in"
        }
        None => {
            "the dialler or a person made it so in Genesys Cloud, or it was made so before there were marks"
        }
    };
    let when = decision.and_then(|decision| said(decision, &looked.rules));
    let when = when.map(|when| format!(", {when}")).unwrap_or_default();
    finding(
        what,
        Says::Stops,
        format!("The contact may not be called: {who}{when}."),
    )
}

/// When the change said it that decided.
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

/// Of a rank that is a time.
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

fn is_shut(status: Option<&Value>, switch: &str) -> bool {
    status.and_then(|status| status[switch].as_bool()) == Some(false)
}

fn voice(contact: &Contact, api: Api) -> Option<Finding> {
    if api == Api::Predictive {
        return None;
    }
    let name = Channel::Voice.as_str();
    Some(
        match is_shut(contact.statuses.contactable().get(name), "contactable") {
            true => finding(
                "channel",
                Says::Stops,
                "The channel Voice is closed: no opt-in raises it; a person does in Genesys Cloud.",
            ),
            false => finding("channel", Says::Passes, "The channel Voice is open."),
        },
    )
}

fn number(contact: &Contact, looked: &Looked) -> Option<Finding> {
    let what = "number";
    if looked.numbers.is_empty() {
        return Some(finding(
            what,
            Says::May,
            "Which columns hold numbers is not known.",
        ));
    }
    let dialled = looked.campaign.as_ref().map(|facts| &facts.phone_columns);
    let columns = match dialled {
        Ok(columns) if !columns.is_empty() => columns,
        _ => &looked.numbers,
    };
    let state = |column: &String| {
        let value = contact.data.get(column).map_or("", |value| value.trim());
        let shut = is_shut(contact.statuses.phones().get(column), "callable");
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

fn dnc(contact: &Contact, looked: &Looked) -> Option<Finding> {
    let what = "DNC list";
    let facts = looked.campaign.as_ref().ok()?;
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
    let own = looked.rules.dnc_list.as_ref();
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
                "It opted out, so that {by} was put on the org's DNC list, which the campaign asks: take it away by campaign-sync dnc remove once the CRM opts it in again."
            ),
        ),
        _ => finding(
            what,
            Says::May,
            format!(
                "The campaign asks DNC list {lists}. Who stands on one no call tells: look in Genesys Cloud, or export it."
            ),
        ),
    })
}

fn filters(looked: &Looked) -> Option<Finding> {
    let filters = looked.campaign.as_ref().map_or(0, |facts| facts.filters);
    (filters > 0).then(|| {
        let words = format!("The campaign has {filters} filter of its contact list: whether this contact passes it is not looked at.");
        finding("filter", Says::May, words)
    })
}

/// A change of it that is not done.
fn waits(looked: &Looked) -> Option<Finding> {
    let story = looked.story.as_ref().ok()?;
    let last = story.entries.last().filter(|last| !last.is_end())?;
    let words = format!(
        "A change of it is not applied yet: since {:.0} it {}.",
        last.at,
        last.words()
    );
    Some(finding("queue", Says::May, words))
}

fn parked(looked: &Looked) -> Option<Finding> {
    let parked = looked
        .parked
        .as_ref()
        .ok()
        .filter(|parked| !parked.is_empty())?;
    let all: Vec<_> = parked
        .iter()
        .map(|one| format!("{} ({})", one.id, one.reason))
        .collect();
    let words = format!(
        "Parked, and so not applied: {}. It may be an opt-in.",
        all.join(", ")
    );
    Some(finding("parked", Says::May, words))
}

#[cfg(test)]
mod tests;
