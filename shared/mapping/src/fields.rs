//! The functions that read the fields of a record by the members of a mapping: `columns_by`,
//! `callable_by`, `removed_by`, `campaigns_by` and `choices`.
//!
//! Every preset calls them, and any other program may. They fail if a guess could do harm: if a
//! field of an opt-out holds neither a listed value that means "opted out" nor one that means
//! "callable", the item is a fault and nothing is changed. [`crate::condition`] reads the
//! conditions that they apply.

use jaq_core::ValR;
use jaq_json::{Map, Val};

use crate::condition;
use crate::natives::fail;
use crate::value;

/// The messages that these functions fail with. They hold no value of a payload.
pub(crate) const MESSAGES: [&str; 9] = [
    COLUMNS_BY,
    CALLABLE_BY,
    REMOVED_BY,
    CAMPAIGNS_BY,
    NO_OPT_OUT,
    NEITHER,
    NO_REMOVAL,
    OTHER_REMOVAL,
    NEAR_REMOVAL,
];
const COLUMNS_BY: &str = "columns_by: expected an object of fields, and $columns";
const CALLABLE_BY: &str = "callable_by: expected an object of fields, and $optOut";
const REMOVED_BY: &str = "removed_by: expected an object of fields, and $remove";
const CAMPAIGNS_BY: &str = "campaigns_by: expected an object of fields, and $campaignField";
const NO_OPT_OUT: &str = "the opt-out field is missing";
const NEITHER: &str = "the opt-out field holds a value that is in neither of its lists";
const NO_REMOVAL: &str = "the field of `remove` is missing";
const OTHER_REMOVAL: &str =
    "the field of `remove` holds a value of another type than those that are listed";
const NEAR_REMOVAL: &str =
    "the field of `remove` differs from a listed value only in case or spaces";

/// The columns that the fields fill. A field that is absent fills none.
pub(crate) fn columns_by(fields: &Val, columns: &Val) -> ValR<Val> {
    let (Val::Obj(fields), Val::Obj(columns)) = (fields, columns) else {
        return fail(COLUMNS_BY);
    };
    let mut data = Map::default();
    for (field, columns) in columns.iter() {
        let Val::Arr(columns) = columns else {
            return fail(COLUMNS_BY);
        };
        if let Some(value) = fields.get(field) {
            data.extend(columns.iter().map(|column| (column.clone(), value.clone())));
        }
    }
    Ok(Val::obj(data))
}

/// `{callable: …}`, or `{}` if the mapping has no `optOut`.
pub(crate) fn callable_by(fields: &Val, opt_out: &Val) -> ValR<Val> {
    let (fields, opt_out) = match (fields, opt_out) {
        (Val::Obj(_), Val::Null) => return Ok(Val::obj(Map::default())),
        (Val::Obj(fields), Val::Obj(opt_out)) => (fields, opt_out),
        _ => return fail(CALLABLE_BY),
    };
    let [field, values, callable] =
        ["field", "values", "callable"].map(|name| opt_out.get(&Val::utf8_str(name)));
    let (Some(field), Some(Val::Arr(values)), Some(Val::Arr(callable))) = (field, values, callable)
    else {
        return fail(CALLABLE_BY);
    };
    let Some(told) = fields.get(field) else {
        return fail(NO_OPT_OUT);
    };
    // A field may hold several values. One that means "opted out" is enough. An empty list counts
    // as null.
    let nothing = [Val::Null];
    let told = match told {
        Val::Arr(told) if told.is_empty() => &nothing,
        Val::Arr(told) => told.as_slice(),
        told => std::slice::from_ref(told),
    };
    if told.iter().any(|told| values.contains(told)) {
        return Ok(member("callable", Val::Bool(false)));
    }
    match told.iter().all(|told| callable.contains(told)) {
        true => Ok(member("callable", Val::Bool(true))),
        false => fail(NEITHER),
    }
}

/// Whether the record is removed. It never is if the mapping has no `remove`.
pub(crate) fn removed_by(fields: &Val, remove: &Val) -> ValR<Val> {
    let (fields, remove) = match (fields, remove) {
        (Val::Obj(_), Val::Null) => return Ok(Val::Bool(false)),
        (Val::Obj(fields), Val::Obj(remove)) => (fields, remove),
        _ => return fail(REMOVED_BY),
    };
    let [field, values, may_be_absent] =
        ["field", "values", "mayBeAbsent"].map(|name| remove.get(&Val::utf8_str(name)));
    let (Some(field), Some(Val::Arr(values)), Some(Val::Bool(may_be_absent))) =
        (field, values, may_be_absent)
    else {
        return fail(REMOVED_BY);
    };
    let told = fields.get(field).unwrap_or(&Val::Null);
    if fields.contains_key(field) && values.contains(told) {
        return Ok(Val::Bool(true));
    }
    let is_absent = *told == Val::Null || value::text(told) == Some("");
    match is_absent {
        true if *may_be_absent => Ok(Val::Bool(false)),
        true => fail(NO_REMOVAL),
        false if condition::is_near(told, values) => fail(NEAR_REMOVAL),
        false if values.iter().any(|value| is_same_type(value, told)) => Ok(Val::Bool(false)),
        false => fail(OTHER_REMOVAL),
    }
}

/// `{campaigns: …}`, or `{}` if the mapping has no routing field or the record does not have it.
pub(crate) fn campaigns_by(fields: &Val, field: &Val) -> ValR<Val> {
    let told = match (fields, field) {
        (Val::Obj(_), Val::Null) => None,
        (Val::Obj(fields), field) if value::text(field).is_some() => fields.get(field),
        _ => return fail(CAMPAIGNS_BY),
    };
    Ok(told.map_or_else(
        || Val::obj(Map::default()),
        |told| member("campaigns", choices(told)),
    ))
}

/// The values of a field that may hold several. A list stays as it is; a text is split at `;`.
pub(crate) fn choices(value: &Val) -> Val {
    match (value, value::text(value)) {
        (_, Some(text)) => {
            let parts = text.split(';').map(str::trim);
            let parts = parts.filter(|part| !part.is_empty());
            parts.map(|part| Val::utf8_str(part.to_owned())).collect()
        }
        (Val::Null, _) => std::iter::empty().collect(),
        (Val::Arr(_), _) => value.clone(),
        _ => std::iter::once(value.clone()).collect(),
    }
}

fn member(name: &'static str, value: Val) -> Val {
    Val::obj(std::iter::once((Val::utf8_str(name), value)).collect())
}

fn is_same_type(one: &Val, other: &Val) -> bool {
    match (one, other) {
        (Val::Bool(_), Val::Bool(_)) | (Val::Num(_), Val::Num(_)) => true,
        (one, other) => value::text(one).is_some() && value::text(other).is_some(),
    }
}
