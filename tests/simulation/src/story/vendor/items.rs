//! The items of vendors: good ones and each kind of faulty one, each with what must become of it.
//!
//! `super` decides when they are sent.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::{Item, MENDED, PayloadForm, VENDOR_KEY, rank_member};
use crate::story::{CANARY, COLUMNS, Org, Ranking, start};

/// A kind of item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ItemKind {
    Good,
    Gone,
    /// The mapping ignores the item.
    Viewed,
    /// The opt-out is missing. A vendor that sends changes never has this kind, since a change may
    /// omit `callable`.
    NoOptOut,
    /// The opt-out is a text.
    OptOutIsText,
    /// A value is a list.
    ListValue,
    /// The item has a kind that nobody knows.
    Unknown,
    /// A removal, and then a kind that nobody knows.
    GoneAndMerged,
    /// The item does not name its contact. No mapping can repair that.
    NoKey,
}

/// A random kind that a vendor of this form may send.
fn kind(rng: &mut Rng, form: PayloadForm) -> ItemKind {
    match rng.u8(..20) {
        0..11 => ItemKind::Good,
        11 => ItemKind::Gone,
        12 if form == PayloadForm::Mapped => ItemKind::Viewed,
        13 if form == PayloadForm::Mapped => ItemKind::NoOptOut,
        14 => ItemKind::OptOutIsText,
        15 | 16 => ItemKind::ListValue,
        17 => ItemKind::Unknown,
        18 => ItemKind::GoneAndMerged,
        19 => ItemKind::NoKey,
        _ => ItemKind::Good,
    }
}

/// A contact of a vendor, and a moment.
pub(super) struct About<'a> {
    pub(super) org: &'a Org,
    pub(super) campaign: &'a str,
    pub(super) key: &'a str,
    pub(super) at: Duration,
}

impl About<'_> {
    fn rank(&self) -> Value {
        let when = start() + self.at;
        match self.org.ranking {
            Ranking::OccurredAt => when.to_string().into(),
            _ => when.as_millisecond().into(),
        }
    }

    /// A value for each column.
    pub(super) fn data(&self, rng: &mut Rng) -> Value {
        let mut value = || format!("{CANARY} {} of {}", rng.u8(..2), self.org.name);
        let columns = COLUMNS.into_iter();
        let data: Map<_, _> = columns.map(|name| (name.into(), value().into())).collect();
        data.into()
    }

    /// A change with no columns yet.
    fn base(&self, id: &str) -> Value {
        let mut base = json!({
            "eventId": id, "org": self.org.name, "campaignId": self.campaign, "contactKey": self.key,
            "ifAbsent": "skip",
        });
        if let Some(member) = rank_member(self.org) {
            base[member] = self.rank();
        }
        base
    }

    /// An upsert or a removal, with this event id.
    pub(super) fn change(&self, id: &str, data: Option<&Value>, callable: Option<bool>) -> Value {
        let mut change = self.base(id);
        match data {
            Some(data) => change["data"] = data.clone(),
            None => change["operation"] = "remove".into(),
        }
        if let Some(callable) = callable {
            change["callable"] = callable.into();
        }
        change
    }

    /// An item of a random kind, and what must become of it.
    pub(super) fn item(&self, rng: &mut Rng, form: PayloadForm) -> Item {
        let id = format!("{VENDOR_KEY}-{}-{}", self.at.as_millis(), rng.u16(..));
        let kind = kind(rng, form);
        let data = self.data(rng);
        let callable = match kind {
            ItemKind::NoOptOut => None,
            ItemKind::OptOutIsText => Some(rng.bool()),
            _ => [None, Some(true), Some(false)][rng.usize(..3)],
        };
        let is_removal = matches!(kind, ItemKind::Gone | ItemKind::GoneAndMerged);
        let callable = callable.filter(|_| !is_removal);
        let change = |id: &str| self.change(id, (!is_removal).then_some(&data), callable);
        let raw = match form {
            PayloadForm::Mapped => self.payload(kind, &id, &data, callable),
            PayloadForm::Plain => plain(kind, change(&id)),
        };
        let is_good = matches!(kind, ItemKind::Good | ItemKind::Gone);
        // If the program fails, only the changes count that it yielded before.
        let is_read = match kind {
            ItemKind::ListValue | ItemKind::GoneAndMerged => true,
            ItemKind::Unknown => form == PayloadForm::Plain,
            _ => false,
        };
        let takes_effect = is_read && (is_removal || callable == Some(false));
        let is_faulty = !is_good && kind != ItemKind::Viewed;
        let is_mended = is_faulty && kind != ItemKind::NoKey;
        Item {
            raw,
            becomes: is_good.then(|| change(&id)),
            is_faulty,
            opt_out: takes_effect.then(|| self.change(&id, Some(&json!({})), Some(false))),
            mended: is_mended.then(|| change(&format!("{id}{MENDED}"))),
        }
    }

    /// The item as a vendor with a payload of its own sends it.
    fn payload(&self, kind: ItemKind, id: &str, data: &Value, callable: Option<bool>) -> Value {
        let name = match kind {
            ItemKind::Gone => "gone",
            ItemKind::Viewed => "viewed",
            ItemKind::GoneAndMerged => "gone-and-merged",
            ItemKind::Unknown => "merged",
            _ => "changed",
        };
        let mut raw = json!({
            "id": id, "kind": name, "who": self.key, "list": self.campaign, "at": self.rank(), "fields": data,
        });
        raw["optOut"] = callable.map_or_else(|| "unsaid".into(), |callable| (!callable).into());
        match kind {
            ItemKind::NoOptOut => drop(raw.as_object_mut().map(|members| members.remove("optOut"))),
            ItemKind::OptOutIsText => raw["optOut"] = yes_or_no(callable == Some(false)),
            ItemKind::ListValue => raw["fields"]["note"] = json!([data["note"]]),
            ItemKind::NoKey => drop(raw.as_object_mut().map(|members| members.remove("who"))),
            _ => {}
        }
        raw
    }
}

/// A change, spoilt as its sender spoils it.
fn plain(kind: ItemKind, mut raw: Value) -> Value {
    match kind {
        ItemKind::OptOutIsText => raw["callable"] = yes_or_no(raw["callable"] == true),
        ItemKind::ListValue => raw["data"]["note"] = json!([raw["data"]["note"]]),
        ItemKind::Unknown | ItemKind::GoneAndMerged => raw["kind"] = "merged".into(),
        ItemKind::NoKey => drop(
            raw.as_object_mut()
                .map(|members| members.remove("contactKey")),
        ),
        _ => {}
    }
    raw
}

fn yes_or_no(is: bool) -> Value {
    if is { "yes" } else { "no" }.into()
}
