//! Members and strings of JSON, as they are written.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::HALF_A_CHARACTER;
use crate::change::FaultCode;
use crate::json::{Members, Text};

pub(super) type Wrong = (FaultCode, &'static str);

pub(super) type Member<'a> = (Cow<'a, str>, &'a RawValue);

pub(super) fn members<'a>(json: &'a str, expected: &'static str) -> Result<Vec<Member<'a>>, Wrong> {
    let members: Result<Members<'a>, _> = serde_json::from_str(json);
    members.map(|members| members.0).map_err(|_| {
        if json.trim_start().starts_with('{') {
            (FaultCode::WrongFormat, HALF_A_CHARACTER)
        } else {
            (FaultCode::WrongType, expected)
        }
    })
}

/// Reads a JSON string. `None` is a value of another type.
pub(super) fn string(raw: &RawValue) -> Result<Option<Cow<'_, str>>, &'static str> {
    let Some(text) = raw.get().strip_prefix('"') else {
        return Ok(None);
    };
    if let Some(plain) = text.strip_suffix('"').filter(|text| !text.contains('\\')) {
        return Ok(Some(plain.into()));
    }
    // Any other fault of a string makes the whole body invalid JSON.
    let text: Result<Text<'_>, _> = serde_json::from_str(raw.get());
    text.map(|text| Some(text.0)).map_err(|_| HALF_A_CHARACTER)
}
