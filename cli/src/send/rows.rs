//! A file's rows as changes: CSV, JSON lines, or a JSON array.

mod flat;
mod mapping;

use std::borrow::Cow;

use domain::Change;
use domain::change::{CampaignId, EventId, Fault, Invalid, OrgId, Row, Sender, SourceName};
use domain::json::Members;
use jiff::Timestamp;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::csv;
pub(super) use flat::is_shortened;
use flat::{Flat, Value, Wrong};
pub(super) use mapping::Mapping;
use mapping::Meaning;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    Csv,
    Ndjson,
    Json,
}

/// What is wrong with one row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowFault {
    /// Such as `line 7`.
    pub(super) place: String,
    /// What was expected where. Names of the file's columns may stand in it, no value.
    pub(super) what: String,
}

/// What all rows have in common.
pub(super) struct Common {
    pub(super) org: OrgId,
    pub(super) campaign: CampaignId,
    pub(super) now: Timestamp,
    /// The time of every change that says none.
    pub(super) as_of: Option<Timestamp>,
}

/// What stands at one place of a file.
#[derive(Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, and hardly any is blank"
)]
pub(super) enum Found {
    /// A change, and its place.
    Change(String, Change),
    /// A row without any value, as spreadsheets leave them behind the last one.
    Blank,
}

/// What a file holds, in its order.
pub(super) type Rows<'a> = Box<dyn Iterator<Item = Result<Found, RowFault>> + 'a>;

/// A file that was read.
pub(super) struct File {
    text: String,
    format: Format,
    mapping: Mapping,
    common: Common,
    sender: Sender,
}

impl File {
    pub(super) fn new(
        text: String,
        format: Format,
        mapping: Mapping,
        common: Common,
    ) -> Result<File, String> {
        let sender = Sender {
            source: SourceName::parse("send").map_err(Cow::into_owned)?,
            org: Some(common.org.clone()),
            campaign: Some(common.campaign.clone()),
        };
        Ok(File {
            text,
            format,
            mapping,
            common,
            sender,
        })
    }

    /// How many lines the file has.
    pub(super) fn lines(&self) -> usize {
        let ends = csv::line_ends(&self.text);
        let ends_itself = self.text.is_empty() || self.text.ends_with(['\r', '\n']);
        if ends_itself { ends } else { ends + 1 }
    }

    /// The delimiter that is guessed, or that the file itself names: what a person should know
    /// before the rows are sent.
    pub(super) fn guessed_delimiter(&self) -> Option<String> {
        let is_guessed = self.format == Format::Csv && self.mapping.delimiter.is_none();
        let delimiter = self.mapping.layout(&self.text).delimiter;
        (is_guessed && delimiter != ',').then(|| mapping::shown(delimiter))
    }

