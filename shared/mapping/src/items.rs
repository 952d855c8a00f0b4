//! Splits a body into its items, each as it was written.

use std::fmt;

use domain::json::Members;
use serde_json::value::RawValue;

use crate::fault::Kind;
use crate::value;

/// One item of a body.
#[derive(Clone, PartialEq, Eq)]
pub struct Item<'b> {
    /// The JSON pointer of the item in the body.
    pub pointer: String,
    /// The JSON text of the item.
    pub text: &'b str,
}

impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("pointer", &self.pointer)
            .finish_non_exhaustive()
    }
}

/// The items of a body: the elements of the list that the pointer leads to, or the one object
/// there. Anything else in the body only has to be JSON.
pub(crate) fn of<'b>(body: &'b str, pointer: Option<&str>) -> Result<Vec<Item<'b>>, Kind> {
    let text = at(body, pointer)?;
    let at = pointer.unwrap_or_default();
    match text.as_bytes().first() {
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Kind::NotJson)?;
            let items = items.into_iter().enumerate();
            Ok(items
                .map(|(index, item)| Item {
                    pointer: format!("{at}/{index}"),
                    text: item.get(),
                })
                .collect())
        }
        Some(b'{') => Ok(vec![Item {
            pointer: at.to_owned(),
            text,
        }]),
        _ => Err(Kind::NoItems),
    }
}

/// The JSON text that the pointer leads to.
pub(crate) fn at<'b>(body: &'b str, pointer: Option<&str>) -> Result<&'b str, Kind> {
    value::check_depth(body)?;
    let mut raw: &RawValue = serde_json::from_str(body).map_err(|_| Kind::NotJson)?;
    for name in pointer.unwrap_or_default().split('/').skip(1) {
        raw = child(raw, &name.replace("~1", "/").replace("~0", "~"))?;
    }
    Ok(raw.get())
}

fn child<'b>(raw: &'b RawValue, name: &str) -> Result<&'b RawValue, Kind> {
    match raw.get().as_bytes().first() {
        Some(b'{') => {
            let members: Members<'_> =
                serde_json::from_str(raw.get()).map_err(|_| Kind::NotJson)?;
            let mut found = members.0.into_iter().filter(|member| member.0 == name);
            let member = found.next().ok_or(Kind::NoItems)?;
            match found.next() {
                Some(_) => Err(Kind::Twice),
                None => Ok(member.1),
            }
        }
        Some(b'[') => {
            let items: Vec<&RawValue> =
                serde_json::from_str(raw.get()).map_err(|_| Kind::NotJson)?;
            let index: Option<usize> = name.parse().ok();
            let item = index.and_then(|index| items.get(index).copied());
            item.ok_or(Kind::NoItems)
        }
        _ => Err(Kind::NoItems),
    }
}
