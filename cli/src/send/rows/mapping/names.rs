//! Compares the names of columns: finds a column by its name, and names that may mean a member of a
//! change.
//!
//! The names decide nothing here: [`meaning`](super::meaning) asks the person for a flag if a name
//! is only like another.

use std::collections::BTreeSet;

use strsim::damerau_levenshtein;

/// The delimiter that a first line `sep=;` names, and the text behind that line.
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

/// The first name that occurs twice.
pub(in crate::send::rows) fn twice(names: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    names.iter().find(|name| !seen.insert(*name))
}

/// The place of the column of this name, which must occur once. `flag` is the flag that names it.
pub(super) fn place(flag: &str, name: &str, file: &[String]) -> Result<usize, String> {
    let mut places = (0..file.len()).filter(|place| file[*place] == name);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (Some(_), Some(_)) => Err(format!("column {name:?}: expected once in the first line")),
        (None, _) => {
            let hint = match file {
                [_] => "; pass --delimiter if another character separates the columns",
                _ => "",
            };
            let columns = listed(file);
            Err(format!(
                "{flag}: the file has no column {name:?}; it has {columns}{hint}"
            ))
        }
    }
}

/// The most names that an error lists.
const MOST_NAMES: usize = 30;

fn listed(names: &[String]) -> String {
    let mut told: Vec<_> = names
        .iter()
        .take(MOST_NAMES)
        .map(|name| format!("{name:?}"))
        .collect();
    if names.len() > MOST_NAMES {
        told.push(format!("and {} more", names.len() - MOST_NAMES));
    }
    told.join(", ")
}

/// The ASCII letters and digits of a name, in lower case.
pub(super) fn letters(text: &str) -> String {
    let kept = text.chars().filter(char::is_ascii_alphanumeric);
    kept.collect::<String>().to_ascii_lowercase()
}

/// Whether a column's name differs from a member's only in case, spaces or punctuation. The members
/// `callable` and `operation` may say that nobody may call: for them one typing error, or more text
/// around the name, is near enough too.
pub(super) fn is_nearly(name: &str, member: &str) -> bool {
    let (name, member) = (letters(name), letters(member));
    let says_who_may_call = ["callable", "operation"].contains(&member.as_str());
    name == member
        || says_who_may_call && (name.contains(&member) || damerau_levenshtein(&name, &member) <= 1)
}

/// Whether a column's name means that a contact with true in it may not be called. CRMs name such
/// columns `DoNotCall`, `HasOptedOutOfEmail`, `unsubscribed` or `DNC`.
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
