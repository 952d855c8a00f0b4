//! What the columns of a file mean.

use strsim::damerau_levenshtein;

/// What the columns of a CSV, or the members of a flat JSON object, mean.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::send) struct Mapping {
    /// The column that holds the contact key [default: contactKey]
    #[arg(long, value_name = "COLUMN")]
    pub(super) key: Option<String>,
    /// The column that holds the version [default: version, where the file has it]
    #[arg(long, value_name = "COLUMN")]
    pub(super) version: Option<String>,
    /// The column that holds the time of the change [default: occurredAt, where the file has it]
    #[arg(long, value_name = "COLUMN")]
    pub(super) occurred_at: Option<String>,
    /// The column that says whether the contact may be called, true or false; empty: left as it is
    /// [default: callable, where the file has it]
    #[arg(long, value_name = "COLUMN")]
    pub(super) callable: Option<String>,
    /// The column that says upsert or remove; empty: upsert [default: operation, where the file has
    /// it]
    #[arg(long, value_name = "COLUMN")]
    pub(super) operation: Option<String>,
    /// A column of the contact list, and where the file has it under another name; may be given
    /// several times. Without it all columns that mean nothing else are sent under their own names
    #[arg(long = "column", value_name = "NAME[=FILE_COLUMN]", value_parser = column)]
    columns: Vec<(String, String)>,
    /// An empty value of a CSV clears the column; without it the column is left as it is
    #[arg(long)]
    pub(super) clear_empty: bool,
    /// What parts the values of a CSV
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = delimiter)]
    pub(super) delimiter: u8,
}

fn column(text: &str) -> Result<(String, String), String> {
    let (name, file) = text.split_once('=').unwrap_or((text, text));
    let is_named = !name.is_empty() && !file.is_empty();
    is_named
        .then(|| (name.to_owned(), file.to_owned()))
        .ok_or_else(|| "expected NAME, or NAME=FILE_COLUMN".to_owned())
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
    pub(super) fn is_given(&self) -> bool {
        let named = [
            &self.key,
            &self.version,
            &self.occurred_at,
            &self.callable,
            &self.operation,
        ];
        named.into_iter().any(Option::is_some) || !self.columns.is_empty()
    }

    /// Which member of a change each of these columns of the file is; none: it is not sent.
    pub(super) fn meanings(&self, file: &[String]) -> Result<Vec<Option<Meaning>>, String> {
        if let Some((_, twice)) = file
            .iter()
            .enumerate()
            .find(|(place, name)| file[..*place].contains(name))
        {
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
                    Some(Meaning::Member(other)) => {
                        return Err(format!("{flag}: column {name:?} is {other} already"));
                    }
                    _ => meanings[place] = Some(Meaning::Member(member)),
                },
                None if named.is_some() || member == "contactKey" => {
                    return Err(format!(
                        "{flag}: expected the name of a column; the file has no column {name:?}"
                    ));
                }
                None => {}
            }
        }
        for (name, from) in &self.columns {
            let place =
                place(from).ok_or_else(|| format!("--column: the file has no column {from:?}"))?;
            match &mut meanings[place] {
                Some(Meaning::Column(names)) => names.push(name.clone()),
                // One that means something else can be sent as well.
                Some(Meaning::Member(member)) => {
                    meanings[place] = Some(Meaning::Both(member, name.clone()))
                }
                Some(Meaning::Both(..)) => {
                    return Err(format!("--column: {from:?} is sent already"));
                }
                empty => *empty = Some(Meaning::Column(vec![name.clone()])),
            }
        }
        for (_, name) in meanings
            .iter()
            .zip(file)
            .filter(|(meaning, _)| meaning.is_none())
        {
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

/// Whether only case, spaces or punctuation differ; of what may say that nobody may call also one
/// typing error, or more around it.
fn is_nearly(name: &str, member: &str) -> bool {
    let letters = |text: &str| {
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase()
    };
    let (name, member) = (letters(name), letters(member));
    let says_who_may_call = ["callable", "operation"].contains(&member.as_str());
    name == member
        || says_who_may_call && (name.contains(&member) || damerau_levenshtein(&name, &member) <= 1)
}

#[derive(Clone, Debug)]
pub(super) enum Meaning {
    Member(&'static str),
    Column(Vec<String>),
    Both(&'static str, String),
}
