//! The member `next` of a feed's secret: how a page leads to the next.
//!
//! This module reads the member, checks it against the request, and checks cursors.
//! `reconcile::feed` finds the cursor on a page.

use super::super::members::{MalformedSecret, Members};
use super::request::Request;

/// How a page leads to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The page holds the cursor of the next, at this JSON pointer.
    Cursor(String),
    /// The page holds the address of the next, at this JSON pointer.
    Link(String),
    /// The header `Link` holds the address of the next, with this relation.
    LinkHeader(String),
    /// The cursor is the id of the page's last item, at this JSON pointer within it. The page
    /// without items is the last.
    Keyset(String),
    /// The cursor is the number of items before the page. The page without items is the last.
    Offset,
}

impl Next {
    /// Whether a page gives the address of the next, and not just a cursor.
    pub fn is_link(&self) -> bool {
        matches!(self, Next::Link(_) | Next::LinkHeader(_))
    }

    /// The name of its kind.
    pub fn name(&self) -> &'static str {
        match self {
            Next::Cursor(_) => "cursor",
            Next::Link(_) => "link",
            Next::LinkHeader(_) => "linkHeader",
            Next::Keyset(_) => "keyset",
            Next::Offset => "offset",
        }
    }

    /// Whether a cursor has the form of this kind.
    pub(super) fn takes(&self, cursor: &str) -> bool {
        match self {
            Next::Keyset(_) => is_id(cursor),
            Next::Offset => cursor.parse::<u64>().is_ok(),
            Next::Cursor(_) | Next::Link(_) | Next::LinkHeader(_) => {
                !cursor.contains(char::is_control)
            }
        }
    }
}

/// Whether an id may stand within the quotes of a query language without escaping.
pub fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=256).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Reads the member, and the name of the parameter that `offset` gives.
pub(super) fn read(members: &mut Members<'_>) -> Result<(Next, Option<String>), MalformedSecret> {
    const ONE: &str = "exactly one of cursor, link, linkHeader, keyset and offset";
    members.only(&["cursor", "link", "linkHeader", "keyset", "offset"])?;
    let cursor = members.text("cursor", POINTER, pointer)?;
    let link = members.text("link", POINTER, pointer)?;
    let rel = members.optional("linkHeader", "true, or the relation of a link", relation)?;
    let keyset = members.text("keyset", POINTER, pointer)?;
    let offset = members.object("offset", |offset| {
        offset.only(&["param"])?;
        offset.text("param", "the name of a parameter of the query", |name| {
            let is_name =
                (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
            is_name.then(|| name.to_owned())
        })
    })?;
    match (cursor, link, rel, keyset, offset) {
        (Some(pointer), None, None, None, None) => Ok((Next::Cursor(pointer), None)),
        (None, Some(pointer), None, None, None) => Ok((Next::Link(pointer), None)),
        (None, None, Some(rel), None, None) => Ok((Next::LinkHeader(rel), None)),
        (None, None, None, Some(id), None) => Ok((Next::Keyset(id), None)),
        (None, None, None, None, Some(param)) => Ok((Next::Offset, param)),
        _ => Err(Members::malformed(ONE)),
    }
}

/// Checks that the request has a place for the cursor if and only if `next` gives one.
pub(super) fn check_cursor(
    request: &mut Request,
    next: Option<&Next>,
    param: Option<&str>,
) -> Result<(), MalformedSecret> {
    if param.is_some_and(|param| !request.add_cursor(param)) {
        let expected = "a parameter that request.query does not have";
        return Err(Members::wrong("next.offset.param", expected));
    }
    let comes = next.is_some_and(|next| !next.is_link());
    match request.has_cursor() {
        true if !comes => Err(Members::wrong(
            "next",
            "cursor, keyset or offset, since the request has a {cursor}",
        )),
        false if comes => Err(Members::wrong(
            "request",
            "a place for {cursor}, which next gives",
        )),
        _ => Ok(()),
    }
}

pub(super) const POINTER: &str = "a JSON pointer, such as /paging/next";

pub(super) fn pointer(text: &str) -> Option<String> {
    let is_escaped = |rest: &str| rest.starts_with(['0', '1']);
    let is_pointer =
        text.starts_with('/') && text.len() <= 256 && text.split('~').skip(1).all(is_escaped);
    is_pointer.then(|| text.to_owned())
}

fn relation(value: serde_json::Value) -> Option<String> {
    let rel = match value {
        serde_json::Value::Bool(true) => "next".to_owned(),
        serde_json::Value::String(rel) => rel,
        _ => return None,
    };
    let is_plain = (1..=64).contains(&rel.len())
        && rel
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\",;".contains(&byte));
    is_plain.then_some(rel)
}
