//! What the columns of a file mean.

mod names;

use crate::send::csv;
pub(super) use names::twice;
use names::{is_nearly, place, says_no, sep_line};

/// What the columns of a CSV, or the members of a flat JSON object, mean.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::send) struct Mapping {
    /// The column that holds the contact key [default: contactKey]
    #[arg(long, value_name = "COLUMN")]
    key: Option<String>,
    /// The column that holds the version [default: version, where the file has it]
    #[arg(long, value_name = "COLUMN")]
    version: Option<String>,
    /// The column that holds the time of the change [default: occurredAt, where the file has it]
    #[arg(long, value_name = "COLUMN")]
    occurred_at: Option<String>,
    /// The column that says whether the contact may be called: true or false, 1 or 0, yes or no;
    /// empty: left as it is [default: callable, where the file has it]
    #[arg(long, value_name = "COLUMN", conflicts_with = "not_callable")]
    callable: Option<String>,
    /// The column that says the opposite, such as "do not call": true, 1 or yes means that the
    /// contact may not be called. It must say the one or the other in every row
    #[arg(long, value_name = "COLUMN")]
    not_callable: Option<String>,
    /// The column that says upsert or remove; empty: upsert [default: operation, where the file has
    /// it]
    #[arg(long, value_name = "COLUMN")]
    operation: Option<String>,
    /// A column of the contact list, and where the file has it under another name; may be given
    /// several times. Without it all columns that mean nothing else are sent under their own names
    #[arg(long = "column", value_name = "NAME[=FILE_COLUMN]", value_parser = column)]
    columns: Vec<(String, String)>,
    /// A column of the file that is not sent and means nothing; may be given several times
    #[arg(long = "ignore", value_name = "COLUMN")]
    ignored: Vec<String>,
    /// An empty value of a CSV clears the column; without it the column is left as it is
    #[arg(long)]
    pub(super) clear_empty: bool,
    /// The character between the values of a CSV, such as ; or \t [default: what the file's first
    /// line has: a comma, a semicolon or a tab]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub(super) delimiter: Option<char>,
    /// Quotes mean nothing in this CSV: each value is taken as it stands
    #[arg(long)]
    no_quotes: bool,
}

fn column(text: &str) -> Result<(String, String), String> {
    let (name, file) = text.split_once('=').unwrap_or((text, text));
    let is_named = !name.is_empty() && !file.is_empty();
    is_named
        .then(|| (name.to_owned(), file.to_owned()))
        .ok_or_else(|| "expected NAME, or NAME=FILE_COLUMN".to_owned())
}

fn delimiter(text: &str) -> Result<char, String> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        _ if text == "\\t" => Ok('\t'),
        (Some(delimiter), None) if !['"', '\r', '\n'].contains(&delimiter) => Ok(delimiter),
        _ => Err("expected one character, such as ; or \\t".to_owned()),
    }
}

/// How a person writes it.
pub(super) fn shown(delimiter: char) -> String {
    if delimiter == '\t' {
        "\\t".to_owned()
    } else {
        delimiter.to_string()
    }
}

/// What a column means: a member of a change, a column of the contact list under one or more names,
/// or both.
#[derive(Clone, Debug, Default)]
pub(super) struct Meaning {
    pub(super) member: Option<Member>,
    pub(super) columns: Vec<String>,
}

/// What of a change a column of the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Key,
    Version,
    OccurredAt,
    Callable,
    NotCallable,
    Operation,
}

impl Member {
    const ALL: [Member; 6] = [
        Member::Key,
        Member::Version,
        Member::OccurredAt,
        Member::Callable,
        Member::NotCallable,
        Member::Operation,
    ];

