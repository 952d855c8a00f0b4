//! The calls of a scratch list by the names that failures have, and the permission that each needs.

use domain::failure::Failure;

pub(super) const LIST: &str = "GET contact list";
pub(super) const CAMPAIGNS: &str = "GET campaigns";
pub(super) const SEARCH: &str = "POST contacts/search";
pub(super) const POST: &str = "POST contacts";
pub(super) const PUT: &str = "PUT contact";
pub(super) const GET: &str = "GET contact";
pub(super) const BULK: &str = "POST contacts/bulk";
pub(super) const DELETE: &str = "DELETE contacts";

/// The permission for each call.
const PERMISSIONS: [(&str, &str); 8] = [
    (LIST, "outbound:contactList:view"),
    (CAMPAIGNS, "outbound:campaign:view"),
    (SEARCH, "outbound:contact:view"),
    (GET, "outbound:contact:view"),
    (BULK, "outbound:contact:view"),
    (
        POST,
        "outbound:contact:add, and outbound:contact:edit for what exists",
    ),
    (PUT, "outbound:contact:edit"),
    (DELETE, "outbound:contact:delete"),
];

/// The permission that a failed call of a [`ScratchList`](super::ScratchList) lacked, if that is
/// why it failed.
pub fn permission(failure: &Failure) -> Option<&'static str> {
    let is_of = |what: &str| {
        let rest = failure.detail.strip_prefix(what);
        rest.is_some_and(|rest| rest.starts_with(':'))
    };
    let found = PERMISSIONS.into_iter().find(|(what, _)| is_of(what));
    (failure.http_status == Some(403)).then_some(found?.1)
}

#[cfg(test)]
mod tests {
    use domain::failure::Kind;

    use super::*;

    #[test]
    fn a_403_names_the_permission_that_its_call_needs() {
        let of = |status, detail: &str| {
            permission(&Failure {
                http_status: Some(status),
                ..Failure::new(Kind::Refused, detail)
            })
        };
        for (detail, told) in [
            ("GET contact list: 403", "outbound:contactList:view"),
            ("GET contact: 403", "outbound:contact:view"),
            ("POST contacts/search: 403", "outbound:contact:view"),
            ("PUT contact: 403 not.authorized", "outbound:contact:edit"),
            ("DELETE contacts: 403", "outbound:contact:delete"),
        ] {
            assert_eq!(of(403, detail), Some(told));
        }
        assert!(of(403, "POST contacts: 403").is_some_and(|told| told.contains("contact:add")));
        assert_eq!(of(401, "PUT contact: 401"), None);
        assert_eq!(of(403, "secret"), None);
    }
}
