//! Gives each column of a file its meaning, by the flags and by its name.
//!
//! A column has a meaning by a flag, or because it has the name of a member of a change, or because
//! it is sent as a column of the contact list. A name that is only like a member's, such as
//! `Callable` or `DoNotCall`, is an error that asks for a flag: nothing is guessed about who may be
//! called.

use super::Mapping;
use super::names::{is_nearly, place, says_no, twice};

/// The meaning of a column of the file: a member of the change, a column of the contact list under
/// one or more names, or both.
#[derive(Clone, Debug, Default)]
pub(in crate::send::rows) struct Meaning {
    pub(in crate::send::rows) member: Option<Member>,
    pub(in crate::send::rows) columns: Vec<String>,
}

/// A member of a change, as a column of the file says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::send::rows) enum Member {
    Key,
    Version,
    OccurredAt,
    Callable,
    /// The member `callable`, by its opposite.
    NotCallable,
    Operation,
}

impl Member {
    pub(super) const ALL: [Member; 6] = [
        Member::Key,
        Member::Version,
        Member::OccurredAt,
        Member::Callable,
        Member::NotCallable,
        Member::Operation,
    ];

    /// The name of the member in a change. It is also the name of the column, unless a flag names
    /// another.
    pub(in crate::send::rows) fn of_change(self) -> &'static str {
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

impl Mapping {
    /// Gives each column of the file its meaning. `None` means that it is not sent.
    ///
    /// # Errors
    /// The message names a column. A flag names the column and the file lacks it, or the column has
    /// two meanings, or its name suggests that it says who may be called and no flag decides that.
    pub(in crate::send::rows) fn meanings(
        &self,
        file: &[String],
    ) -> Result<Vec<Option<Meaning>>, String> {
        let mut meanings: Vec<Option<Meaning>> = vec![None; file.len()];
        for member in Member::ALL {
            let Some(place) = self.place(member, file)? else {
                continue;
            };
            let meaning = meanings[place].get_or_insert_default();
            if let Some(other) = meaning.member {
                return Err(self.both(&file[place], other, member));
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
        let is_ignored = |name: &String| self.ignores(name);
        let unsaid = file.iter().zip(&meanings);
        let unsaid = unsaid.filter(|(name, meaning)| meaning.is_none() && !is_ignored(name));
        for (name, _) in unsaid.clone() {
            self.check_unnamed(name)?;
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

    /// Whether `--ignore` names the column.
    pub(in crate::send::rows) fn ignores(&self, name: &str) -> bool {
        self.ignored.iter().any(|ignored| ignored == name)
    }

    /// The fault of a column with two meanings. If no flag names the column of a member, the column
    /// that has the member's name is meant.
    fn both(&self, name: &str, one: Member, other: Member) -> String {
        let (said, known) = match self.flag_of(one) {
            None => (other, one),
            Some(_) => (one, other),
        };
        let said = said.flag();
        match self.flag_of(known).is_some() {
            true => format!(
                "{}: column {name:?} is that of {said} already",
                known.flag()
            ),
            false => format!(
                "{said} {name:?}: this column already is the change's {}, by its name",
                known.of_change()
            ),
        }
    }

    /// The place of the column that says this member of a change. `None` means that no column does.
    fn place(&self, member: Member, file: &[String]) -> Result<Option<usize>, String> {
        if let Some(name) = self.flag_of(member) {
            if member == Member::Callable && says_no(name) {
                return Err(format!(
                    "--callable: column {name:?} says the opposite by its name: pass --not-callable \
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
                        "column {name:?}: --not-callable already says who may be called; pass --ignore \
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

    /// Gives the columns that `--column` names their names in the contact list.
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

    /// Refuses a column without a meaning whose name is like that of a member of a change, unless a
    /// flag names the column of that member. If a column that says who may be called were sent as a
    /// column of the contact list, or left out, people who opted out would be called.
    fn check_unnamed(&self, name: &str) -> Result<(), String> {
        let is_said = |member| self.flag_of(member).is_some();
        let who_may_be_called = is_said(Member::Callable) || is_said(Member::NotCallable);
        if says_no(name) {
            if who_may_be_called {
                return Ok(());
            }
            return Err(format!(
                "column {name:?}: pass --not-callable {name:?} if true means that the contact may not be \
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
                "column {name:?}: pass {} {name:?} if it is {}; if not, say which column is, or --column \
                 {name:?} sends it as a column of the contact list, --ignore {name:?} leaves it out",
                member.flag(),
                member.of_change()
            )),
            None => Ok(()),
        }
    }
}