    /// Its name in a change. A column has it where no flag names another one.
    pub(super) fn of_change(self) -> &'static str {
        match self {
            Member::Key => "contactKey",
            Member::Version => "version",
            Member::OccurredAt => "occurredAt",
            Member::Callable | Member::NotCallable => "callable",
            Member::Operation => "operation",
        }
    }

    fn flag(self) -> &'static str {
        match self {
            Member::Key => "--key",
            Member::Version => "--version",
            Member::OccurredAt => "--occurred-at",
            Member::Callable => "--callable",
            Member::NotCallable => "--not-callable",
            Member::Operation => "--operation",
        }
    }
}

/// Where the values of a CSV begin, and what is between them.
pub(super) struct Layout<'a> {
    pub(super) delimiter: char,
    /// From the names of the columns on.
    pub(super) text: &'a str,
    /// The line of the names.
    pub(super) line: usize,
}

impl<'a> Layout<'a> {
    fn reader(&self, has_quotes: bool) -> csv::Reader<'a> {
        csv::Reader::new(self.text, self.line, self.delimiter, has_quotes)
    }
}

impl Mapping {
    /// Whether rows of JSON are flat objects: one of the flags says what a member means.
    pub(super) fn is_given(&self) -> bool {
        let is_named = Member::ALL
            .into_iter()
            .any(|member| self.flag_of(member).is_some());
        is_named || !self.columns.is_empty()
    }

    pub(super) fn has_quotes(&self) -> bool {
        !self.no_quotes
    }

    /// The column that a flag names for a member of a change.
    pub(super) fn named(&self, of_change: &str) -> Option<&str> {
        let mut members = Member::ALL
            .into_iter()
            .filter(|member| member.of_change() == of_change);
        members.find_map(|member| self.flag_of(member))
    }

    fn flag_of(&self, member: Member) -> Option<&str> {
        let named = match member {
            Member::Key => &self.key,
            Member::Version => &self.version,
            Member::OccurredAt => &self.occurred_at,
            Member::Callable => &self.callable,
            Member::NotCallable => &self.not_callable,
            Member::Operation => &self.operation,
        };
        named.as_deref()
    }

