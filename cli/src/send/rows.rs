//! A file's rows as changes: CSV, JSON lines, or a JSON array.

use domain::Change;
use domain::change::{CampaignId, Fault, OrgId, Sender, SourceName};
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use strsim::damerau_levenshtein;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    Csv,
    Ndjson,
    Json,
}

/// What the columns of a CSV, or the members of a flat JSON object, mean.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Mapping {
    /// The column that holds the contact key [default: contactKey]
    #[arg(long, value_name = "COLUMN")]
    key: Option<String>,
    /// The column that holds the version [default: version, where the file has it]
    #[arg(long, value_name = "COLUMN")]
    version: Option<String>,
    /// The column that holds the time of the change [default: occurredAt, where the file has it]
    #[arg(long, value_name = "COLUMN")]
    occurred_at: Option<String>,
    /// The column that says whether the contact may be called, true or false; empty: left as it is [default: callable, where
    /// the file has it]
    #[arg(long, value_name = "COLUMN")]
    callable: Option<String>,
    /// The column that says upsert or remove; empty: upsert [default: operation, where the file has it]
    #[arg(long, value_name = "COLUMN")]
    operation: Option<String>,
    /// A column of the contact list, and where the file has it under another name; may be given several times. Without it all
    /// columns that mean nothing else are sent under their own names
    #[arg(long = "column", value_name = "NAME[=FILE_COLUMN]", value_parser = column)]
    columns: Vec<(String, String)>,
    /// An empty value of a CSV clears the column; without it the column is left as it is
    #[arg(long)]
    clear_empty: bool,
    /// What parts the values of a CSV
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = delimiter)]
    delimiter: u8,
}

fn column(text: &str) -> Result<(String, String), String> {
    let (name, file) = text.split_once('=').unwrap_or((text, text));
    let is_named = !name.is_empty() && !file.is_empty();
    is_named.then(|| (name.to_owned(), file.to_owned())).ok_or_else(|| "expected NAME, or NAME=FILE_COLUMN".to_owned())
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Ok(*byte),
        _ => Err("expected one character, such as ; or \\t".to_owned()),
    }
}

impl Mapping {
    /// Whether rows of JSON are flat objects: one of the flags says what a member means.
    fn is_given(&self) -> bool {
        let named = [&self.key, &self.version, &self.occurred_at, &self.callable, &self.operation];
        named.into_iter().any(Option::is_some) || !self.columns.is_empty()
    }

    /// Which member of a change each of these columns of the file is; none: it is not sent.
    fn meanings(&self, file: &[String]) -> Result<Vec<Option<Meaning>>, String> {
        if let Some((_, twice)) = file.iter().enumerate().find(|(place, name)| file[..*place].contains(name)) {
            return Err(format!("column {twice:?}: expected once in the first line"));
        }
        let special = [
            ("contactKey", "--key", &self.key),
            ("version", "--version", &self.version),
            ("occurredAt", "--occurred-at", &self.occurred_at),
            ("callable", "--callable", &self.callable),
            ("operation", "--operation", &self.operation),
        ];
        let mut meanings = vec![None; file.len()];
        let place = |name: &str| file.iter().position(|other| other == name);
        for (member, flag, named) in special {
            let name = named.as_deref().unwrap_or(member);
            match place(name) {
                Some(place) => match &meanings[place] {
                    Some(Meaning::Member(other)) => return Err(format!("{flag}: column {name:?} is {other} already")),
                    _ => meanings[place] = Some(Meaning::Member(member)),
                },
                None if named.is_some() || member == "contactKey" => {
                    return Err(format!("{flag}: expected the name of a column; the file has no column {name:?}"));
                }
                None => {}
            }
        }
        for (name, from) in &self.columns {
            let place = place(from).ok_or_else(|| format!("--column: the file has no column {from:?}"))?;
            match &mut meanings[place] {
                Some(Meaning::Column(names)) => names.push(name.clone()),
                // One that means something else can be sent as well.
                Some(Meaning::Member(member)) => meanings[place] = Some(Meaning::Both(member, name.clone())),
                Some(Meaning::Both(..)) => return Err(format!("--column: {from:?} is sent already")),
                empty => *empty = Some(Meaning::Column(vec![name.clone()])),
            }
        }
        for (_, name) in meanings.iter().zip(file).filter(|(meaning, _)| meaning.is_none()) {
            let mut unnamed = special.iter().filter(|(.., named)| named.is_none());
            if let Some((member, flag, _)) = unnamed.find(|(member, ..)| is_nearly(name, member)) {
                // Taken for a column, an opt-out would become a call.
                return Err(format!(
                    "column {name:?}: say {flag} {name:?} if it is {member}; if not, say which column is, or which are columns of \
                     the contact list: each with --column, then only those are sent"
                ));
            }
        }
        if self.columns.is_empty() {
            for (meaning, name) in meanings.iter_mut().zip(file) {
                meaning.get_or_insert_with(|| Meaning::Column(vec![name.clone()]));
            }
        }
        Ok(meanings)
    }
}

