//! Reads the JSON of a mapping into a [`Config`].
//!
//! Every member is checked here, by itself and against what the preset needs and accepts. The text
//! of the program is kept as it is: [`crate::check`] and [`crate::program`] read it.
//! docs/mapping.md describes each member.

use std::collections::BTreeSet;

use domain::json::Members;
use jaq_json::Val;
use serde_json::value::RawValue;

use crate::condition;
use crate::fault::InvalidMapping;
use crate::preset::{self, Preset};
use crate::value;

/// The global variables of every program. The last two come from the request, the others from the
/// mapping.
pub(crate) const GLOBALS: [&str; 9] = [
    "$columns",
    "$optOut",
    "$remove",
    "$key",
    "$version",
    "$campaignField",
    "$object",
    "$headers",
    "$cloudevent",
];

/// Headers that hold credentials. No program may see them.
const SECRET: [&str; 4] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
];

/// A mapping whose members have been checked.
pub(crate) struct Config {
    /// The preset's name, or `jq`.
    pub(crate) name: &'static str,
    pub(crate) program: String,
    pub(crate) items: Option<String>,
    pub(crate) headers: Vec<String>,
    pub(crate) sample: Option<String>,
    /// The first member of the mapping that only a webhook can use.
    pub(crate) of_webhooks: Option<&'static str>,
    /// The values of [`GLOBALS`], without the last two.
    pub(crate) globals: Vec<Val>,
    /// The columns that the mapping fills.
    pub(crate) columns: BTreeSet<String>,
}

/// The members that a mapping may have, as raw JSON.
#[derive(Default)]
struct Raw<'a> {
    preset: Option<&'a RawValue>,
    jq: Option<&'a RawValue>,
    items: Option<&'a RawValue>,
    columns: Option<&'a RawValue>,
    opt_out: Option<&'a RawValue>,
    remove: Option<&'a RawValue>,
    key: Option<&'a RawValue>,
    version: Option<&'a RawValue>,
    campaign_field: Option<&'a RawValue>,
    object: Option<&'a RawValue>,
    headers: Option<&'a RawValue>,
    sample: Option<&'a RawValue>,
}

impl<'a> Raw<'a> {
    fn slot(&mut self, name: &str) -> Option<&mut Option<&'a RawValue>> {
        Some(match name {
            "preset" => &mut self.preset,
            "jq" => &mut self.jq,
            "items" => &mut self.items,
            "columns" => &mut self.columns,
            "optOut" => &mut self.opt_out,
            "remove" => &mut self.remove,
            "key" => &mut self.key,
            "version" => &mut self.version,
            "campaignField" => &mut self.campaign_field,
            "object" => &mut self.object,
            "headers" => &mut self.headers,
            "sample" => &mut self.sample,
            _ => return None,
        })
    }
}

/// Reads the JSON of a mapping.
pub(crate) fn parse(json: &str) -> Result<Config, InvalidMapping> {
    let mut raw = members(json)?;
    let preset = match (raw.preset, raw.jq) {
        (Some(name), None) => {
            let name = text("preset", name)?;
            let known = || {
                let names: Vec<_> = preset::presets().collect();
                format!("expected one of {}", names.join(", "))
            };
            let preset = preset::find(&name);
            Some(preset.ok_or_else(|| InvalidMapping::member("preset", known()))?)
        }
        (None, Some(_)) => None,
        _ => {
            return Err(InvalidMapping::member(
                "",
                "expected one of `preset` and `jq`",
            ));
        }
    };
    if let Some(preset) = preset {
        check_members(preset, &mut raw)?;
    }
    let (columns, filled) = match raw.columns {
        Some(columns) => self::columns(columns)?,
        None => (Val::obj(jaq_json::Map::default()), BTreeSet::new()),
    };
    let optional = |name, raw: Option<&RawValue>| match raw {
        Some(raw) => text(name, raw).map(Val::utf8_str),
        None => Ok(Val::Null),
    };
    Ok(Config {
        name: preset.map_or("jq", |preset| preset.name),
        program: match (preset, raw.jq) {
            (None, Some(jq)) => text("jq", jq)?,
            (preset, _) => preset.map_or("empty", |preset| preset.program).to_owned(),
        },
        items: raw.items.map(pointer).transpose()?,
        headers: headers(raw.headers, preset)?,
        sample: raw.sample.map(|sample| sample.get().to_owned()),
        of_webhooks: match (raw.campaign_field, raw.headers) {
            (Some(_), _) => Some("campaignField"),
            (None, Some(_)) => Some("headers"),
            (None, None) => None,
        },
        globals: vec![
            columns,
            condition::opt_out(raw.opt_out)?,
            condition::remove(raw.remove)?,
            optional("key", raw.key)?,
            optional("version", raw.version)?,
            optional("campaignField", raw.campaign_field)?,
            optional("object", raw.object)?,
        ],
        columns: filled,
    })
}