    /// The delimiter: what the flag says, else what a first line `sep=;` says (Excel writes and
    /// reads it), else that of comma, semicolon and tab by which the first line names the key, or
    /// the most columns.
    pub(super) fn layout<'a>(&self, text: &'a str) -> Layout<'a> {
        let layout = |delimiter, text, line| Layout {
            delimiter,
            text,
            line,
        };
        if let Some((said, rest)) = sep_line(text) {
            return layout(self.delimiter.unwrap_or(said), rest, 2);
        }
        if let Some(delimiter) = self.delimiter {
            return layout(delimiter, text, 1);
        }
        let key = self.key.as_deref().unwrap_or(Member::Key.of_change());
        let fit = |delimiter: &char| {
            let header = layout(*delimiter, text, 1).reader(self.has_quotes()).next();
            let names = header
                .and_then(Result::ok)
                .map(|header| header.values)
                .unwrap_or_default();
            (names.iter().any(|name| name == key), names.len())
        };
        // The last of those that are equal is the one that `max_by_key` answers.
        let delimiter = ['\t', ';', ','].into_iter().max_by_key(fit).unwrap_or(',');
        layout(delimiter, text, 1)
    }

    /// What each of these columns of the file means; none: it is not sent.
    ///
    /// # Errors
    /// What a flag names and the file has not, what is said twice, and what may say that nobody may
    /// call without anybody having said so.
    pub(super) fn meanings(&self, file: &[String]) -> Result<Vec<Option<Meaning>>, String> {
        let mut meanings: Vec<Option<Meaning>> = vec![None; file.len()];
        for member in Member::ALL {
            let Some(place) = self.place(member, file)? else {
                continue;
            };
            let meaning = meanings[place].get_or_insert_default();
            if let Some(other) = meaning.member {
                let (flag, name, other) = (member.flag(), &file[place], other.flag());
                return Err(format!(
                    "{flag}: column {name:?} is that of {other} already"
                ));
            }
            meaning.member = Some(member);
        }
        self.put_columns(file, &mut meanings)?;
        for name in &self.ignored {
            let place = place("--ignore", name, file)?;
            if meanings[place].is_some() {
                return Err(format!("--ignore: column {name:?} has a meaning already"));
            }
        }
        let is_ignored = |name: &String| self.ignored.contains(name);
        let unsaid = file.iter().zip(&meanings);
        let unsaid = unsaid.filter(|(name, meaning)| meaning.is_none() && !is_ignored(name));
        for (name, _) in unsaid.clone() {
            self.ask(name)?;
        }
        if self.columns.is_empty() {
            let names: Vec<_> = unsaid.map(|(name, _)| name.clone()).collect();
            if names.iter().any(String::is_empty) {
                return Err(
                    "a column has no name in the first line: name those that are to be sent, \
                            each with --column"
                        .to_owned(),
                );
            }
            if let Some(twice) = twice(&names) {
                return Err(format!("column {twice:?}: expected once in the first line"));
            }
            for (meaning, name) in meanings.iter_mut().zip(file) {
                if meaning.is_none() && !is_ignored(name) {
                    meaning.get_or_insert_default().columns.push(name.clone());
                }
            }
        }
        Ok(meanings)
    }

    /// The place of the column that is this member of a change; none: no column is.
    fn place(&self, member: Member, file: &[String]) -> Result<Option<usize>, String> {
        if let Some(name) = self.flag_of(member) {
            if member == Member::Callable && says_no(name) {
                return Err(format!(
                    "--callable: column {name:?} says the opposite by its name: say --not-callable \
                     {name:?}, or give the column another name"
                ));
            }
            return place(member.flag(), name, file).map(Some);
        }
        let name = member.of_change();
        match member {
            Member::Key => place(member.flag(), name, file).map(Some),
            Member::NotCallable => Ok(None),
            Member::Callable if self.not_callable.is_some() => {
                if file.iter().any(|other| other == name)
                    && !self.ignored.iter().any(|other| other == name)
                {
                    return Err(format!(
                        "column {name:?}: --not-callable says already who may be called; say --ignore \
                         {name:?} if that is right"
                    ));
                }
                Ok(None)
            }
            _ if file.iter().any(|other| other == name)
                && !self.ignored.iter().any(|other| other == name) =>
            {
                place(member.flag(), name, file).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn put_columns(&self, file: &[String], meanings: &mut [Option<Meaning>]) -> Result<(), String> {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        if let Some(twice) = twice(&names) {
            return Err(format!("--column: {twice:?} is named twice"));
        }
        for (name, from) in &self.columns {
            let place = place("--column", from, file)?;
            meanings[place]
                .get_or_insert_default()
                .columns
                .push(name.clone());
        }
        Ok(())
    }

    /// Asks about a column without a meaning that may say who may be called, unless a flag says
    /// which one does. Taken for a column of the contact list, or left out, its opt-outs would
    /// become calls.
    fn ask(&self, name: &str) -> Result<(), String> {
        let is_said = |member| self.flag_of(member).is_some();
        let who_may_be_called = is_said(Member::Callable) || is_said(Member::NotCallable);
        if says_no(name) {
            if who_may_be_called {
                return Ok(());
            }
            return Err(format!(
                "column {name:?}: say --not-callable {name:?} if true means that the contact may not be \
                 called; if not, --column {name:?} sends it as a column of the contact list, --ignore \
                 {name:?} leaves it out"
            ));
        }
        let asked = |member: &Member| match member {
            Member::NotCallable => false,
            Member::Callable => !who_may_be_called && is_nearly(name, member.of_change()),
            _ => !is_said(*member) && is_nearly(name, member.of_change()),
        };
        match Member::ALL.into_iter().find(asked) {
            Some(member) => Err(format!(
                "column {name:?}: say {} {name:?} if it is {}; if not, say which column is, or --column \
                 {name:?} sends it as a column of the contact list, --ignore {name:?} leaves it out",
                member.flag(),
                member.of_change()
            )),
            None => Ok(()),
        }
    }
}