/// Whether only case, spaces or punctuation differ; of what may say that nobody may call also one typing error, or more
/// around it.
fn is_nearly(name: &str, member: &str) -> bool {
    let letters =
        |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let (name, member) = (letters(name), letters(member));
    let says_who_may_call = ["callable", "operation"].contains(&member.as_str());
    name == member || says_who_may_call && (name.contains(&member) || damerau_levenshtein(&name, &member) <= 1)
}

#[derive(Clone, Debug)]
enum Meaning {
    Member(&'static str),
    Column(Vec<String>),
    Both(&'static str, String),
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
    pub(super) fn new(bytes: Vec<u8>, format: Format, mapping: Mapping, common: Common) -> Result<File, String> {
        let source = SourceName::parse("send").map_err(str::to_owned)?;
        let sender = Sender { source, org: Some(common.org.clone()), campaign: Some(common.campaign.clone()) };
        Ok(File { bytes, format, mapping, common, sender })
    }

    /// Each row in the order of the file, as a change.
    ///
    /// # Errors
    /// What is wrong with the file as a whole.
    pub(super) fn rows(&self) -> Result<Rows<'_>, String> {
        // Excel writes a byte order mark.
        let bytes = self.bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.bytes);
        let text = || std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()));
        Ok(match self.format {
            Format::Csv => self.csv(bytes)?,
            Format::Ndjson => {
                let lines = text()?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
                Box::new(lines.map(|(index, line)| self.json_row(format!("line {}", index + 1), line)))
            }
            Format::Json => {
                let rows: Vec<&RawValue> = serde_json::from_str(text()?)
                    .map_err(|error| format!("line {}: expected a JSON array of objects", error.line()))?;
                let rows = rows.into_iter().enumerate();
                Box::new(rows.map(|(index, row)| self.json_row(format!("element {}", index + 1), row.get())))
            }
        })
    }

    fn csv<'a>(&'a self, bytes: &'a [u8]) -> Result<Rows<'a>, String> {
        // A row with too few or too many values is told by its line.
        let mut reader = csv::ReaderBuilder::new().delimiter(self.mapping.delimiter).flexible(true).from_reader(bytes);
        let header = reader.headers().map_err(|_| "line 1: expected the names of the columns in UTF-8".to_owned())?;
        let header: Vec<_> = header.iter().map(str::to_owned).collect();
        if header.is_empty() {
            return Err("line 1: expected the names of the columns".to_owned());
        }
        let meanings = self.mapping.meanings(&header)?;
        let rows = reader.into_byte_records().enumerate();
        let mut lines = Lines { bytes, counted: 0, line: 1 };
        Ok(Box::new(rows.map(move |(index, record)| match record {
            Ok(record) => {
                let line = lines.line_of(record.position().map_or(0, csv::Position::byte));
                self.csv_row(format!("line {line}"), &header, &meanings, &record)
            }
            Err(error) => Err(RowFault { place: format!("row {}", index + 1), what: error.to_string() }),
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
            let what = format!("expected {} values, as in the first line; there are {}", header.len(), record.len());
            return Err(RowFault { place, what });
        }
        let mut row = Flat::default();
        for ((name, meaning), value) in header.iter().zip(meanings).zip(record) {
            let Some(meaning) = meaning else { continue };
            let Ok(value) = std::str::from_utf8(value) else {
                return Err(RowFault { place, what: format!("column {name:?}: expected UTF-8") });
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
            return Err(RowFault { place, what: "expected one JSON object".to_owned() });
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

    /// `text`: the row as a change (CONTRACT.md section 1), which may leave out the event id.
    fn change(&self, place: String, text: &str) -> Result<(String, Change), RowFault> {
        // Of the row and its place: the same row of the same file is the same event, whenever it is sent.
        let digest: String =
            Sha256::digest(format!("{place}\n{text}")).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let text = with_member(text, "eventId", &format!("send-{digest}"));
        match Change::parse_from(&self.sender, &text, self.common.now) {
            Ok(change) => Ok((place, change)),
            Err(invalid) => {
                let shown = |fault: &Fault| format!("{}: {}", self.of_file(&fault.pointer), fault.message);
                Err(RowFault { place, what: invalid.faults().iter().map(shown).collect::<Vec<_>>().join("; ") })
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

/// Counts the lines of a file, whether they end in LF, CR LF or CR. To the CSV reader, which counts LF alone, a record begins
/// between CR and LF.
struct Lines<'a> {
    bytes: &'a [u8],
    counted: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of the record that begins at `byte` or after line ends that stand there. No earlier one than the last.
    fn line_of(&mut self, byte: u64) -> usize {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX).min(self.bytes.len());
        let ends = self.bytes[byte..].iter().take_while(|byte| b"\r\n".contains(byte)).count();
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
    let has_one = serde_json::from_str::<Map<String, Value>>(text).map_or(true, |row| row.contains_key(name));
    match text.trim().strip_prefix('{') {
        Some(rest) if !has_one => {
            let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
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
                self.data.extend(names.iter().map(|name| (name.clone(), text(&value))));
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
            ("version", Value::String(text)) => text.trim().parse::<u64>().map_or(value, Value::from),
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
            change.entry("occurredAt").or_insert_with(|| at.to_string().into());
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
