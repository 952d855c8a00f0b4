//! The records that a vendor's own API lists, and the feeds that read them.

use emulator::crm::Vendor;

use super::*;

/// How many records a page has. They are few, so that there are several pages.
pub(super) const PAGE: usize = 50;
/// The custom field of Pipedrive that names a person's campaign.
pub(super) const SEGMENT: &str = "5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7";

/// All records, as the API lists them.
pub(crate) struct Listed {
    vendor: Vendor,
    records: Vec<Value>,
    pub(super) stamps: [&'static str; 2],
}

impl Listed {
    pub(super) fn new(speaker: &dyn Speaker, records: &[&Record]) -> Listed {
        let records = records.iter().map(|record| speaker.record(record));
        Listed {
            vendor: speaker.api(),
            records: records.collect(),
            stamps: speaker.stamps(),
        }
    }

    /// An emulated CRM without records.
    pub(crate) fn crm(&self, clock: io::Clock) -> emulator::Crm {
        let crm = emulator::Crm::new(self.vendor, clock);
        for place in 0..CAMPAIGNS.len() {
            crm.put_filter(&filter(place), SEGMENT, option(place).into());
        }
        match self.vendor {
            // Salesforce chooses the size of a page itself. The requests to the others name it.
            Vendor::Salesforce => crm.with_page(PAGE),
            _ => crm,
        }
    }

    /// Puts the records into the emulated CRM.
    pub(crate) fn put(&self, crm: &emulator::Crm) {
        let records = self.records.iter();
        // Dataverse does not list a deleted record, which is null here.
        let there = records.filter(|record| !record.is_null());
        there.for_each(|record| crm.put(record.clone()));
    }
}

/// The text by which a record names its campaign.
pub(super) fn segment(record: &Record) -> String {
    name(record.campaign)
}

fn name(place: usize) -> String {
    format!("segment-{}", place + 1)
}

/// The id of the option of [`SEGMENT`] that stands for a campaign.
pub(super) fn option(place: usize) -> u32 {
    101 + u32::try_from(place).unwrap_or_default()
}

fn filter(place: usize) -> String {
    format!("{}", 71 + place)
}

/// The secret of each org's feed.
pub(super) fn feeds(speaker: &dyn Speaker) -> BTreeMap<String, Value> {
    let mut campaigns: BTreeMap<String, Value> = BTreeMap::new();
    for (place, (org, campaign)) in CAMPAIGNS.iter().enumerate() {
        let texts = match speaker.api() {
            Vendor::Pipedrive => json!({ "filter": filter(place) }),
            _ => json!({ "name": name(place) }),
        };
        campaigns.entry((*org).to_owned()).or_insert(json!({}))[*campaign] = texts;
    }
    let feeds = campaigns.into_iter();
    feeds
        .map(|(org, campaigns)| (org, speaker.feed(campaigns)))
        .collect()
}

/// The names of these fields and of `more`, with commas between them.
pub(super) fn fields(fields: &[(&str, &str)], more: &[&str]) -> String {
    let fields = fields.iter().map(|(field, _)| *field);
    fields
        .chain(more.iter().copied())
        .collect::<Vec<_>>()
        .join(",")
}
