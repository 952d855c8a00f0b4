//! Names of columns: where they stand, and which one may be meant.

use std::collections::BTreeSet;

use strsim::damerau_levenshtein;

/// The delimiter that a first line `sep=;` says, and what follows that line.
pub(super) fn sep_line(text: &str) -> Option<(char, &str)> {
    let said = text
        .get(..4)
        .filter(|start| start.eq_ignore_ascii_case("sep="));
    let mut rest = text[said?.len()..].chars();
    let delimiter = rest.next().filter(|c| !['"', '\r', '\n'].contains(c))?;
    let rest = rest.as_str();
    let rest = ["\r\n", "\n", "\r"]
        .iter()
        .find_map(|end| rest.strip_prefix(end))?;
    Some((delimiter, rest))
}

/// The first name that stands a second time.
pub(in crate::send::rows) fn twice(names: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    names.iter().find(|name| !seen.insert(*name))
}

/// Where the one column of this name stands.
pub(super) fn place(flag: &str, name: &str, file: &[String]) -> Result<usize, String> {
    let mut places = (0..file.len()).filter(|place| file[*place] == name);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (Some(_), Some(_)) => Err(format!("column {name:?}: expected once in the first line")),
        (None, _) => {
            let hint = match file {
                [_] => "; say --delimiter if it is the character between several",
                _ => "",
            };
            let columns = listed(file);
            Err(format!(
                "{flag}: the file has no column {name:?}; it has {columns}{hint}"
            ))
        }
    }
}

/// So many names are told.
const TOLD: usize = 30;

fn listed(names: &[String]) -> String {
    let mut told: Vec<_> = names
        .iter()
        .take(TOLD)
        .map(|name| format!("{name:?}"))
        .collect();
    if names.len() > TOLD {
        told.push(format!("and {} more", names.len() - TOLD));
    }
    told.join(", ")
}

pub(super) fn letters(text: &str) -> String {
    let kept = text.chars().filter(char::is_ascii_alphanumeric);
    kept.collect::<String>().to_ascii_lowercase()
}

/// Whether only case, spaces or punctuation differ; of what may say that nobody may call also one
/// typing error, or more around it.
pub(super) fn is_nearly(name: &str, member: &str) -> bool {
    let (name, member) = (letters(name), letters(member));
    let says_who_may_call = ["callable", "operation"].contains(&member.as_str());
    name == member
        || says_who_may_call && (name.contains(&member) || damerau_levenshtein(&name, &member) <= 1)
}

/// Whether a column's name says that who has true there may not be called, as CRMs name them:
/// `DoNotCall`, `HasOptedOutOfEmail`, `unsubscribed`, `DNC`.
pub(super) fn says_no(name: &str) -> bool {
    const NO: [&str; 17] = [
        "donotcall",
        "donotphone",
        "donotcontact",
        "donottext",
        "donotsms",
        "donotdial",
        "dontcall",
        "nocall",
        "optout",
        "optedout",
        "unsubscribe",
        "notcallable",
        "uncallable",
        "noncallable",
        "suppress",
        "blacklist",
        "blocklist",
    ];
    let name = letters(name);
    let is_slip = ["donotcall", "optedout", "optout", "unsubscribed"]
        .iter()
        .any(|no| damerau_levenshtein(&name, no) <= 1);
    // "notOptedOut" says that the contact may be called.
    let is_denied = |at: usize| name[..at].ends_with("not") || name[..at].ends_with("never");
    let says = |no: &&str| name.find(*no).is_some_and(|at| !is_denied(at));
    is_slip || name.starts_with("dnc") || name.ends_with("dnc") || NO.iter().any(says)
}
