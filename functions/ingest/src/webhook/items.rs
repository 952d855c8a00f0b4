//! Takes a body apart into items, each of which becomes changes by itself.
//!
//! A body is one change, a list of changes, or whatever a source's mapping expects. It may also be
//! one or more CloudEvents, whose data is taken apart in the same way. A part that cannot be taken
//! apart stays one item, so that its neighbours are not affected. Each item knows its place, which
//! faults and parked messages name.

use std::borrow::Cow;
use std::sync::Arc;

use domain::change::{Fault, FaultCode};
use domain::json::Members;
use mapping::Mapping;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{MOST_FAULTS, below, fault};
use crate::cloud_event::{self, Form};

/// The limits on what one body may become. What is over them is one faulty item.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// The most changes of a list, for a source without a mapping.
    pub(super) listed: usize,
    /// The most items, for a source with a mapping.
    pub(super) items: usize,
    /// The most changes that the mapping makes, for each campaign that they go to.
    pub(super) mapped: usize,
}

impl Bounds {
    /// The bounds for a request.
    pub(super) const REQUEST: Bounds = Bounds {
        listed: 100,
        items: 1_000,
        mapped: 1_000,
    };
    /// The bounds for an item that is sent again. No sender waits for the answer.
    pub(super) const NONE: Bounds = Bounds {
        listed: usize::MAX,
        items: usize::MAX,
        mapped: usize::MAX,
    };
}

/// A part of a body that becomes changes by itself.
pub struct Item<'a> {
    /// Its place in the body, as a JSON pointer.
    pub pointer: String,
    /// Its JSON, or the text of a body that is not JSON.
    pub text: Cow<'a, str>,
    /// The event that holds it.
    pub event: Option<Arc<Event>>,
    /// How much of the body it is.
    pub extent: Extent,
    /// The faults because of which it cannot be taken apart.
    pub(super) broken: Vec<Fault>,
}

/// The attributes of an event. Its data may hold many items.
pub struct Event {
    pub(super) attributes: Map<String, Value>,
    /// The attributes as JSON.
    pub(super) json: String,
}

impl Event {
    pub(super) fn new(attributes: Map<String, Value>) -> Arc<Event> {
        let json = Value::from(attributes.clone()).to_string();
        Arc::new(Event { attributes, json })
    }
}

/// The part of a body that an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Extent {
    /// One of its items.
    Item,
    /// A whole event that could not be taken apart.
    Event,
    /// The whole body, or the whole data of an event, which could not be taken apart.
    Body,
}

/// The items of a request's body.
pub(super) fn items<'a>(mapping: Option<&Mapping>, form: &Form, text: &'a str) -> Vec<Item<'a>> {
    Apart {
        mapping,
        bounds: Bounds::REQUEST,
    }
    .items(form, text)
}

/// The way in which bodies are taken apart.
#[derive(Clone, Copy)]
pub(super) struct Apart<'m> {
    pub(super) mapping: Option<&'m Mapping>,
    pub(super) bounds: Bounds,
}

