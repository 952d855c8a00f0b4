//! Explains in words why a contact is not called.
//!
//! Each thing that decides becomes a `Finding`. `genesys` reads findings from what Genesys Cloud
//! has, and this file adds what waits and what is parked. Nothing is looked up here: `super::look`
//! has gathered the facts.

mod genesys;

use super::look::{InGenesys, Looked, NotSeen, ParkedChange, ParkedOf};
use super::story::ContactHistory;

/// The meaning of a finding for calling the contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// The finding is enough to keep the contact from being called.
    Stops,
    /// The finding may keep it from being called; somebody must look elsewhere.
    May,
    /// The thing could not be looked at.
    Unknown,
    /// The finding does not keep it from being called.
    Passes,
}

impl Says {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Says::Stops => "stops",
            Says::May => "may stop",
            Says::Unknown => "not known",
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

/// All findings, in the order in which the dialler would ask.
pub(crate) fn why(looked: &Looked, parked: &ParkedOf) -> Vec<Finding> {
    let mut found = match &looked.genesys {
        Ok(now) => in_genesys(now, looked, parked),
        Err(error) => vec![finding(
            "Genesys Cloud",
            Says::Unknown,
            format!("Genesys Cloud could not be asked: {error}."),
        )],
    };
    found.extend(waits(&looked.story));
    found.extend(of_parked(parked));
    found
}

fn in_genesys(now: &InGenesys, looked: &Looked, parked: &ParkedOf) -> Vec<Finding> {
    let mut found = vec![genesys::campaign(&now.campaign)];
    match &now.contact {
        // Without a campaign no contact can be in it.
        Err(_) if matches!(now.campaign, Ok(None)) => {}
        Err(error) => found.push(finding(
            "contact",
            Says::Unknown,
            format!("The contact could not be read: {error}."),
        )),
        Ok(None) => found.push(absent(looked, parked)),
        Ok(Some(contact)) => found.extend(genesys::contact(contact, now)),
    }
    found.extend(genesys::filters(now));
    found
}

/// The answer in a sentence.
pub(crate) fn answer(found: &[Finding]) -> String {
    let of = |says| found.iter().filter(move |one| one.says == says);
    let stops: Vec<_> = of(Says::Stops).collect();
    let unknown: Vec<_> = of(Says::Unknown).map(|one| one.words.as_str()).collect();
    match (&stops[..], &unknown[..], of(Says::May).count()) {
        ([], [], 0) => "Nothing that is known keeps it from being called: the campaign reaches it in its turn. \
            Calling times, attempts and recycling are not checked.".to_owned(),
        ([], [], _) => "Nothing certainly keeps it from being called. Look at the findings that may.".to_owned(),
        ([], unknown, _) => format!("Not known: {}", lowercase(&unknown.join(" "))),
        ([one], ..) => format!("It is not called: {}", lowercase(&one.words)),
        (all, ..) => format!("It is not called, for {} reasons.", all.len()),
    }
}

/// Makes the first letter small, unless the first word is a name.
fn lowercase(words: &str) -> String {
    if words.starts_with("Genesys") {
        return words.to_owned();
    }
    let mut all = words.chars();
    let first = all.next().map(|c| c.to_lowercase().to_string());
    first.unwrap_or_default() + all.as_str()
}

/// The contact is not in the campaign. The reason is given only if every source was looked at.
fn absent(looked: &Looked, parked: &ParkedOf) -> Finding {
    const THERE: &str = "It is not in the campaign, or cannot be read yet";
    let since = looked.since;
    let last = looked.story.as_ref().map_err(String::as_str);
    let last = last.and_then(ContactHistory::last);
    let words = match (last, parked) {
        (_, Ok(parked)) if !parked.is_empty() => format!(
            "{THERE}. A change of it is parked, and so not applied: {}.",
            named(parked)
        ),
        (Err(why), _) => {
            format!("{THERE}. What became of its changes could not be read: {why}.")
        }
        (Ok(Some(last)), _) if last.how == "skipped" => "It is not in the campaign: its changes may create nobody (ifAbsent), and no full change created it. Let the CRM send the whole contact.".to_owned(),
        (Ok(Some(last)), _) => format!(
            "{THERE}. The last that the log tells of it, at {:.0}: {}.",
            last.at,
            last.words()
        ),
        (Ok(None), Ok(_)) => format!(
            "It is not in the campaign, and the log has no change of it since {since:.0}: the CRM sent none \
             since then, or the key is another one, byte for byte."
        ),
        (Ok(None), Err(_)) => format!(
            "It is not in the campaign. The log has no change of it since {since:.0}, and whether one is parked \
             is not known."
        ),
    };
    finding("contact", Says::Stops, words)
}

/// A change of the contact that has not ended.
fn waits(story: &Result<ContactHistory, String>) -> Option<Finding> {
    let last = story.as_ref().map_err(String::as_str);
    match last.and_then(ContactHistory::last) {
        Err(why) => Some(finding(
            "log",
            Says::Unknown,
            format!("What became of its changes could not be read: {why}."),
        )),
        Ok(last) => {
            let last = last.filter(|last| !last.is_end())?;
            let (at, words) = (last.at, last.words());
            let words = match last.what {
                "retried" => {
                    format!("A change of it is not applied yet: since {at:.0} it {words}.")
                }
                _ => format!(
                    "The work on a change of it has not ended. The last, at {at:.0}: {words}."
                ),
            };
            Some(finding("queue", Says::May, words))
        }
    }
}

fn of_parked(parked: &ParkedOf) -> Option<Finding> {
    let what = "parked";
    match parked {
        Ok(parked) if parked.is_empty() => None,
        Ok(parked) => {
            let all = named(parked);
            let may_be = if parked.iter().any(|one| one.opt_out.is_some()) {
                "An opt-out may be among them: until it is applied, the contact may be called though it must not be"
            } else {
                "It may be an opt-in"
            };
            let words = format!("Parked, and so not applied: {all}. {may_be}.");
            Some(finding(what, Says::May, words))
        }
        Err(NotSeen::Yet) => Some(finding(
            what,
            Says::Unknown,
            "The dead-letter queue is being looked at: what is parked of it is not known yet.",
        )),
        Err(NotSeen::Failed(error)) => Some(finding(
            what,
            Says::Unknown,
            format!("What is parked of it could not be looked at: {error}."),
        )),
    }
}

fn named(parked: &[ParkedChange]) -> String {
    let all = parked.iter().map(|one| match one.opt_out {
        Some(word) => format!("{} ({}: {word})", one.id, one.reason),
        None => format!("{} ({})", one.id, one.reason),
    });
    all.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
