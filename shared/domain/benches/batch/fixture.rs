//! A batch of ten, as apply gets it, and the contacts as they are stored.

use std::collections::BTreeMap;

use domain::change::{Change, VersionFrom};
use domain::contact::Columns;
use domain::plan::{Plan, RankedChange, Wishes, plan};
use domain::version::Raise;
use domain::{Contact, Rank, Version};

/// Ten bodies, for contacts with this many changes each.
pub(crate) fn bodies(changes_per_contact: usize) -> Vec<String> {
    let body = |n: usize| {
        let contact = n / changes_per_contact;
        format!(
            r#"{{"schema":1,"eventId":"evt_{n}","org":"org-0","campaignId":"47526757-130f-4f52-981c-e1ff0e4ae394","contactKey":"LEAD-{contact:05}","operation":"upsert","version":{},"occurredAt":"2026-11-24T16:00:00Z","source":"crm","data":{{"firstName":"Émile","lastName":"O'Neil","phone":"+15550000001","email":"contact{contact}@example.com","status":"engaged","priority":"{n}","timezone":"America/New_York","notes":null}}}}"#,
            1_790_000_000_000_u64 + n as u64,
        )
    };
    (0..10).map(body).collect()
}

/// A contact with an older rank.
pub(crate) fn stored() -> Contact {
    let columns = [
        "firstName",
        "lastName",
        "phone",
        "email",
        "status",
        "priority",
        "timezone",
        "notes",
    ];
    let data: BTreeMap<_, _> = columns
        .into_iter()
        .map(|name| (name.to_owned(), "before".to_owned()))
        .collect();
    let mut contact = Contact::new(Columns(data), true, None);
    contact.version = Version::from(Rank::new(1_789_000_000_000));
    contact
}

/// Each body, and its message group, which apply compares with that of the record.
pub(crate) fn parse(bodies: &[String]) -> Vec<Change> {
    let changes = bodies.iter().filter_map(|body| Change::parse(body).ok());
    changes
        .filter(|change| change.message_group().as_str().starts_with("org-0/"))
        .collect()
}

/// Folds the changes of each contact and plans it.
pub(crate) fn plan_all(changes: &[Change], stored: &Contact) -> Vec<Plan> {
    let of_contact = changes.chunk_by(|one, next| one.key == next.key);
    of_contact
        .map(|changes| {
            let ranked: Vec<_> = changes
                .iter()
                .map(|change| RankedChange::new(change, Some(VersionFrom::Version)))
                .collect();
            let raise = Some(Raise::Own);
            let wishes = Wishes {
                raise,
                ..Wishes::default()
            };
            plan(&ranked, Some(stored), wishes)
        })
        .collect()
}
