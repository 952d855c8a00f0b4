//! Compiles a checked program, and runs it on an item.
//!
//! A run ends with changes or with a [`Failure`]. A failure shows a message only if the message
//! comes from the program or from this crate: anything else could hold a value of the payload.
//! [`crate::check`] decides which programs may run, and [`crate::change`] reads what a program
//! yields.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jaq_core::load::parse::Def;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, unwrap_valr};
use jaq_json::Val;

use crate::About;
use crate::change::{self, Mapped, Origin};
use crate::check;
use crate::config::{Config, GLOBALS};
use crate::fault::{InvalidMapping, Kind};
use crate::fields;
use crate::natives::{self, Data, NativeContext, Regexes};
use crate::value;

/// The name of the compiled program. It is in no list of allowed functions, so no program can call
/// it.
const NAME: &str = "program";

/// The beginnings of jaq's messages, and the texts that are shown in place of those messages.
const KNOWN: [(&str, &str); 4] = [
    (
        "cannot index ",
        "a value that is no object or list has no members",
    ),
    (
        "cannot use ",
        "a value is not of the type that a function needs",
    ),
    (
        "cannot calculate ",
        "values of these types cannot be calculated with",
    ),
    (
        "invalid path expression",
        "the left side of an assignment is not a path",
    ),
];

/// Why a run failed, and the valid members of the changes that it yielded before.
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) sound: Vec<Mapped>,
}

impl From<Kind> for Failure {
    fn from(kind: Kind) -> Failure {
        let sound = Vec::new();
        Failure { kind, sound }
    }
}

pub(crate) struct Program {
    filter: Filter<Data>,
    /// The messages that may be shown when the program fails with one of them.
    messages: BTreeSet<String>,
    /// The names that may be shown, because they do not come from a payload.
    names: BTreeSet<String>,
    regexes: Regexes,
}

impl Program {
    pub(crate) fn compile(config: &Config) -> Result<Program, InvalidMapping> {
        let code = config.program.as_str();
        let checked = check::check(code)?;
        let program = Def {
            name: NAME,
            args: Vec::new(),
            body: checked.term,
        };
        let definitions = natives::definitions().chain([program]);
        let file = File {
            code: NAME,
            path: (),
        };
        let arena = Arena::default();
        let nowhere = || InvalidMapping::member("jq", "cannot be compiled");
        let modules = Loader::new(definitions).load(&arena, file);
        let compiled = Compiler::default()
            .with_funs(natives::natives())
            .with_global_vars(GLOBALS)
            .compile(modules.map_err(|_| nowhere())?);
        let filter = compiled.map_err(|errors| {
            let undefined = errors
                .into_iter()
                .flat_map(|(_, undefined)| undefined)
                .next();
            undefined.map_or_else(nowhere, |(part, undefined)| {
                let message = format!("there is no {} `{part}`", undefined.as_str());
                check::refused(code, part, message)
            })
        })?;
        let mut messages = checked.messages;
        let ours = natives::MESSAGES.iter().chain(&fields::MESSAGES);
        messages.extend(ours.map(|message| (*message).to_owned()));
        let mut names = checked.names;
        names.extend(config.columns.iter().cloned());
        Ok(Program {
            filter,
            messages,
            names,
            regexes: checked.regexes,
        })
    }

    pub(crate) fn run(
        &self,
        config: &Config,
        item: &str,
        about: &About<'_>,
        most: usize,
    ) -> Result<Vec<Mapped>, Failure> {
        let input = value::read(item)?;
        let headers = config.headers.iter().filter_map(|name| {
            let value = about.headers.get(name)?;
            Some((Val::utf8_str(name.clone()), Val::utf8_str(value.clone())))
        });
        let cloud_event = match about.cloud_event.map(value::read) {
            None => Val::Null,
            Some(Ok(attributes @ Val::Obj(_))) => attributes,
            Some(_) => return Err(Kind::CloudEvent.into()),
        };
        let of_request = [Val::obj(headers.collect()), cloud_event];
        let globals = config.globals.iter().cloned().chain(of_request);
        let outputs = || self.outputs(globals, input, item, most);
        // No input is known to make the interpreter panic. If one does, this item alone fails.
        let outputs = catch_unwind(AssertUnwindSafe(outputs));
        outputs.unwrap_or_else(|_| Err(Kind::Failed("it panicked".to_owned()).into()))
    }

    fn outputs(
        &self,
        globals: impl Iterator<Item = Val>,
        input: Val,
        item: &str,
        most: usize,
    ) -> Result<Vec<Mapped>, Failure> {
        let known = NativeContext {
            lut: &self.filter.lut,
            regexes: &self.regexes,
        };
        let context = Ctx::<Data>::new(known, Vars::new(globals));
        let outputs = self.filter.id.run((context, input)).map(unwrap_valr);
        let (mut mapped, mut failed) = (Vec::new(), None);
        for (ordinal, output) in outputs.enumerate() {
            let output = match output {
                Ok(output) if ordinal < most => output,
                Ok(_) => {
                    failed.get_or_insert(Kind::TooMany(most));
                    break;
                }
                Err(error) => {
                    failed.get_or_insert(self.failed(error));
                    break;
                }
            };
            let origin = Origin {
                item,
                ordinal,
                names: &self.names,
            };
            let (change, fault) = change::of(&output, &origin);
            failed = failed.or(fault);
            mapped.push(change);
        }
        match failed {
            None => Ok(mapped),
            Some(kind) => {
                let sound = mapped;
                Err(Failure { kind, sound })
            }
        }
    }

    /// A message of a failure may hold a value of the payload. It is shown only if it is one of
    /// `messages`, or is translated by [`KNOWN`].
    fn failed(&self, error: jaq_json::Error) -> Kind {
        let value = error.into_val();
        let said = value::text(&value);
        if let Some(said) = said.filter(|said| self.messages.contains(*said)) {
            return Kind::Failed(said.to_owned());
        }
        let known = KNOWN
            .iter()
            .find(|(begin, _)| said.is_some_and(|said| said.starts_with(begin)));
        let message = known.map_or(
            "its message may hold a value, so it is not shown",
            |known| known.1,
        );
        Kind::Failed(message.to_owned())
    }
}
