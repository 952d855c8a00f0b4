//! A request of the contact list API, and the parameters of its query.

use percent_encoding::percent_decode_str;
use serde_json::Value;

pub(in crate::genesys) struct Request<'a> {
    pub(in crate::genesys) method: &'a str,
    pub(in crate::genesys) path: &'a str,
    pub(in crate::genesys) query: &'a str,
    pub(in crate::genesys) body: &'a Value,
    /// The scheme and host with which the client reached the service.
    pub(in crate::genesys) origin: &'a str,
}

impl Request<'_> {
    /// All decoded values of a query parameter. One parameter may hold several values, separated by
    /// commas.
    pub(super) fn query(&self, name: &str) -> Vec<String> {
        let pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let values = pairs
            .filter(|(other, _)| *other == name)
            .map(|(_, value)| value.replace('+', " "));
        let decoded = values
            .filter_map(|value| Some(percent_decode_str(&value).decode_utf8().ok()?.into_owned()));
        decoded
            .flat_map(|value| value.split(',').map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    pub(super) fn says(&self, name: &str) -> bool {
        self.query(name)
            .iter()
            .any(|value| value.eq_ignore_ascii_case("true"))
    }

    pub(super) fn page(&self) -> (usize, usize) {
        let number = |name, default| {
            self.query(name)
                .first()
                .and_then(|text| text.parse().ok())
                .unwrap_or(default)
        };
        (
            number("pageNumber", 1).max(1),
            number("pageSize", 25).clamp(1, 100),
        )
    }
}
