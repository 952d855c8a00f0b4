//! Says which cell of an export's row holds what.
//!
//! An export has columns of its own beside those of the list, and both may have the same name.
//! `rows` stores the cells in the order of this layout, and `snapshot` reads them.

use std::collections::BTreeSet;

use domain::channel::{Channel, Lowered};

use super::NoExport;

const ID: &str = "inin-outbound-id";
const CALLABLE: &str = "ContactCallable";
const CONTACTABLE: &str = "ContactableBy";
const NUMBER: &str = "Callable-";

/// The cells of a row that are stored, in this order: its id, whether it is callable, its channels,
/// its numbers, and the list's columns. Each has the index of its cell in the row.
#[derive(Debug)]
pub(super) struct Layout {
    /// How many cells a row has.
    pub(super) cells: usize,
    pub(super) id: usize,
    pub(super) callable: usize,
    pub(super) channels: Vec<(Channel, usize)>,
    pub(super) phones: Vec<(String, usize)>,
    pub(super) columns: Vec<(String, usize)>,
}

impl Layout {
    /// Reads the layout from the first row. If a column of the list has the name of one of the
    /// export's own, the list's column comes first.
    pub(super) fn of(
        header: &[&str],
        columns: &BTreeSet<String>,
        numbers: Option<&BTreeSet<String>>,
    ) -> Result<Layout, NoExport> {
        let lacks = |name: &str| NoExport::Malformed(format!("expected the column {name:?}"));
        let place = |name: &str| header.iter().position(|cell| *cell == name);
        let own = |name: &str| {
            let last = header.iter().rposition(|cell| *cell == name)?;
            // If there is only one column of this name, it is the list's.
            let is_lists = columns.contains(name) && place(name) == Some(last);
            (!is_lists).then_some(last)
        };
        let channels = Channel::ALL.into_iter().filter_map(|channel| {
            let cell = own(&format!("{CONTACTABLE}{}", channel.as_str()))?;
            Some((channel, cell))
        });
        let numbered = numbers.unwrap_or(columns).iter();
        let phones =
            numbered.filter_map(|name| Some((name.clone(), own(&format!("{NUMBER}{name}"))?)));
        let of_list = columns.iter().map(|name| {
            let cell = place(name).ok_or_else(|| lacks(name))?;
            Ok((name.clone(), cell))
        });
        Ok(Layout {
            cells: header.len(),
            id: place(ID)
                .filter(|_| !columns.contains(ID))
                .ok_or_else(|| lacks(ID))?,
            callable: own(CALLABLE).ok_or_else(|| lacks(CALLABLE))?,
            channels: channels.collect(),
            phones: phones.collect(),
            columns: of_list.collect::<Result<_, NoExport>>()?,
        })
    }

    /// The cells that are stored, in order.
    pub(super) fn kept(&self) -> impl Iterator<Item = usize> {
        let flags = self.channels.iter().map(|(_, cell)| *cell);
        let phones = self.phones.iter().map(|(_, cell)| *cell);
        let columns = self.columns.iter().map(|(_, cell)| *cell);
        [self.id, self.callable]
            .into_iter()
            .chain(flags)
            .chain(phones)
            .chain(columns)
    }

    /// How many of the stored cells are flags. They follow the id.
    pub(super) fn flags(&self) -> usize {
        1 + self.channels.len() + self.phones.len()
    }

    /// Channels and numbers about which the export says nothing.
    pub(super) fn untold(&self, numbers: Option<&BTreeSet<String>>) -> Lowered {
        let is_told = |channel: &Channel| self.channels.iter().any(|(told, _)| told == channel);
        let mut untold = Lowered {
            channels: Channel::ALL.into(),
            phones: numbers.cloned().unwrap_or_default(),
        };
        untold.channels.retain(|channel| !is_told(channel));
        untold
            .phones
            .retain(|name| !self.phones.iter().any(|(told, _)| told == name));
        untold
    }
}

/// Reads a cell that holds a flag. The outer `None` means that it holds no flag, and the inner
/// `None` that it is empty.
pub(super) fn flag(cell: &str) -> Option<Option<bool>> {
    let is = |texts: [&str; 2]| texts.iter().any(|text| cell.eq_ignore_ascii_case(text));
    if cell.is_empty() {
        Some(None)
    } else if is(["1", "true"]) {
        Some(Some(true))
    } else if is(["0", "false"]) {
        Some(Some(false))
    } else {
        None
    }
}
