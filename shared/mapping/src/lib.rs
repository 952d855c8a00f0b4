//! How the body of a vendor's webhook, or what its API answers, becomes changes of campaign-sync, by
//! configuration.
//!
//! A mapping is the member `mapping` of a source's, or a feed's, secret: a preset, or a program in jq. It is read
//! and compiled once. Pure: no I/O, no clock, no environment; a body of whatever form makes it
//! neither panic nor overflow its stack. docs/mapping.md says what stands in a mapping.
#![warn(missing_docs)]

mod change;
mod check;
mod condition;
mod config;
mod depth;
mod fault;
mod fields;
mod items;
mod natives;
mod preset;
mod program;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub use change::Mapped;
pub use fault::{ItemFault, Refused};
pub use items::Item;
pub use preset::{PRESETS, RECORDS, preset, presets};

use config::Config;
use program::Program;

/// A mapping, read and compiled. Its copies share what they hold.
#[derive(Clone)]
pub struct Mapping(Arc<Inner>);

struct Inner {
    config: Config,
    program: Program,
}

/// What is known of a request beside its body.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// The request's headers, by names in lower case. A program sees those that its mapping names.
    pub headers: &'a BTreeMap<String, String>,
    /// The attributes of an event by the specification `CloudEvents` as a JSON object.
    pub cloud_event: Option<&'a str>,
}

impl Mapping {
    /// Reads the JSON of a secret's member `mapping`.
    ///
    /// # Errors
    /// The first rule of docs/mapping.md that it breaks.
    pub fn parse(json: &str) -> Result<Mapping, Refused> {
        let config = config::parse(json)?;
        let program = Program::compile(&config)?;
        Ok(Mapping(Arc::new(Inner { config, program })))
    }

    /// The items of a body, in its order: what the pointer `items` leads to, or the body itself.
    /// Each item of it where that is a list.
    ///
    /// # Errors
    /// The body is no JSON, is nested too deep, or the pointer leads nowhere in it.
    pub fn items<'b>(&self, body: &'b str) -> Result<Vec<Item<'b>>, ItemFault> {
        items::of(body, self.0.config.items.as_deref()).map_err(|kind| self.fault(kind))
    }

    /// The member `items`.
    pub fn pointer(&self) -> Option<&str> {
        self.0.config.items.as_deref()
    }

    /// The names, in lower case, of the headers that the program sees.
    pub fn headers(&self) -> &[String] {
        &self.0.config.headers
    }

    /// The first of its members that say something of a webhook alone: a feed is asked for one campaign, and its
    /// items come without headers.
    pub fn of_webhooks(&self) -> Option<&'static str> {
        self.0.config.of_webhooks
    }

    /// What an item becomes: no change, or up to `most`.
    ///
    /// # Errors
    /// The program fails, or yields what is no change or too much of it.
    pub fn changes(
        &self,
        item: &str,
        about: &About<'_>,
        most: usize,
    ) -> Result<Vec<Mapped>, ItemFault> {
        let mapped = self.0.program.run(&self.0.config, item, about, most);
        mapped.map_err(|failure| ItemFault {
            sound: failure.sound,
            ..self.fault(failure.kind)
        })
    }

    /// The text of the program.
    pub fn program(&self) -> &str {
        &self.0.config.program
    }

    /// The member `sample` as it was written: a body to try the mapping with.
    pub fn sample(&self) -> Option<&str> {
        self.0.config.sample.as_deref()
    }

    /// The preset's name, or `jq`.
    pub fn name(&self) -> &str {
        self.0.config.name
    }

    fn fault(&self, kind: fault::Kind) -> ItemFault {
        ItemFault {
            program: self.0.config.name,
            kind,
            sound: Vec::new(),
        }
    }
}

/// The items of a body, in its order, where it is read without a mapping: of the list that the pointer
/// leads to.
///
/// # Errors
/// As [`Mapping::items`].
pub fn items<'b>(body: &'b str, pointer: Option<&str>) -> Result<Vec<Item<'b>>, ItemFault> {
    items::of(body, pointer).map_err(|kind| unread("items", kind))
}

/// The JSON text that a pointer leads to; `None`: there is nothing.
///
/// # Errors
/// It is no JSON, is nested too deep, or a name stands twice on the way.
pub fn at<'b>(json: &'b str, pointer: &str) -> Result<Option<&'b str>, ItemFault> {
    match items::at(json, Some(pointer)) {
        Ok(text) => Ok(Some(text)),
        Err(fault::Kind::NoItems) => Ok(None),
        Err(kind) => Err(unread("next", kind)),
    }
}

fn unread(program: &'static str, kind: fault::Kind) -> ItemFault {
    ItemFault {
        program,
        kind,
        sound: Vec::new(),
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