impl Apart<'_> {
    /// The items of a body.
    pub(super) fn items<'a>(self, form: &Form, text: &'a str) -> Vec<Item<'a>> {
        let body = |broken| vec![Item::broken(String::new(), text, Extent::Body, broken)];
        let whole = Cow::Borrowed(text);
        match form {
            Form::Plain => self.of_data(String::new(), whole, None),
            Form::Binary(event) => {
                self.of_data(String::new(), whole, Some(Event::new(event.clone())))
            }
            Form::Structured => self.of_event("", text),
            Form::Batch => match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(events) if events.len() > self.bounds.items => body(vec![too_many()]),
                Ok(events) => {
                    let events = events.into_iter().enumerate();
                    let items = |(place, event): (usize, &'a RawValue)| {
                        self.of_event(&format!("/{place}"), event.get())
                    };
                    events.flat_map(items).collect()
                }
                Err(_) => body(vec![fault(
                    "",
                    FaultCode::WrongType,
                    "expected an array of events",
                )]),
            },
        }
    }

    fn of_event<'a>(self, pointer: &str, text: &'a str) -> Vec<Item<'a>> {
        match cloud_event::of_text(pointer, text) {
            Ok((Some(data), event)) => {
                self.of_data(format!("{pointer}/data"), data, Some(Event::new(event)))
            }
            // The attributes of an event without data may be all that the mapping needs.
            Ok((None, event)) => vec![Item {
                pointer: pointer.to_owned(),
                text: Cow::Borrowed("null"),
                event: Some(Event::new(event)),
                extent: Extent::Item,
                broken: Vec::new(),
            }],
            Err(fault) => {
                let pointer = pointer.to_owned();
                vec![Item::broken(pointer, text, Extent::Event, vec![fault])]
            }
        }
    }

    /// The items of a body, or of the data of an event.
    fn of_data<'a>(
        self,
        pointer: String,
        text: Cow<'a, str>,
        event: Option<Arc<Event>>,
    ) -> Vec<Item<'a>> {
        let placed = match &text {
            Cow::Borrowed(text) => self.texts(text).map(|texts| owned(texts, Cow::Borrowed)),
            Cow::Owned(text) => {
                let copied = |text: &str| Cow::Owned(text.to_owned());
                self.texts(text).map(|texts| owned(texts, copied))
            }
        };
        match placed {
            Ok(placed) => {
                let items = placed.into_iter().map(|(place, text)| Item {
                    pointer: format!("{pointer}{place}"),
                    text,
                    event: event.clone(),
                    extent: Extent::Item,
                    broken: Vec::new(),
                });
                items.collect()
            }
            Err(faults) => {
                let broken = faults.into_iter().map(|fault| below(&pointer, fault));
                let broken = broken.collect();
                vec![Item {
                    pointer,
                    text,
                    event,
                    extent: Extent::Body,
                    broken,
                }]
            }
        }
    }

    /// The texts of items: by the mapping, or else one change, or those of `changes`.
    fn texts<'a>(self, text: &'a str) -> Result<Texts<'a>, Vec<Fault>> {
        let Some(mapping) = self.mapping else {
            return wrapped(text, self.bounds.listed)
                .unwrap_or_else(|| Ok(vec![(String::new(), text)]));
        };
        let items = mapping.items(text);
        let items =
            items.map_err(|error| vec![fault("", FaultCode::Unmapped, error.to_string())])?;
        if items.len() > self.bounds.items {
            return Err(vec![too_many()]);
        }
        Ok(items
            .into_iter()
            .map(|item| (item.pointer, item.text))
            .collect())
    }
}

fn too_many() -> Fault {
    fault("", FaultCode::TooMany, "expected at most 1,000 items")
}

/// The texts of items, each with its place.
type Texts<'a> = Vec<(String, &'a str)>;

fn owned<'a, 't>(
    texts: Texts<'t>,
    owned: impl Fn(&'t str) -> Cow<'a, str>,
) -> Vec<(String, Cow<'a, str>)> {
    let texts = texts.into_iter();
    texts.map(|(place, text)| (place, owned(text))).collect()
}

impl<'a> Item<'a> {
    /// A body as one item, because its form is unknown.
    pub(super) fn whole(text: &'a str, fault: Fault) -> Item<'a> {
        Item::broken(String::new(), text, Extent::Body, vec![fault])
    }

    fn broken(pointer: String, text: &'a str, extent: Extent, broken: Vec<Fault>) -> Item<'a> {
        Item {
            pointer,
            text: Cow::Borrowed(text),
            event: None,
            extent,
            broken,
        }
    }
}

/// The texts of `changes`. `None` means that there is no such member, so the body is one change.
fn wrapped(text: &str, most: usize) -> Option<Result<Texts<'_>, Vec<Fault>>> {
    let members: Members<'_> = serde_json::from_str(text).ok()?;
    let (lists, others): (Vec<_>, Vec<_>) = members
        .0
        .into_iter()
        .partition(|(name, _)| name == "changes");
    let (_, changes) = lists.first()?;
    let mut faults = Vec::new();
    for (name, _) in others {
        let name = name.replace('~', "~0").replace('/', "~1");
        faults.push(fault(
            &format!("/{name}"),
            FaultCode::UnknownField,
            "expected nothing beside changes",
        ));
    }
    let of_list = |code, message: &'static str| fault("/changes", code, message);
    if lists.len() > 1 {
        faults.push(of_list(FaultCode::DuplicateField, "expected once"));
    }
    let texts: Vec<&RawValue> = serde_json::from_str(changes.get()).unwrap_or_else(|_| {
        faults.push(of_list(
            FaultCode::WrongType,
            "expected an array of changes",
        ));
        Vec::new()
    });
    if faults.is_empty() && texts.is_empty() {
        faults.push(of_list(FaultCode::Required, "expected 1 to 100 changes"));
    } else if texts.len() > most {
        faults.push(of_list(FaultCode::TooMany, "expected 1 to 100 changes"));
    }
    if !faults.is_empty() {
        faults.truncate(MOST_FAULTS);
        return Some(Err(faults));
    }
    let texts = texts.into_iter().enumerate();
    Some(Ok(texts
        .map(|(index, text)| (format!("/changes/{index}"), text.get()))
        .collect()))
}
