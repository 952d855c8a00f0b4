//! Reads the members `optOut` and `remove` of a mapping.
//!
//! Each names a field and the values that mean "opted out" or "removed". A wrong guess here would
//! let somebody be called who opted out. So a list that leaves room for doubt is refused:
//! `{"field": "consent", "values": ["no"]}` must also say which values mean that the person may be
//! called. [`crate::fields`] applies these conditions to a record.

use jaq_json::Val;
use serde_json::value::RawValue;

use crate::config::read;
use crate::fault::InvalidMapping;
use crate::value;

/// The common part of `optOut` and `remove`: a field, and the values that meet the condition.
struct Condition {
    name: &'static str,
    field: Val,
    values: Vec<Val>,
}

impl Condition {
    fn refused(&self, member: &str, message: &str) -> InvalidMapping {
        refused(self.name, member, message)
    }

    /// The condition as a program sees it, with one more member.
    fn with(self, more: (&'static str, Val)) -> Val {
        let values = self.values.into_iter().collect();
        let members = [("field", self.field), ("values", values), more];
        let members = members.into_iter();
        Val::obj(
            members
                .map(|(member, value)| (Val::utf8_str(member), value))
                .collect(),
        )
    }
}

/// Reads `{"field": …, "values": […], "callable": […]}`. A program always sees both lists.
/// `"none"`, and no member at all, become null.
pub(crate) fn opt_out(raw: Option<&RawValue>) -> Result<Val, InvalidMapping> {
    let Some((condition, callable)) = of("optOut", "callable", raw)? else {
        return Ok(Val::Null);
    };
    let callable = match callable {
        Some(callable) => scalars(&callable).ok_or_else(|| condition.refused("callable", LIST))?,
        None => others(&condition.values).ok_or_else(|| {
            let message = "required if `values` holds texts or numbers: list all values of the field with which \
                somebody \
                may be called";
            condition.refused("callable", message)
        })?,
    };
    if callable
        .iter()
        .any(|value| condition.values.contains(value))
    {
        return Err(condition.refused("callable", "a value is also in `values`"));
    }
    if callable
        .iter()
        .any(|value| is_near(value, &condition.values))
    {
        let message = "a text differs from one in `values` only in case or spaces";
        return Err(condition.refused("callable", message));
    }
    Ok(condition.with(("callable", callable.into_iter().collect())))
}

/// Reads `{"field": …, "values": […], "mayBeAbsent": …}`. `"none"`, and no member at all, become
/// null.
pub(crate) fn remove(raw: Option<&RawValue>) -> Result<Val, InvalidMapping> {
    let Some((condition, may_be_absent)) = of("remove", "mayBeAbsent", raw)? else {
        return Ok(Val::Null);
    };
    let may_be_absent = match may_be_absent {
        None => Val::Bool(false),
        Some(said @ Val::Bool(_)) => said,
        Some(_) => return Err(condition.refused("mayBeAbsent", "expected a boolean")),
    };
    Ok(condition.with(("mayBeAbsent", may_be_absent)))
}

/// Whether a text equals one of the values but for its case or the spaces around it. For example,
/// `"Yes "` is near `"yes"`, and `"True"` is near `true`.
pub(crate) fn is_near(text: &Val, values: &[Val]) -> bool {
    let folded = |text: &str| text.trim().to_lowercase();
    let Some(text) = value::text(text).map(folded) else {
        return false;
    };
    values.iter().any(|value| match value {
        Val::Bool(value) => value.to_string() == text,
        Val::Num(number) => value::decimal(number).is_some_and(|number| number == text),
        value => value::text(value).is_some_and(|value| folded(value) == text),
    })
}

const LIST: &str = "expected a list of texts, numbers, booleans or null";

fn refused(name: &str, member: &str, message: &str) -> InvalidMapping {
    InvalidMapping::member(&format!("{name}.{member}"), message)
}

/// Reads a condition, and the value of its own member `more`. `None` means that the mapping has no
/// condition.
fn of(
    name: &'static str,
    more: &'static str,
    raw: Option<&RawValue>,
) -> Result<Option<(Condition, Option<Val>)>, InvalidMapping> {
    let members = match raw.map(|raw| read(name, raw)).transpose()? {
        None => return Ok(None),
        Some(Val::Obj(members)) => members,
        Some(value) if value::text(&value) == Some("none") => return Ok(None),
        Some(_) => {
            return Err(InvalidMapping::member(
                name,
                "expected an object, or \"none\"",
            ));
        }
    };
    let get = |member: &str| members.get(&Val::utf8_str(member.to_owned())).cloned();
    let known = ["field", "values", more];
    let is_known = |member: &Val| value::text(member).is_some_and(|name| known.contains(&name));
    if !members.keys().all(is_known) {
        let message = format!("expected `field`, `values` and `{more}` alone");
        return Err(InvalidMapping::member(name, message));
    }
    let field = get("field");
    let field = field.filter(|field| value::text(field).is_some_and(|field| !field.is_empty()));
    let field = field.ok_or_else(|| refused(name, "field", "expected the name of a field"))?;
    let values = match get("values") {
        None => Some(vec![Val::Bool(true)]),
        Some(values) => scalars(&values).filter(|values| !values.is_empty()),
    };
    let values = values.ok_or_else(|| refused(name, "values", LIST))?;
    let condition = Condition {
        name,
        field,
        values,
    };
    Ok(Some((condition, get(more))))
}

fn scalars(list: &Val) -> Option<Vec<Val>> {
    let Val::Arr(list) = list else {
        return None;
    };
    let is_scalar = |value: &Val| !matches!(value, Val::Arr(_) | Val::Obj(_));
    list.iter().all(is_scalar).then(|| list.as_ref().clone())
}

/// The booleans that are not among `values`, if there is a boolean among them. `None` means that
/// the field may hold other texts or numbers, so the mapping itself must list them.
fn others(values: &[Val]) -> Option<Vec<Val>> {
    let is_known = |value: &Val| matches!(value, Val::Bool(_) | Val::Null);
    let is_boolean = values.iter().any(|value| matches!(value, Val::Bool(_)));
    let booleans = [true, false].map(Val::Bool).into_iter();
    let others = booleans.filter(|value| is_boolean && !values.contains(value));
    values.iter().all(is_known).then(|| others.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_that_differs_in_case_or_spaces_is_near_a_value() {
        let text = |text: &str| Val::utf8_str(text.to_owned());
        let values = [text("Ja "), Val::Bool(true), Val::from(17_usize), Val::Null];
        for near in ["ja", "JA", "\tJa\u{a0}", "True", " 17 "] {
            assert!(is_near(&text(near), &values), "{near}");
        }
        for other in [text("j a"), text(""), text("null"), Val::Bool(true)] {
            assert!(!is_near(&other, &values), "{other}");
        }
    }
}
