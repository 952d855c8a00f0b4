//! Turns one value that a program yields into the text of a change.
//!
//! A program may yield any JSON. This module keeps the members that have the right type, and
//! reports the first that has not. It also gives a change its event id if the program sets none.
//! Whether the change itself is valid is decided later, by [`domain::change::Change::parse`].

use std::collections::BTreeSet;
use std::fmt;

use jaq_json::Val;
use sha2::{Digest, Sha256};

use crate::fault::Kind;
use crate::value;

/// The deepest nesting of lists and objects in one member of a change.
const DEEPEST: usize = 16;

/// One change that an item became.
#[derive(Clone, PartialEq, Eq)]
pub struct Mapped {
    /// The JSON text of the change, as a sender sends it (docs/contract.md "Contact change"). Each
    /// value in its `data` is a text or null.
    pub text: String,
    /// The campaigns that the routing field names now. `None` means that the item does not say.
    pub campaigns: Option<Vec<String>>,
    /// The campaigns that the routing field named before the change. `None` means that the item
    /// does not say.
    pub campaigns_before: Option<Vec<String>>,
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped").finish_non_exhaustive()
    }
}

/// The origin of a change: an item, and the place of the change among those of the item.
pub(crate) struct Origin<'a> {
    pub(crate) item: &'a str,
    pub(crate) ordinal: usize,
    /// The names that an error may show, because they come from the mapping and not from the
    /// payload.
    pub(crate) names: &'a BTreeSet<String>,
}

/// Turns a value into a change. A member of the wrong type is left out, and the first such member
/// is returned as the fault.
pub(crate) fn of(value: &Val, origin: &Origin<'_>) -> (Mapped, Option<Kind>) {
    let mut change = Mapped {
        text: String::from("{"),
        campaigns: None,
        campaigns_before: None,
    };
    let (mut fault, mut has_event_id) = (None, false);
    if let Val::Obj(members) = value {
        for (name, value) in members.iter() {
            match put(&mut change, name, value, origin) {
                Ok(name) => has_event_id |= name == "eventId",
                Err(kind) => _ = fault.get_or_insert(kind),
            }
        }
    } else {
        fault = Some(Kind::value("", "an object"));
    }
    if !has_event_id {
        member(&mut change.text, "eventId");
        change.text.push_str(&quoted(&origin.event_id()));
    }
    change.text.push('}');
    (change, fault)
}

/// Adds a member to the change if it has the right type, and returns its name.
fn put<'v>(
    change: &mut Mapped,
    name: &'v Val,
    value: &Val,
    origin: &Origin<'_>,
) -> Result<&'v str, Kind> {
    let name = value::text(name).ok_or_else(|| Kind::value("", "names that are texts"))?;
    let mut text = String::new();
    match name {
        "campaigns" => change.campaigns = Some(texts(value, "/campaigns")?),
        "campaignsBefore" => change.campaigns_before = Some(texts(value, "/campaignsBefore")?),
        "data" => data(&mut text, value, origin)?,
        _ => json(&mut text, value, &origin.place("", name), origin, DEEPEST)?,
    }
    if !text.is_empty() {
        member(&mut change.text, name);
        change.text.push_str(&text);
    }
    Ok(name)
}

impl Origin<'_> {
    /// A hash of the item and the ordinal. An item that is sent again gets the same event id, so
    /// the queue can drop the duplicate.
    fn event_id(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.item);
        hash.update([0]);
        hash.update(self.ordinal.to_string());
        let hash = hash.finalize();
        let hex: String = hash[..20]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("map-{hex}")
    }

    fn place(&self, before: &str, name: &str) -> String {
        let name = match self.names.contains(name) {
            true => name.replace('~', "~0").replace('/', "~1"),
            false => "*".to_owned(),
        };
        format!("{before}/{name}")
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Begins a member of an object: a comma if one is needed, and the name.
fn member(text: &mut String, name: &str) {
    if !text.ends_with('{') {
        text.push(',');
    }
    text.push_str(&quoted(name));
    text.push(':');
}

/// Writes `data`. Its values become texts by the one rule of docs/mapping.md "Values".
fn data(text: &mut String, value: &Val, origin: &Origin<'_>) -> Result<(), Kind> {
    let Val::Obj(columns) = value else {
        return Err(Kind::value("/data", "an object"));
    };
    let mut members = String::from("{");
    for (name, value) in columns.iter() {
        let name = value::text(name).ok_or_else(|| Kind::value("/data", "names that are texts"))?;
        member(&mut members, name);
        match value {
            Val::Null => members.push_str("null"),
            value => {
                let place = || origin.place("/data", name);
                members.push_str(&quoted(&scalar(value, place)?));
            }
        }
    }
    members.push('}');
    text.push_str(&members);
    Ok(())
}

fn scalar(value: &Val, place: impl Fn() -> String) -> Result<String, Kind> {
    match value {
        Val::Bool(bool) => Ok(bool.to_string()),
        Val::Num(number) => value::decimal(number)
            .ok_or_else(|| Kind::value(place(), "a finite number of at most 300 digits")),
        value => value::text(value)
            .map(str::to_owned)
            .ok_or_else(|| Kind::value(place(), "a text, a number, a boolean or null")),
    }
}

/// The texts of a routing field, without nulls and empty texts.
fn texts(value: &Val, place: &'static str) -> Result<Vec<String>, Kind> {
    let one = |value: &Val| match value {
        Val::Null => Ok(String::new()),
        value => scalar(value, || place.to_owned()),
    };
    let mut texts = match value {
        Val::Arr(values) => values.iter().map(one).collect::<Result<_, _>>()?,
        value => vec![one(value)?],
    };
    texts.retain(|text| !text.is_empty());
    Ok(texts)
}

/// Writes any other member as the JSON that it is.
fn json(
    text: &mut String,
    value: &Val,
    place: &str,
    origin: &Origin<'_>,
    deepest: usize,
) -> Result<(), Kind> {
    let deeper = || {
        let deeper = deepest.checked_sub(1);
        deeper
            .ok_or_else(|| Kind::value(place, "lists and objects that are nested at most 16 deep"))
    };
    match value {
        Val::Null => text.push_str("null"),
        Val::Bool(bool) => text.push_str(&bool.to_string()),
        Val::Num(number) => {
            let number = value::decimal(number);
            text.push_str(
                &number
                    .ok_or_else(|| Kind::value(place, "a finite number of at most 300 digits"))?,
            );
        }
        Val::TStr(_) | Val::BStr(_) => {
            let value = value::text(value).ok_or_else(|| Kind::value(place, "a text"))?;
            text.push_str(&quoted(value));
        }
        Val::Arr(values) => {
            let deeper = deeper()?;
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                json(text, value, &format!("{place}/{index}"), origin, deeper)?;
            }
            text.push(']');
        }
        Val::Obj(members) => {
            let deeper = deeper()?;
            let mut object = String::from("{");
            for (name, value) in members.iter() {
                let name =
                    value::text(name).ok_or_else(|| Kind::value(place, "names that are texts"))?;
                member(&mut object, name);
                json(
                    &mut object,
                    value,
                    &origin.place(place, name),
                    origin,
                    deeper,
                )?;
            }
            object.push('}');
            text.push_str(&object);
        }
    }
    Ok(())
}
