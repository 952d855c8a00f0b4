//! A file's rows as changes: CSV, JSON lines, or a JSON array.

mod mapping;

use domain::Change;
use domain::change::{CampaignId, Fault, OrgId, Sender, SourceName};
use jiff::Timestamp;
pub(super) use mapping::Mapping;
use mapping::Meaning;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

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

/// Changes, each with its place, and what is no change, in the order of a file.
pub(super) type Rows<'a> = Box<dyn Iterator<Item = Result<(String, Change), RowFault>> + 'a>;

/// A file that was read.
pub(super) struct File {
    bytes: Vec<u8>,
    format: Format,
    mapping: Mapping,
    common: Common,
    sender: Sender,
}

impl File {
    pub(super) fn new(
        bytes: Vec<u8>,
        format: Format,
        mapping: Mapping,
        common: Common,
    ) -> Result<File, String> {
        let source = SourceName::parse("send").map_err(str::to_owned)?;
        let sender = Sender {
            source,
            org: Some(common.org.clone()),
            campaign: Some(common.campaign.clone()),
        };
        Ok(File {
            bytes,
            format,
            mapping,
            common,
            sender,
        })
    }

    /// Each row in the order of the file, as a change.
    ///
    /// # Errors
    /// What is wrong with the file as a whole.
    pub(super) fn rows(&self) -> Result<Rows<'_>, String> {
        // Excel writes a byte order mark.
        let bytes = self
            .bytes
            .strip_prefix(b"\xEF\xBB\xBF")
            .unwrap_or(&self.bytes);
        let text =
            || std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()));
        Ok(match self.format {
            Format::Csv => self.csv(bytes)?,
            Format::Ndjson => {
                let lines = text()?
                    .lines()
                    .enumerate()
                    .filter(|(_, line)| !line.trim().is_empty());
                Box::new(
                    lines.map(|(index, line)| self.json_row(format!("line {}", index + 1), line)),
                )
            }
            Format::Json => {
                let rows: Vec<&RawValue> = serde_json::from_str(text()?).map_err(|error| {
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

    fn csv<'a>(&'a self, bytes: &'a [u8]) -> Result<Rows<'a>, String> {
        // A row with too few or too many values is told by its line.
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(self.mapping.delimiter)
            .flexible(true)
            .from_reader(bytes);
        let header = reader
            .headers()
            .map_err(|_| "line 1: expected the names of the columns in UTF-8".to_owned())?;
        let header: Vec<_> = header.iter().map(str::to_owned).collect();
        if header.is_empty() {
            return Err("line 1: expected the names of the columns".to_owned());
        }
        let meanings = self.mapping.meanings(&header)?;
        let rows = reader.into_byte_records().enumerate();
        let mut lines = Lines {
            bytes,
            counted: 0,
            line: 1,
        };
        Ok(Box::new(rows.map(move |(index, record)| match record {
            Ok(record) => {
                let line = lines.line_of(record.position().map_or(0, csv::Position::byte));
                self.csv_row(format!("line {line}"), &header, &meanings, &record)
            }
            Err(error) => Err(RowFault {
                place: format!("row {}", index + 1),
                what: error.to_string(),
            }),
        })))
    }

    fn csv_row(
        &self,
        place: String,
        header: &[String],
        meanings: &[Option<Meaning>],
        record: &csv::ByteRecord,
    ) -> Result<(String, Change), RowFault> {
        if record.len() != header.len() {
            let what = format!(
                "expected {} values, as in the first line; there are {}",
                header.len(),
                record.len()
            );
            return Err(RowFault { place, what });
        }
        let mut row = Flat::default();
        for ((name, meaning), value) in header.iter().zip(meanings).zip(record) {
            let Some(meaning) = meaning else { continue };
            let Ok(value) = std::str::from_utf8(value) else {
                return Err(RowFault {
                    place,
                    what: format!("column {name:?}: expected UTF-8"),
                });
            };
            let value = match value {
                "" if self.mapping.clear_empty => Value::Null,
                "" => continue,
                value => value.into(),
            };
            row.put(meaning, value);
        }
        self.change(place, &row.text(self.common.as_of))
    }

    fn json_row(&self, place: String, text: &str) -> Result<(String, Change), RowFault> {
        if !self.mapping.is_given() {
            return match self.common.as_of {
                Some(at) => self.change(place, &with_member(text, "occurredAt", &at.to_string())),
                None => self.change(place, text),
            };
        }
        let Ok(Value::Object(members)) = serde_json::from_str(text) else {
            return Err(RowFault {
                place,
                what: "expected one JSON object".to_owned(),
            });
        };
        let names: Vec<_> = members.keys().cloned().collect();
        let meanings = match self.mapping.meanings(&names) {
            Ok(meanings) => meanings,
            Err(what) => return Err(RowFault { place, what }),
        };
        let mut row = Flat::default();
        for (meaning, value) in meanings.iter().zip(members.into_values()) {
            if let Some(meaning) = meaning {
                row.put(meaning, value);
            }
        }
        self.change(place, &row.text(self.common.as_of))
    }

    /// `text`: the row as a change (docs/contract.md "Contact change"), which may leave out the
    /// event id.
    fn change(&self, place: String, text: &str) -> Result<(String, Change), RowFault> {
        // Of the row and its place: the same row of the same file is the same event, whenever it is
        // sent.
        let digest: String = Sha256::digest(format!("{place}\n{text}"))
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let text = with_member(text, "eventId", &format!("send-{digest}"));
        match Change::parse_from(&self.sender, &text, self.common.now) {
            Ok(change) => Ok((place, change)),
            Err(invalid) => {
                let shown =
                    |fault: &Fault| format!("{}: {}", self.of_file(&fault.pointer), fault.message);
                Err(RowFault {
                    place,
                    what: invalid
                        .faults()
                        .iter()
                        .map(shown)
                        .collect::<Vec<_>>()
                        .join("; "),
                })
            }
        }
    }

    /// The name in the file of what a pointer names in a change.
    fn of_file<'a>(&'a self, pointer: &'a str) -> &'a str {
        let name = pointer.trim_start_matches('/');
        let mapping = &self.mapping;
        let named = match name {
            "contactKey" => &mapping.key,
            "version" => &mapping.version,
            "occurredAt" => &mapping.occurred_at,
            "callable" => &mapping.callable,
            "operation" => &mapping.operation,
            _ => &None,
        };
        match (named, name) {
            (Some(named), _) => named,
            (None, "") => "the row",
            (None, name) => name.strip_prefix("data/").unwrap_or(name),
        }
    }
}

/// Counts the lines of a file, whether they end in LF, CR LF or CR. To the CSV reader, which counts
/// LF alone, a record begins between CR and LF.
struct Lines<'a> {
    bytes: &'a [u8],
    counted: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of the record that begins at `byte` or after line ends that stand there. No earlier
    /// one than the last.
    fn line_of(&mut self, byte: u64) -> usize {
        let byte = usize::try_from(byte)
            .unwrap_or(usize::MAX)
            .min(self.bytes.len());
        let ends = self.bytes[byte..]
            .iter()
            .take_while(|byte| b"\r\n".contains(byte))
            .count();
        let start = byte + ends;
        let is_end = |place: &usize| match self.bytes[*place] {
            b'\r' => self.bytes.get(place + 1) != Some(&b'\n'),
            byte => byte == b'\n',
        };
        self.line += (self.counted..start).filter(is_end).count();
        self.counted = start;
        self.line
    }
}

fn not_utf8(bytes: &[u8], at: usize) -> String {
    let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
    format!("line {line}: expected UTF-8")
}

/// Puts a member in front of those of an object that has none of its name.
fn with_member(text: &str, name: &str, value: &str) -> String {
    let has_one =
        serde_json::from_str::<Map<String, Value>>(text).map_or(true, |row| row.contains_key(name));
    match text.trim().strip_prefix('{') {
        Some(rest) if !has_one => {
            let comma = if rest.trim_start().starts_with('}') {
                ""
            } else {
                ","
            };
            format!("{{{}:{}{comma}{rest}", json!(name), json!(value))
        }
        _ => text.to_owned(),
    }
}

/// A change, put together from the values of a row.
#[derive(Default)]
struct Flat {
    members: Map<String, Value>,
    data: Map<String, Value>,
}

impl Flat {
    fn put(&mut self, meaning: &Meaning, value: Value) {
        let text = |value: &Value| match value {
            // Contact lists hold texts.
            Value::Number(number) => number.to_string().into(),
            Value::Bool(flag) => flag.to_string().into(),
            other => other.clone(),
        };
        match meaning {
            Meaning::Member(member) => self.member(member, value),
            Meaning::Column(names) => {
                self.data
                    .extend(names.iter().map(|name| (name.clone(), text(&value))));
            }
            Meaning::Both(member, name) => {
                self.data.insert(name.clone(), text(&value));
                self.member(member, value);
            }
        }
    }

    fn member(&mut self, member: &'static str, value: Value) {
        let typed = match (member, &value) {
            // Empty, and to be cleared: there is nothing to clear in these.
            (_, Value::Null) => return,
            ("version", Value::String(text)) => {
                text.trim().parse::<u64>().map_or(value, Value::from)
            }
            ("callable", Value::String(text)) if text.eq_ignore_ascii_case("true") => true.into(),
            ("callable", Value::String(text)) if text.eq_ignore_ascii_case("false") => false.into(),
            ("contactKey", Value::Number(number)) => number.to_string().into(),
            _ => value,
        };
        self.members.insert(member.to_owned(), typed);
    }

    fn text(self, as_of: Option<Timestamp>) -> String {
        let mut change = self.members;
        if let Some(at) = as_of {
            change
                .entry("occurredAt")
                .or_insert_with(|| at.to_string().into());
        }
        // Who is removed has nothing else to say.
        if change.get("operation").and_then(Value::as_str) == Some("remove") {
            change.remove("callable");
        } else {
            change.insert("data".to_owned(), self.data.into());
        }
        Value::Object(change).to_string()
    }
}

#[cfg(test)]
mod tests;
