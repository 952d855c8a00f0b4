//! The fields that a form sent.

use std::sync::Arc;

/// Names and values of a form, in the order of the form. Values may be personal data, so the type
/// has no `Debug`.
#[derive(Clone, Default)]
pub(crate) struct Fields(Arc<Vec<(String, String)>>);

impl Fields {
    pub(crate) fn new(all: Vec<(String, String)>) -> Fields {
        Fields(Arc::new(all))
    }

    /// The first value of this name, without white space at its ends. An empty value is `None`.
    pub(crate) fn text(&self, name: &'static str) -> Option<&str> {
        let text = self.whole(name)?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// The first value of this name, unchanged.
    pub(crate) fn whole(&self, name: &'static str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of this name.
    pub(crate) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let of_name = self.0.iter().filter(move |(of, _)| of == name);
        of_name.map(|(_, value)| value.as_str())
    }

    /// Whether the form sent this name. A browser sends a checkbox only if it is ticked.
    pub(crate) fn has(&self, name: &'static str) -> bool {
        self.all(name).next().is_some()
    }
}
