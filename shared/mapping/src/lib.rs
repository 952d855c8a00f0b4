//! Turns the body of a vendor's webhook, or a page of a vendor's API, into changes of
//! campaign-sync, by configuration alone.
//!
//! A mapping is the member `mapping` of the secret of a source or of a feed. It names a preset, or
//! holds a program in jq. [`Mapping::parse`] reads and compiles it once; [`Mapping::items`] splits
//! a body into items, and [`Mapping::changes`] turns each item into changes.
//!
//! The crate is pure: no I/O, no clock and no environment. Mapping neither panics nor overflows the
//! stack, whatever a body holds. The crate does not decide whether a change is valid, or which
//! campaign it is for: `domain` parses the change, and `ingest` routes it. docs/mapping.md is the
//! reference for whoever writes a mapping.
//!
//! # A worked example
//!
//! A CRM sends contacts in a list, with names of its own:
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use mapping::{About, Mapping};
//!
//! let mapping = r#"{"items": "/rows",
//!     "jq": "{contactKey: .id, version: .at, data: {phone: .tel}}"}"#;
//! let mapping = Mapping::parse(mapping).unwrap();
//! let body = r#"{"rows": [{"id": "c-1", "at": 8, "tel": "+15550102"}]}"#;
//! let items = mapping.items(body).unwrap();
//! assert_eq!(items[0].pointer, "/rows/0");
//!
//! let headers = BTreeMap::new();
//! let about = About { headers: &headers, cloud_event: None };
//! let changes = mapping.changes(items[0].text, &about, 10).unwrap();
//! assert!(changes[0].text.contains(r#""data":{"phone":"+15550102"}"#));
//! ```
//!
//! Where to look next: `program` runs a program, `check` says what it may not do, `fields`
//! holds the functions that read opt-outs and removals, and `change` writes the result.
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
pub use fault::{InvalidMapping, ItemFault};
pub use items::Item;
pub use preset::{PRESETS, RECORDS, preset, presets};

use config::Config;
use program::Program;

/// A mapping that has been read and compiled. Its clones share one compiled program.
#[derive(Clone)]
pub struct Mapping(Arc<Inner>);

struct Inner {
    config: Config,
    program: Program,
}

/// A request without its body: its headers, and the attributes of an event.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// The headers of the request, by their names in lower case. A program sees only those that its
    /// mapping names.
    pub headers: &'a BTreeMap<String, String>,
    /// The context attributes of a `CloudEvents` event, as a JSON object.
    pub cloud_event: Option<&'a str>,
}

impl Mapping {
    /// Reads and compiles the member `mapping` of a secret.
    ///
    /// # Errors
    /// The first rule of docs/mapping.md that the mapping breaks.
    pub fn parse(json: &str) -> Result<Mapping, InvalidMapping> {
        let config = config::parse(json)?;
        let program = Program::compile(&config)?;
        Ok(Mapping(Arc::new(Inner { config, program })))
    }

    /// The items of a body, in order. The pointer `items` leads to them; without it the body itself
    /// counts. A list holds one item for each element, an object is one item.
    ///
    /// # Errors
    /// The body is not JSON, it is nested too deep, or the pointer leads nowhere.
    pub fn items<'b>(&self, body: &'b str) -> Result<Vec<Item<'b>>, ItemFault> {
        items::of(body, self.0.config.items.as_deref()).map_err(|kind| self.fault(kind))
    }

    /// The member `items`: the JSON pointer to the items of a body.
    pub fn pointer(&self) -> Option<&str> {
        self.0.config.items.as_deref()
    }

    /// The names, in lower case, of the headers that the program sees.
    pub fn headers(&self) -> &[String] {
        &self.0.config.headers
    }

    /// The first member of the mapping that only a webhook can use. A feed cannot use
    /// `campaignField`, because it is asked for one campaign, nor `headers`, because its items come
    /// without any.
    pub fn of_webhooks(&self) -> Option<&'static str> {
        self.0.config.of_webhooks
    }

    /// The changes that an item becomes: none, or up to `most`.
    ///
    /// # Errors
    /// The program fails, or it yields more than `most` values or a value that is not a change.
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

/// The items of a body that is read without a mapping.
///
/// # Errors
/// As [`Mapping::items`].
pub fn items<'b>(body: &'b str, pointer: Option<&str>) -> Result<Vec<Item<'b>>, ItemFault> {
    items::of(body, pointer).map_err(|kind| unread("items", kind))
}

/// The JSON text that a pointer leads to. `None` means that there is nothing at that place.
///
/// # Errors
/// The text is not JSON, it is nested too deep, or an object on the way has the name twice.
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
