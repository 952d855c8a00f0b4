//! A contact list as an export showed it. Its rows are in a temporary file, and 16 bytes of each
//! row are in memory.
//!
//! It finds a contact by its key, and it can note which contacts a feed lists. It is not updated: a
//! contact is as it was at the time of the export. `rows` builds a snapshot, and `layout` says what
//! the cells of a row mean.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use domain::change::ContactKey;
use domain::channel::{Lowered, Statuses};
use domain::contact::{Columns, Contact};
use serde_json::{Map, json};

use super::layout::{Layout, flag};

/// The place of a contact's row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// The hash of the contact's id.
    pub(super) hash: u64,
    /// The offset of the row in the file.
    pub(super) at: u64,
}

/// The hash of an id. Ids that only differ in case have the same hash.
pub(super) fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    for letter in id.chars().flat_map(char::to_lowercase) {
        letter.hash(&mut hasher);
    }
    hasher.finish()
}

/// A whole contact list.
pub struct Snapshot {
    file: File,
    /// The entries in ascending order of their hash.
    index: Vec<Entry>,
    layout: Layout,
    version_field: Option<String>,
    untold: Lowered,
    /// One bit for each entry: whether the feed lists the contact.
    listed: Vec<u64>,
}

/// A contact that the feed does not list.
pub struct Unlisted {
    /// The hash of the id. It does not depend on the case of the letters.
    pub hash: u64,
    /// The contact's key. It is personal data.
    pub id: String,
    /// The contact as the export shows it.
    pub contact: Contact,
}

/// The answer of a snapshot about a contact key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// There is no such contact.
    Nobody,
    /// The contact as it was then.
    Contact(Contact),
    /// There is a contact whose id only differs in case. Only the service knows whether that is the
    /// same contact.
    Unsure,
}

impl Snapshot {
    pub(super) fn new(
        file: File,
        mut index: Vec<Entry>,
        layout: Layout,
        version_field: Option<&str>,
        untold: Lowered,
    ) -> Snapshot {
        index.sort_unstable();
        Snapshot {
            file,
            index,
            layout,
            version_field: version_field.map(str::to_owned),
            untold,
            listed: Vec::new(),
        }
    }

    /// Notes that the feed lists the contact of this key, and every contact whose id only differs
    /// in case.
    pub fn list(&mut self, key: &ContactKey) {
        self.listed.resize(self.index.len().div_ceil(64), 0);
        for place in self.alike(hash(key.as_str())) {
            self.listed[place / 64] |= 1 << (place % 64);
        }
    }

    /// The contacts that the feed does not list, in the order of their hashes. A contact that only
    /// an opt-out created does not belong to the campaign, so it is left out.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn unlisted(&self) -> impl Iterator<Item = io::Result<Unlisted>> {
        let is_listed = |place: usize| {
            let word = self.listed.get(place / 64).copied().unwrap_or_default();
            word & (1 << (place % 64)) != 0
        };
        let unlisted = self.index.iter().enumerate();
        let unlisted = unlisted.filter(move |(place, _)| !is_listed(*place));
        let unlisted = unlisted.map(|(_, entry)| {
            let row = self.row(entry.at)?;
            let mut cells = cells(&row);
            let id = cells.next().unwrap_or_default().to_owned();
            Ok(Unlisted {
                hash: entry.hash,
                id,
                contact: self.contact(cells),
            })
        });
        let is_hollow = |found: &Unlisted| found.contact.is_hollow();
        unlisted.filter(move |found| !found.as_ref().is_ok_and(is_hollow))
    }

    /// The places of all entries with this hash.
    fn alike(&self, hash: u64) -> Range<usize> {
        let first = self.index.partition_point(|entry| entry.hash < hash);
        let alike = self.index[first..].partition_point(|entry| entry.hash == hash);
        first..first + alike
    }

    /// How many contacts the list has.
    pub fn contacts(&self) -> usize {
        self.index.len()
    }

    /// How many of them the feed lists.
    pub fn listed(&self) -> u64 {
        self.listed
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    /// Channels and numbers about which the export says nothing.
    pub fn untold(&self) -> &Lowered {
        &self.untold
    }

    /// The contact of this key.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn find(&self, key: &ContactKey) -> io::Result<Shown> {
        let mut shown = Shown::Nobody;
        for entry in &self.index[self.alike(hash(key.as_str()))] {
            let row = self.row(entry.at)?;
            let mut cells = cells(&row);
            let id = cells.next().unwrap_or_default();
            if id == key.as_str() {
                // If a contact is in the export twice, the last row counts.
                shown = Shown::Contact(self.contact(cells));
            } else if shown == Shown::Nobody && is_alike(id, key.as_str()) {
                shown = Shown::Unsure;
            }
        }
        Ok(shown)
    }

    fn row(&self, at: u64) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.file.read_exact_at(&mut length, at)?;
        let mut row = vec![0; u32::from_le_bytes(length) as usize];
        self.file.read_exact_at(&mut row, at + 4)?;
        Ok(row)
    }

    /// Builds the contact of a row by the same rules as one that was read by itself.
    fn contact<'a>(&self, mut cells: impl Iterator<Item = &'a str>) -> Contact {
        let mut flag = || cells.next().and_then(flag).flatten();
        // A contact is callable unless the export says that it is not.
        let callable = flag().unwrap_or(true);
        let (mut channels, mut phones) = (Map::new(), Map::new());
        for (channel, _) in &self.layout.channels {
            if let Some(says) = flag() {
                channels.insert(channel.as_str().to_owned(), json!({ "contactable": says }));
            }
        }
        for (name, _) in &self.layout.phones {
            if let Some(says) = flag() {
                phones.insert(name.clone(), json!({ "callable": says }));
            }
        }
        let names = self.layout.columns.iter().map(|(name, _)| name.clone());
        let data = names.zip(cells.map(str::to_owned));
        let data = data.filter(|(_, cell)| !cell.is_empty()).collect();
        Contact {
            statuses: Statuses::new(channels.into(), phones.into()),
            ..Contact::new(Columns(data), callable, self.version_field.as_deref())
        }
    }
}

fn is_alike(id: &str, key: &str) -> bool {
    id.to_lowercase() == key.to_lowercase()
}

/// The cells of a row as `rows` stored it.
fn cells(mut row: &[u8]) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (length, rest) = row.split_first_chunk::<2>()?;
        let (cell, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
        row = rest;
        // The cell was UTF-8 when it was written.
        std::str::from_utf8(cell).ok()
    })
}
