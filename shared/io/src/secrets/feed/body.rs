//! The body of a request for a page.

use serde_json::{Map, Value};

use super::template::{self, Asked, Names, Template, Unfit};

/// JSON with placeholders in its texts.
#[derive(Clone)]
pub(super) enum Body {
    Plain(Value),
    Text(Template),
    List(Vec<Body>),
    Object(Vec<(String, Body)>),
}

impl Body {
    pub(super) fn read(text: &str) -> Result<Body, String> {
        match serde_json::from_str(text) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => {
                let body = Body::of(value);
                body.ok_or_else(|| format!("expected {}", template::EXPECTED))
            }
            _ => Err("expected an object or a list".to_owned()),
        }
    }

    fn of(value: Value) -> Option<Body> {
        Some(match value {
            Value::String(text) => Body::Text(Template::parse(&text)?),
            Value::Array(values) => {
                Body::List(values.into_iter().map(Body::of).collect::<Option<_>>()?)
            }
            Value::Object(members) => {
                let members = members.into_iter();
                let members = members.map(|(name, value)| Some((name, Body::of(value)?)));
                Body::Object(members.collect::<Option<_>>()?)
            }
            plain => Body::Plain(plain),
        })
    }

    /// Whether one of its texts has this property.
    pub(super) fn has(&self, what: fn(&Template) -> bool) -> bool {
        match self {
            Body::Plain(_) => false,
            Body::Text(template) => what(template),
            Body::List(values) => values.iter().any(|value| value.has(what)),
            Body::Object(members) => members.iter().any(|(_, value)| value.has(what)),
        }
    }

    /// The value with its placeholders filled in. `None` means that it is the cursor and the first
    /// page is asked for, so it is left out.
    pub(super) fn filled(
        &self,
        asked: &Asked<'_>,
        names: &dyn Names,
    ) -> Result<Option<Value>, Unfit> {
        Ok(Some(match self {
            Body::Text(template) if template.is_cursor() && asked.cursor.is_none() => {
                return Ok(None);
            }
            Body::Plain(value) => value.clone(),
            Body::Text(template) => template.filled(asked, names, str::to_owned)?.into(),
            Body::List(values) => {
                let values = values.iter().map(|value| value.filled(asked, names));
                let values = values.filter_map(Result::transpose);
                Value::Array(values.collect::<Result<_, _>>()?)
            }
            Body::Object(members) => {
                let mut object = Map::new();
                for (name, value) in members {
                    if let Some(value) = value.filled(asked, names)? {
                        object.insert(name.clone(), value);
                    }
                }
                object.into()
            }
        }))
    }
}
