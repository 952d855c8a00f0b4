//! Chooses the parked changes that a page shows, by its address or its form.
//!
//! A filter chooses by reason, org and source. It does not look at the queue: `desk` does.

use axum::http::Uri;
use domain::change::SourceName;

use crate::args;
use crate::console::fields::Fields;
use crate::dlq::Selection;

/// Rows of a page.
pub(crate) const PAGE: usize = 100;

/// A choice by reason, org and source. It holds no personal data, so it may be part of an address.
#[derive(Clone, Default)]
pub(crate) struct Filter {
    pub(crate) which: Selection,
    /// The page, from 0.
    pub(crate) page: usize,
    /// The name of a field whose value is invalid. If it were ignored, the filter would choose more
    /// than was meant.
    unknown: Option<&'static str>,
}

impl Filter {
    /// The first page of this choice. Ids are left out.
    pub(crate) fn of(which: &Selection) -> Filter {
        let which = Selection {
            ids: Vec::new(),
            ..which.clone()
        };
        Filter {
            which,
            ..Filter::default()
        }
    }

    /// Reads an address.
    pub(crate) fn of_address(uri: &Uri) -> Filter {
        let pairs = uri.query().unwrap_or_default().split('&');
        let pairs = pairs.filter_map(|pair| pair.split_once('='));
        let mut filter = Filter::default();
        for (name, value) in pairs {
            filter.add(name, value);
        }
        filter
    }

    /// Reads a form.
    pub(crate) fn of_form(fields: &Fields) -> Filter {
        let mut filter = Filter::default();
        for name in ["reason", "org", "source", "id"] {
            for value in fields.all(name) {
                filter.add(name, value);
            }
        }
        filter
    }

    fn add(&mut self, name: &str, value: &str) {
        let which = &mut self.which;
        match name {
            // A form that chooses "all" sends the name with an empty value.
            _ if value.is_empty() => {}
            "reason" if super::reasons::names().any(|name| name == value) => {
                which.reasons.push(value.to_owned());
            }
            "reason" => self.unknown = Some("reason"),
            "id" => which.ids.push(value.to_owned()),
            "org" => match args::org(value) {
                Ok(org) => which.org = Some(org),
                Err(_) => self.unknown = Some("org"),
            },
            "source" => match args::source(value) {
                Ok(source) => which.source = Some(source),
                Err(_) => self.unknown = Some("source"),
            },
            "page" => self.page = value.parse::<usize>().unwrap_or(1).saturating_sub(1),
            _ => {}
        }
    }

    /// Why the filter cannot be used. `None` means that it can.
    pub(crate) fn why_not(&self) -> Option<String> {
        let name = self.unknown?;
        Some(format!(
            "There is no such {name}: nothing was chosen, and nothing was done."
        ))
    }

    /// Whether this is a well-formed value of this field.
    pub(crate) fn may_be(name: &str, value: &str) -> bool {
        let mut filter = Filter::default();
        filter.add(name, value);
        filter.unknown.is_none()
    }

    /// Whether the filter leaves anything out.
    pub(crate) fn is_some(&self) -> bool {
        let which = &self.which;
        !which.reasons.is_empty() || which.org.is_some() || which.source.is_some()
    }

    /// The address of this choice at another page.
    pub(crate) fn address(&self, page: usize) -> String {
        let pairs: Vec<_> = self
            .pairs()
            .map(|(name, value)| format!("{name}={value}"))
            .chain((page > 0).then(|| format!("page={}", page + 1)))
            .collect();
        match pairs.is_empty() {
            true => "/parked".to_owned(),
            false => format!("/parked?{}", pairs.join("&")),
        }
    }

    /// The choice as fields of a form. Each value has the form of a name.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let which = &self.which;
        let reasons = which
            .reasons
            .iter()
            .map(|reason| ("reason", reason.as_str()));
        let org = which.org.iter().map(|org| ("org", org.as_str()));
        let source = which
            .source
            .iter()
            .map(|source| ("source", SourceName::as_str(source)));
        reasons.chain(org).chain(source)
    }
}
