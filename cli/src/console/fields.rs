//! What a form sent.

use std::sync::Arc;

/// Names and values of a form, in its order. Values may be personal data: it has no `Debug`.
#[derive(Clone, Default)]
pub(crate) struct Fields(Arc<Vec<(String, String)>>);

impl Fields {
    pub(crate) fn new(all: Vec<(String, String)>) -> Fields {
        Fields(Arc::new(all))
    }

    /// The first value of this name, without white space at its ends; none where that leaves nothing.
    pub(crate) fn text(&self, name: &'static str) -> Option<&str> {
        let text = self.whole(name)?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// The first value of this name, to the letter.
    pub(crate) fn whole(&self, name: &'static str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of this name.
    pub(crate) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let of_name = self.0.iter().filter(move |(of, _)| of == name);
        of_name.map(|(_, value)| value.as_str())
    }

    /// Whether it was sent at all, as a box that is ticked is.
    pub(crate) fn has(&self, name: &'static str) -> bool {
        self.all(name).next().is_some()
    }
}
