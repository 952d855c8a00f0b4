//! Checks the DNC list of an org: whether it exists and is of the right kind, and whether it keeps
//! the contacts of a campaign from being called.
//!
//! A list excludes by one column of the contact list, so a campaign must name the list and have the
//! column, and a contact must hold its entry there (docs/genesys-cloud.md "DNC lists"). No entry is
//! added or removed: apply adds them, and `campaign-sync dnc remove` takes one away.

use domain::change::{CampaignId, ContactKey};
use domain::contact::Contact;
use domain::dnc::{DncBy, DncList};
use io::genesys::{DncFacts, Failure, Kind, ListFacts, Org, Run};

use super::Findings;

/// The list that the secret names, and the column of a contact list by which it excludes.
pub(super) struct Dnc<'a> {
    list: &'a DncList,
    column: String,
}

/// Checks the list itself. `None` means that it cannot be used as the secret says.
pub(super) async fn check<'a>(
    list: &'a DncList,
    org: &Org,
    findings: &mut Findings,
) -> Option<Dnc<'a>> {
    let what = format!("DNC list {}", list.id.as_str());
    let found = org.dnc_facts(&Run::patient(None), &list.id).await;
    let found = found.map_err(|failure| unknown(&failure));
    let column = found.as_ref().ok().and_then(|facts| column(list, facts));
    let seen = found.and_then(|facts| kind(list, &facts));
    let is_right = seen.is_ok();
    findings.add(&what, seen);
    if is_right {
        findings.skip(
            &format!("{what}: entries may be added"),
            "this cannot be tried without adding an entry: whether outbound:dnc:edit is granted shows only at \
             the first opt-out",
        );
    }
    let column = column.filter(|_| is_right)?;
    Some(Dnc { list, column })
}

/// The column of a contact list by which the DNC list excludes.
fn column(list: &DncList, facts: &DncFacts) -> Option<String> {
    match &list.by {
        DncBy::ContactKey => facts.exclusion_column.clone(),
        DncBy::Phone { column } => Some(column.clone()),
    }
}

/// Checks that the list is of the kind that the secret's `by` needs.
fn kind(list: &DncList, facts: &DncFacts) -> Result<String, String> {
    let holds = match (&facts.exclusion_column, &facts.contact_method) {
        (Some(column), _) => format!("{}, excludes by the column {column}", facts.kind),
        (None, Some(method)) => format!("{}, for {method}", facts.kind),
        (None, None) => facts.kind.clone(),
    };
    if facts.holds(&list.by) && column(list, facts).is_some() {
        let entries = facts.entries.map(|entries| format!(", {entries} on it"));
        return Ok(holds + &entries.unwrap_or_default());
    }
    let needed = match list.by {
        DncBy::ContactKey => {
            "\"by\": \"contactKey\" needs an internal list of custom values, rds_custom"
        }
        DncBy::Phone { .. } => "\"by\": \"phone\" needs an internal list of phone numbers, rds",
    };
    Err(format!(
        "it is {holds}: {needed}; name another list, or say in the secret what of a contact stands on this one"
    ))
}

fn unknown(failure: &Failure) -> String {
    let to_do = match failure.kind {
        Kind::NotFound => {
            "look at the id in the secret's dncList, and at the division of the OAuth client's role"
        }
        Kind::Refused => {
            "give the OAuth client a role with the permissions outbound:dncList:view and outbound:dnc:edit, in the list's division"
        }
        Kind::Throttled { .. } | Kind::BudgetSpent { .. } => "try again in a minute",
        _ => "Genesys Cloud did not answer as it should: try again",
    };
    format!("{failure}: {to_do}")
}

impl Dnc<'_> {
    /// Checks whether the campaign uses the list, and whether its contact list has the column by
    /// which the DNC list excludes.
    pub(super) fn of_campaign(&self, id: &CampaignId, list: &ListFacts, findings: &mut Findings) {
        let (dnc, column) = (self.list.id.as_str(), &self.column);
        let asks = if list.dnc_lists.contains(dnc) {
            Ok("the campaign asks it before it calls".to_owned())
        } else {
            Err(format!(
                "the campaign does not name DNC list {dnc}, so contacts on that list are called: add it to the \
                 campaign's DNC lists"
            ))
        };
        findings.add(format!("campaign {id}: names the DNC list"), asks);
        let what = format!("campaign {id}: column of the DNC list");
        if list.columns.is_empty() {
            let why =
                format!("the list names no columns, so it is not known whether it has {column}");
            return findings.skip(&what, &why);
        }
        let has_it = match (&self.list.by, list.columns.contains(column)) {
            (DncBy::ContactKey, true) => Ok(format!(
                "the list has {column}, which must hold the key of each contact"
            )),
            (DncBy::Phone { .. }, true) => Ok(format!("the list has {column}")),
            (_, false) => Err(format!(
                "the list lacks {column}, by which the DNC list excludes, so that it keeps nobody from being called; columns cannot \
                 be added to a list: make one with it and give the campaign that, or name another DNC list or column"
            )),
        };
        findings.add(what, has_it);
    }

    /// Checks whether an entry on the list would keep this contact from being called.
    pub(super) fn of_contact(
        &self,
        what: &str,
        key: &ContactKey,
        contact: &Contact,
        findings: &mut Findings,
    ) {
        let column = &self.column;
        let value = contact.data.get(column).map(String::as_str);
        let entry = self.list.entry(key, |_| value);
        let found = match (entry, &self.list.by) {
            (Some(entry), _) if value.map(str::trim) == Some(entry.as_str()) => Ok(format!(
                "{column} holds the value that the entry would have"
            )),
            (_, DncBy::ContactKey) => Err(format!(
                "{column} does not hold its key: it would be called though its key stands on the list; let the CRM send the key as {column}"
            )),
            (_, DncBy::Phone { .. }) => Err(format!(
                "{column} holds no number: an opt-out of it puts nothing on the list"
            )),
        };
        findings.add(what, found);
    }
}
