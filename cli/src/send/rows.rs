//! Makes changes of the rows of a file: CSV, JSON lines, or a JSON array.
//!
//! [`pieces`] cuts the text of the file into rows, [`mapping`] says what each column means, and
//! [`flat`] puts the values of a row together to a change. `Change::parse_row` of `domain` then
//! reads that change by the rules of a webhook. Nothing is known here of the org's own rules and of
//! the contact list: `target.rs` of the command checks those.
//!
//! A flat row, and the change that it becomes with `--key Id --callable MayCall --column
//! phone=Phone`:
//!
//! ```text
//! {"Id": 17, "MayCall": "no", "Phone": "+1"}
//! {"contactKey": "17", "callable": false, "data": {"phone": "+1"}}
//! ```

mod flat;
mod mapping;
mod pieces;

use std::borrow::Cow;

use domain::Change;
use domain::change::{CampaignId, EventId, Fault, Invalid, OrgId, Row, Sender, SourceName};
use domain::json::Members;
use encoding_rs::Encoding;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::source::Source;
use super::text::Text;
pub(super) use flat::is_shortened;
use flat::{Cell, FlatRow, WrongMember};
pub(super) use mapping::Mapping;
use mapping::Meaning;
use pieces::{Csv, Json, Ndjson, Piece};

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    Csv,
    Ndjson,
    Json,
}

/// A fault of one row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowFault {
    /// The place of the row in the file, such as `line 7`.
    pub(super) place: String,
    /// The message that says what was expected in which column. It names columns and holds no
    /// value.
    pub(super) what: String,
}

/// The members that all changes of a file have in common.
pub(super) struct Common {
    pub(super) org: OrgId,
    pub(super) campaign: CampaignId,
    pub(super) now: Timestamp,
    /// The time of each change that names none itself.
    pub(super) as_of: Option<Timestamp>,
    /// What distinguishes the events of this run from those of another one.
    pub(super) run: String,
}

/// A row that has no fault.
#[derive(Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, and hardly any is blank"
)]
pub(super) enum ParsedRow {
    /// The place of the row in the file, and its change.
    Change(String, Change),
    /// A row without any value. Spreadsheets leave these behind the last row.
    Blank,
}

/// The rows of a file, in its order. The outer error is a fault of the whole file and the last
/// item.
pub(super) type Rows<'a> =
    Box<dyn Iterator<Item = Result<Result<ParsedRow, RowFault>, String>> + 'a>;

/// A file of rows. Each call of [`File::rows`] reads it again.
pub(super) struct File {
    source: Source,
    encoding: Option<&'static Encoding>,
    format: Format,
    mapping: Mapping,
    common: Common,
    sender: Sender,
}

impl File {
    pub(super) fn new(
        (source, encoding): (Source, Option<&'static Encoding>),
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
            source,
            encoding,
            format,
            mapping,
            common,
            sender,
        })
    }

    /// How many lines the file has.
    ///
    /// # Errors
    /// A message that says what was expected of the file's text.
    pub(super) fn lines(&self) -> Result<usize, String> {
        let (mut text, mut piece) = (Text::open(&self.source, self.encoding)?, String::new());
        while text.more(&mut piece)? {
            piece.clear();
        }
        Ok(text.lines())
    }

    /// The delimiter of a CSV, if the first line decided it and it is no comma: a person should
    /// know of it before the rows are sent.
    pub(super) fn guessed_delimiter(&self) -> Option<String> {
        let is_guessed = self.format == Format::Csv && self.mapping.delimiter.is_none();
        let piece = Piece::first(self).ok()?;
        let delimiter = self.mapping.layout(piece.rest()).delimiter;
        (is_guessed && delimiter != ',').then(|| mapping::shown(delimiter))
    }

    /// The names of the columns of a CSV that are not sent, although no flag says so: because
    /// `--column` names others. A person should know of them, because one may hold the opt-outs.
    pub(super) fn not_sent(&self) -> Result<Vec<String>, String> {
        match self.format {
            Format::Csv => Ok(Csv::new(self)?.not_sent()),
            Format::Ndjson | Format::Json => Ok(Vec::new()),
        }
    }

    /// Reads the rows in the order of the file.
    ///
    /// # Errors
    /// A message that says what is wrong with the whole file, if its beginning shows that.
    pub(super) fn rows(&self) -> Result<Rows<'_>, String> {
        Ok(match self.format {
            Format::Csv => Box::new(Csv::new(self)?),
            Format::Ndjson => Box::new(Ndjson::new(self)?),
            Format::Json => Box::new(Json::new(self)?),
        })
    }

    /// Makes a change of a row of a CSV.
    fn csv_row(
        &self,
        place: String,
        header: &[String],
        meanings: &[Option<Meaning>],
        values: &[Cow<'_, str>],
    ) -> Result<ParsedRow, RowFault> {
        if values.len() != header.len() {
            let what = format!(
                "expected {} values, as in the first line; there are {}",
                header.len(),
                values.len()
            );
            return Err(RowFault { place, what });
        }
        let mut row = FlatRow::default();
        for (meaning, value) in meanings.iter().zip(values) {
            let value = match value.as_ref() {
                "" if self.mapping.clear_empty => Cell::Null,
                "" => Cell::Nothing,
                text => Cell::Text(text),
            };
            if let Some(meaning) = meaning {
                row.put(meaning, &value);
            }
        }
        self.flat(place, row)
    }

    /// Makes a change of a JSON object: of a flat one by the flags, else the object is the change.
    fn json_row(&self, place: String, text: &str) -> Result<ParsedRow, RowFault> {
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
        let mut row = FlatRow::default();
        for (meaning, (_, value)) in meanings.iter().zip(&members) {
            if let Some(meaning) = meaning {
                row.put(meaning, &Cell::of(value));
            }
        }
        self.flat(place, row)
    }

    fn flat(&self, place: String, row: FlatRow<'_>) -> Result<ParsedRow, RowFault> {
        let (text, wrong) = row.text();
        self.change(place, &text, &wrong)
    }

    /// Reads `text`, which is the row as a change (docs/contract.md "Contact change"). It may leave
    /// out the event id. It leaves out the members that are `wrong`, whose faults are known
    /// already.
    fn change(
        &self,
        place: String,
        text: &str,
        wrong: &[WrongMember],
    ) -> Result<ParsedRow, RowFault> {
        // The same row of the same file is the same event in each run that has the same name.
        let run = &self.common.run;
        let digest: String = Sha256::digest(format!("{run}{place}\n{text}"))
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
        let told =
            told.map(|fault| format!("{}: {}", self.column_of(&fault.pointer), fault.message));
        let wrong = wrong
            .iter()
            .map(|(member, what)| format!("{}: {what}", self.column_of(member)));
        let what = told.chain(wrong).collect::<Vec<_>>().join("; ");
        match parsed {
            Ok(change) if what.is_empty() => Ok(ParsedRow::Change(place, change)),
            _ => Err(RowFault { place, what }),
        }
    }

    /// The column of the file that a pointer into the change stands for.
    fn column_of<'a>(&'a self, pointer: &'a str) -> &'a str {
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
