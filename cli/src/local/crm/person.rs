//! The contacts of the made-up CRM.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;

use super::super::Api;
use super::Key;
use super::replay::Expected;
use crate::made_up::CAMPAIGNS;

pub(in crate::local) const COLUMNS: [&str; 6] =
    ["firstName", "lastName", "phone", "email", "status", "notes"];

/// A contact as the CRM has it now.
pub(super) struct Person {
    pub(super) key: Key,
    pub(super) columns: BTreeMap<&'static str, Option<String>>,
    pub(super) callable: bool,
    pub(super) is_removed: bool,
    pub(super) last_delivery: Duration,
}

impl Person {
    pub(super) fn new(rng: &mut Rng, api: Api, n: usize) -> Person {
        let (org, campaign) = CAMPAIGNS[n % CAMPAIGNS.len()];
        let key = match n % 40 {
            // A contact list accepts no special characters in an id (docs/genesys-cloud.md "Add or
            // update contacts").
            _ if api == Api::ContactLists => format!("LEAD-{n:05}"),
            6 => format!("lead {n:05}"),
            12 => format!("LEAD/{n:05}"),
            18 => format!("LEAD#{n:05}?"),
            24 => format!("LEAD%2F{n:05}"),
            // This key and the one of `n` = 30 differ only in case.
            27 => format!("é-{:05}", n + 3),
            30 => format!("É-{n:05}"),
            36 => format!("☎️-{n:05}"),
            _ => format!("LEAD-{n:05}"),
        };
        Person {
            key: (org.to_owned(), campaign.to_owned(), key),
            columns: COLUMNS
                .into_iter()
                .map(|column| (column, column_value(rng, column)))
                .collect(),
            callable: true,
            is_removed: false,
            last_delivery: Duration::ZERO,
        }
    }

    /// The contact as its campaign holds it after a load from the CRM, before the story begins.
    pub(super) fn as_loaded(&self) -> (Key, Expected) {
        (
            self.key.clone(),
            Expected::new(&self.columns, self.callable),
        )
    }
}

pub(in crate::local) fn column_value(rng: &mut Rng, column: &str) -> Option<String> {
    let one_of = |rng: &mut Rng, words: &[&str]| words[rng.usize(..words.len())].to_owned();
    Some(match column {
        "firstName" => one_of(rng, &["Ada", "Björn", "Chidi", "Dora", "Émile", "Farah"]),
        "lastName" => one_of(
            rng,
            &["Smith", "García", "Okafor", "Novák", "O'Neil", "Sato"],
        ),
        "phone" => format!("+1555{:07}", rng.u32(..10_000_000)),
        "email" => format!("contact{}@example.com", rng.u32(..10_000)),
        "status" => one_of(rng, &["new", "callback", "engaged", "closed"]),
        _ if rng.f64() < 0.3 => return None,
        _ => format!("note {:08x}", rng.u32(..)),
    })
}
