//! The feed examples of the pages of a CRM. Each shows a feed's secret, an answer of the vendor's
//! API, and the contacts that it becomes. Webhooks of the same pages are in [`super`].

use std::collections::BTreeSet;

use bytes::Bytes;
use domain::change::{CampaignId, Feed, OrgId};
use emulator::crm::{CLIENT_ID, CLIENT_SECRET, TOKEN};
use http::Response;
use io::secrets::{FeedSecret, Pages};
use mapping::RECORDS;
use reconcile::feed::{Page, Query, read};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{blocks, pages};

/// The info strings of the fenced blocks of an example, in order.
const KINDS: [&str; 3] = ["json feed", "json page", "json contacts"];
/// The campaign of every example.
const CAMPAIGN: &str = "5f0c1e1a-6f0e-4d6e-9f55-0f6f4b3f9a11";

pub(crate) struct Example {
    page: String,
    /// The secret as the page shows it.
    secret: String,
    pub(crate) answer: Value,
    contacts: Vec<Value>,
}

/// The feed example of a page of docs/crm/.
pub(crate) fn of(page: &str) -> Example {
    let mut examples = all().into_iter();
    examples.find(|example| example.page == page).unwrap()
}

fn all() -> Vec<Example> {
    let pages = pages();
    let examples = pages.iter().filter_map(|(page, text)| {
        let mut blocks = blocks(text);
        blocks.retain(|(info, _)| KINDS.contains(info));
        if blocks.is_empty() {
            return None;
        }
        let kinds: Vec<_> = blocks.iter().map(|(info, _)| *info).collect();
        assert_eq!(kinds, KINDS, "{page}");
        let json = |text: &str| {
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{page}: {error}"))
        };
        Some(Example {
            page: page.clone(),
            secret: blocks[0].1.clone(),
            answer: json(&blocks[1].1),
            contacts: serde_json::from_value(json(&blocks[2].1)).unwrap(),
        })
    });
    examples.collect()
}

impl Example {
    /// The secret with the credentials that the emulated vendors accept.
    pub(crate) fn secret(&self) -> Value {
        let mut secret: Value = serde_json::from_str(&self.secret).unwrap();
        for (name, value) in secret["auth"].as_object_mut().unwrap() {
            if *value == "…" {
                *value = match name.as_str() {
                    "clientId" => CLIENT_ID,
                    "clientSecret" => CLIENT_SECRET,
                    _ => TOKEN,
                }
                .into();
            }
        }
        secret
    }

    fn read(&self) -> (FeedSecret, Page) {
        let secret = SecretString::from(self.secret().to_string());
        let secret = FeedSecret::parse(&secret, false);
        let secret = secret.unwrap_or_else(|error| panic!("{}: {error}", self.page));
        let now = "2026-11-24T17:00:00Z".parse().unwrap();
        let feed = Feed {
            org: OrgId::parse("acme-us").unwrap(),
            campaign: CampaignId::parse(CAMPAIGN).unwrap(),
            run: now,
        };
        let query = Query {
            feed: &feed,
            since: "2026-11-24T15:00:00Z".parse().unwrap(),
            cursor: None,
        };
        let at = query.plain(&secret).unwrap().url;
        let answer = Response::new(Bytes::from(self.answer.to_string()));
        let page = read(&secret, &query, &at, &answer, now).unwrap();
        (secret, page)
    }
}

#[test]
fn every_example_answer_becomes_the_contacts_that_its_page_shows() {
    for example in all() {
        let (_, page) = example.read();
        assert!(
            page.faulty.is_empty(),
            "{}: {:?}",
            example.page,
            page.faulty
        );
        // Only a page without items ends a keyset.
        let is_keyset = example.secret()["next"]["keyset"].is_string();
        assert_eq!(page.next.is_some(), is_keyset, "{}", example.page);
        let changes = page.changes.iter().map(|change| {
            let mut change: Value = serde_json::from_str(&change.body()).unwrap();
            let members = change.as_object_mut().unwrap();
            let added = ["schema", "eventId", "org", "campaignId", "source"];
            members.retain(|name, _| !added.contains(&name.as_str()));
            change
        });
        assert_eq!(
            changes.collect::<Vec<_>>(),
            example.contacts,
            "{}",
            example.page
        );
    }
}

#[test]
fn every_preset_of_records_is_in_an_example() {
    let presets = all()
        .into_iter()
        .filter_map(|example| match example.read().0.pages {
            Pages::Configured { mapping, .. } => mapping.map(|mapping| mapping.name().to_owned()),
            Pages::Own => None,
        });
    let presets: BTreeSet<_> = presets.collect();
    assert_eq!(presets, RECORDS.map(str::to_owned).into());
}

/// The credentials on a page are placeholders for the reader to fill in.
#[test]
fn no_page_shows_the_credentials_of_a_feed() {
    let secrets = ["token", "value", "clientId", "clientSecret", "refreshToken"];
    for example in all() {
        let secret: Value = serde_json::from_str(&example.secret).unwrap();
        let auth = secret["auth"].as_object().unwrap();
        let shown = auth
            .iter()
            .filter(|(name, _)| secrets.contains(&name.as_str()));
        let shown: Vec<_> = shown.map(|(_, value)| value.clone()).collect();
        assert!(!shown.is_empty(), "{}", example.page);
        assert!(shown.iter().all(|value| value == "…"), "{}", example.page);
    }
}

/// If a request does not select the opt-out field, the item is a fault. Nobody becomes callable by
/// it.
#[test]
fn an_answer_without_the_opt_out_field_is_a_fault_for_each_vendor() {
    for mut example in all() {
        let secret = example.secret();
        let field = secret["mapping"]["optOut"]["field"].as_str().unwrap();
        let items = secret["items"].as_str().unwrap();
        let items = example.answer.pointer_mut(items).unwrap();
        let mut living = 0;
        for item in items.as_array_mut().unwrap() {
            living += usize::from(item["IsDeleted"] != json!(true));
            for place in ["", "/properties", "/custom_fields"] {
                if let Some(Value::Object(members)) = item.pointer_mut(place) {
                    members.remove(field);
                }
            }
        }
        let (_, page) = example.read();
        assert_eq!(page.faulty.len(), living, "{}", example.page);
        for faulty in &page.faulty {
            assert!(
                faulty.what.ends_with("the opt-out field is missing"),
                "{}",
                faulty.what
            );
        }
        let removals = page
            .changes
            .iter()
            .filter(|change| change.body().contains("remove"));
        assert_eq!(removals.count(), page.changes.len());
    }
}
