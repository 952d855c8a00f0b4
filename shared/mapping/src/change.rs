//! What a program yields, as the text of a change.

use std::collections::BTreeSet;
use std::fmt;

use jaq_json::Val;
use sha2::{Digest, Sha256};

use crate::fault::Kind;
use crate::value;

/// How deep what a program yields may be nested.
const DEEPEST: usize = 16;

/// A change that an item became.
#[derive(Clone, PartialEq, Eq)]
pub struct Mapped {
    /// A JSON object: a change by docs/contract.md "Contact change", as a sender sends it. The values
    /// in its `data` are texts or null.
    pub text: String,
    /// What the routing field holds; none: the item does not tell it.
    pub campaigns: Option<Vec<String>>,
    /// What the routing field held before; none: the item does not tell it.
    pub campaigns_before: Option<Vec<String>>,
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped").finish_non_exhaustive()
    }
}

/// The item that a change comes from, and which of its changes it is.
pub(crate) struct Origin<'a> {
    pub(crate) item: &'a str,
    pub(crate) ordinal: usize,
    /// Names of members that may be shown: those that do not come from the payload.
    pub(crate) names: &'a BTreeSet<String>,
}

/// The change that a value is.
pub(crate) fn of(value: &Val, origin: &Origin<'_>) -> Result<Mapped, Kind> {
    let Val::Obj(members) = value else {
        return Err(Kind::value("", "an object"));
    };
    let (mut text, mut has_event_id) = (String::from("{"), false);
    let (mut campaigns, mut campaigns_before) = (None, None);
    for (name, value) in members.iter() {
        let name = value::text(name).ok_or_else(|| Kind::value("", "names that are texts"))?;
        match name {
            "campaigns" => campaigns = Some(texts(value, "/campaigns")?),
            "campaignsBefore" => campaigns_before = Some(texts(value, "/campaignsBefore")?),
            "data" => {
                member(&mut text, name);
                data(&mut text, value, origin)?;
            }
            _ => {
                has_event_id |= name == "eventId";
                member(&mut text, name);
                let place = origin.place("", name);
                json(&mut text, value, &place, origin, DEEPEST)?;
            }
        }
    }
    if !has_event_id {
        member(&mut text, "eventId");
        text.push_str(&quoted(&origin.event_id()));
    }
    text.push('}');
    Ok(Mapped {
        text,
        campaigns,
        campaigns_before,
    })
}

impl Origin<'_> {
    /// The same whenever the same item is sent again.
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

/// Begins a member: what was written before is `{`, or a member.
fn member(text: &mut String, name: &str) {
    if !text.ends_with('{') {
        text.push(',');
    }
    text.push_str(&quoted(name));
    text.push(':');
}

/// The one rule for the values of columns (docs/mapping.md "Values").
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

/// The texts of a routing field: null and empty texts are none.
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

/// Any other value as it is.
fn json(
    text: &mut String,
    value: &Val,
    place: &str,
    origin: &Origin<'_>,
    deepest: usize,
) -> Result<(), Kind> {
    let deeper = || {
        let deeper = deepest.checked_sub(1);
        deeper.ok_or_else(|| Kind::value(place, "what is not nested so deep"))
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