fn members(json: &str) -> Result<Raw<'_>, InvalidMapping> {
    let whole = |message: &str| InvalidMapping::member("", message);
    value::check_depth(json).map_err(|kind| whole(&kind.to_string()))?;
    let members: Members<'_> =
        serde_json::from_str(json).map_err(|_| whole("expected a JSON object"))?;
    let mut raw = Raw::default();
    for (name, value) in members.0 {
        let Some(slot) = raw.slot(&name) else {
            let is_word = (1..=24).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphabetic());
            return Err(match is_word {
                true => InvalidMapping::member(&name, "no such member"),
                // The unknown name is not shown: it may be a secret that was pasted in the wrong
                // place.
                false => whole("unknown member, whose name is not a word"),
            });
        };
        if slot.replace(value).is_some() {
            return Err(InvalidMapping::member(&name, "occurs twice"));
        }
    }
    Ok(raw)
}

/// Checks that the mapping has every member that the preset needs, and none that the preset
/// ignores.
fn check_members(preset: &Preset, raw: &mut Raw<'_>) -> Result<(), InvalidMapping> {
    let always = ["columns", "optOut"];
    for name in always.iter().chain(preset.needs) {
        if raw.slot(name).is_some_and(|slot| slot.is_none()) {
            let hint = match *name {
                "optOut" => "; \"none\" says that this sender sends no opt-outs",
                _ => "",
            };
            let message = format!("the preset {} needs it{hint}", preset.name);
            return Err(InvalidMapping::member(name, message));
        }
    }
    for name in ["key", "version", "remove", "object"] {
        let is_read = preset.needs.contains(&name) || preset.takes.contains(&name);
        if !is_read && raw.slot(name).is_some_and(|slot| slot.is_some()) {
            let message = format!("the preset {} does not read it", preset.name);
            return Err(InvalidMapping::member(name, message));
        }
    }
    Ok(())
}

fn text(name: &str, raw: &RawValue) -> Result<String, InvalidMapping> {
    let text: Option<String> = serde_json::from_str(raw.get()).ok();
    let text = text.filter(|text| !text.is_empty());
    text.ok_or_else(|| InvalidMapping::member(name, "expected a text that is not empty"))
}

pub(crate) fn read(name: &str, raw: &RawValue) -> Result<Val, InvalidMapping> {
    value::read(raw.get()).map_err(|kind| InvalidMapping::member(name, kind.to_string()))
}

fn pointer(raw: &RawValue) -> Result<String, InvalidMapping> {
    let pointer: Option<String> = serde_json::from_str(raw.get()).ok();
    let pointer = pointer.filter(|pointer| pointer.is_empty() || pointer.starts_with('/'));
    pointer
        .ok_or_else(|| InvalidMapping::member("items", "expected a JSON pointer such as /records"))
}

/// Reads `{"FIELD": "column"}` or `{"FIELD": ["column", …]}`. A program always sees lists. Also
/// returns all columns.
fn columns(raw: &RawValue) -> Result<(Val, BTreeSet<String>), InvalidMapping> {
    let expected = |message: &str| InvalidMapping::member("columns", message);
    let Val::Obj(fields) = read("columns", raw)? else {
        return Err(expected("expected an object of fields and columns"));
    };
    let (mut lists, mut filled) = (jaq_json::Map::default(), BTreeSet::new());
    for (field, columns) in fields.iter() {
        let columns = match columns {
            Val::Arr(columns) => columns.as_ref().clone(),
            column => vec![column.clone()],
        };
        for column in &columns {
            let name = value::text(column).filter(|name| (1..=128).contains(&name.chars().count()));
            let name =
                name.ok_or_else(|| expected("expected names of columns, of 1 to 128 characters"))?;
            if !filled.insert(name.to_owned()) {
                return Err(expected("two fields fill the same column"));
            }
        }
        lists.insert(field.clone(), columns.into_iter().collect());
    }
    Ok((Val::obj(lists), filled))
}

fn headers(raw: Option<&RawValue>, preset: Option<&Preset>) -> Result<Vec<String>, InvalidMapping> {
    let mut names: Vec<String> = match preset {
        Some(preset) => preset
            .headers
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        None => Vec::new(),
    };
    let expected = |message: &str| InvalidMapping::member("headers", message);
    let said: Vec<String> = match raw {
        Some(raw) => serde_json::from_str(raw.get())
            .map_err(|_| expected("expected a list of names of headers"))?,
        None => Vec::new(),
    };
    for name in said {
        let name = name.to_ascii_lowercase();
        let is_name = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !is_name {
            return Err(expected("expected names of headers, such as x-acme-event"));
        }
        if SECRET.contains(&name.as_str()) {
            return Err(expected(
                "a header that holds credentials cannot be part of a change",
            ));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}