    /// What stands at each place, in the order of the file.
    ///
    /// # Errors
    /// What is wrong with the file as a whole.
    pub(super) fn rows(&self) -> Result<Rows<'_>, String> {
        Ok(match self.format {
            Format::Csv => self.csv()?,
            Format::Ndjson => Box::new(self.text.lines().enumerate().map(|(index, line)| {
                if line.trim().is_empty() {
                    return Ok(Found::Blank);
                }
                self.json_row(format!("line {}", index + 1), line)
            })),
            Format::Json => {
                let rows: Vec<&RawValue> = serde_json::from_str(&self.text).map_err(|error| {
                    format!("line {}: expected a JSON array of objects", error.line())
                })?;
                let rows = rows.into_iter().enumerate();
                Box::new(
                    rows.map(|(index, row)| {
                        self.json_row(format!("element {}", index + 1), row.get())
                    }),
                )
            }
        })
    }

    fn csv(&self) -> Result<Rows<'_>, String> {
        let layout = self.mapping.layout(&self.text);
        let mut rows = layout.reader(self.mapping.has_quotes());
        let header = rows
            .next()
            .transpose()
            .map_err(|fault| format!("line {}: {}", fault.line, fault.what))?;
        let header = header.filter(|header| header.values.iter().any(|name| !name.is_empty()));
        let header = header.ok_or("line 1: expected the names of the columns")?;
        let header: Vec<_> = header.values.into_iter().map(Cow::into_owned).collect();
        let meanings = self.mapping.meanings(&header)?;
        Ok(Box::new(rows.map(move |row| match row {
            Ok(row) if row.values.iter().all(|value| value.is_empty()) => Ok(Found::Blank),
            Ok(row) => self.csv_row(
                format!("line {}", row.line),
                &header,
                &meanings,
                &row.values,
            ),
            Err(fault) => Err(RowFault {
                place: format!("line {}", fault.line),
                what: format!("{}. What follows is not read", fault.what),
            }),
        })))
    }

    fn csv_row(
        &self,
        place: String,
        header: &[String],
        meanings: &[Option<Meaning>],
        values: &[Cow<'_, str>],
    ) -> Result<Found, RowFault> {
        if values.len() != header.len() {
            let what = format!(
                "expected {} values, as in the first line; there are {}",
                header.len(),
                values.len()
            );
            return Err(RowFault { place, what });
        }
        let mut row = Flat::default();
        for (meaning, value) in meanings.iter().zip(values) {
            let value = match value.as_ref() {
                "" if self.mapping.clear_empty => Value::Null,
                "" => Value::Nothing,
                text => Value::Text(text),
            };
            if let Some(meaning) = meaning {
                row.put(meaning, &value);
            }
        }
        self.flat(place, row)
    }

    fn json_row(&self, place: String, text: &str) -> Result<Found, RowFault> {
        if !self.mapping.is_given() {
            return self.change(place, text, &[]);
        }
        let Ok(Members(members)) = serde_json::from_str(text) else {
            let what = "expected one JSON object, its names of whole characters".to_owned();
            return Err(RowFault { place, what });
        };
        let names: Vec<_> = members.iter().map(|(name, _)| name.to_string()).collect();
        if let Some(twice) = mapping::twice(&names) {
            let what = format!("{twice}: expected once");
            return Err(RowFault { place, what });
        }
        let meanings = match self.mapping.meanings(&names) {
            Ok(meanings) => meanings,
            Err(what) => return Err(RowFault { place, what }),
        };
        let mut row = Flat::default();
        for (meaning, (_, value)) in meanings.iter().zip(&members) {
            if let Some(meaning) = meaning {
                row.put(meaning, &Value::of(value));
            }
        }
        self.flat(place, row)
    }

    fn flat(&self, place: String, row: Flat<'_>) -> Result<Found, RowFault> {
        let (text, wrong) = row.text();
        self.change(place, &text, &wrong)
    }

    /// `text`: the row as a change (docs/contract.md "Contact change"), which may leave out the
    /// event id and does leave out what is `wrong`.
    fn change(&self, place: String, text: &str, wrong: &[Wrong]) -> Result<Found, RowFault> {
        // Of the row and its place: the same row of the same file is the same event, whenever it is
        // sent.
        let digest: String = Sha256::digest(format!("{place}\n{text}"))
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let event_id = EventId::parse(&format!("send-{digest}")).map_err(|expected| RowFault {
            place: place.clone(),
            what: expected.into_owned(),
        })?;
        let row = Row {
            sender: &self.sender,
            event_id,
            occurred_at: self.common.as_of,
        };
        let parsed = Change::parse_row(&row, text, self.common.now);
        let faults = parsed.as_ref().err().map_or(&[][..], Invalid::faults);
        let is_told = |fault: &&Fault| {
            let name = fault.pointer.trim_start_matches('/');
            !wrong.iter().any(|(member, _)| *member == name)
        };
        let told = faults.iter().filter(is_told);
        let told = told.map(|fault| format!("{}: {}", self.of_file(&fault.pointer), fault.message));
        let wrong = wrong
            .iter()
            .map(|(member, what)| format!("{}: {what}", self.of_file(member)));
        let what = told.chain(wrong).collect::<Vec<_>>().join("; ");
        match parsed {
            Ok(change) if what.is_empty() => Ok(Found::Change(place, change)),
            _ => Err(RowFault { place, what }),
        }
    }

    /// The name in the file of what a pointer names in a change.
    fn of_file<'a>(&'a self, pointer: &'a str) -> &'a str {
        let name = pointer.trim_start_matches('/');
        match (self.mapping.named(name), name) {
            (Some(named), _) => named,
            (None, "") => "the row",
            (None, name) => name.strip_prefix("data/").unwrap_or(name),
        }
    }
}

#[cfg(test)]
mod tests;
