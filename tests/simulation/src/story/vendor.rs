//! Vendors that send several items in a webhook, good and faulty ones, about people of their own.
//!
//! A source of theirs parks an item that becomes no change. Each `Item` says what must become of
//! it, and `crate::checks::vendor` checks that. These steps have a generator of their own, so that
//! the other steps stay as they are.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::{CANARY, COLUMNS, Deed, Org, Ranking, STRANGER, Step, start};

/// Part of the key of each contact of a vendor.
pub(crate) const OF_VENDOR: &str = "told-of";
/// The suffix of the event id of a change that a mended mapping makes.
const MENDED: &str = "-mended";

/// The form in which an org's vendor sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vendor {
    /// The vendor's own payload, which a mapping turns into changes.
    Mapped,
    /// Changes, as the contract describes them.
    Plain,
}

/// One item of a webhook, and what must become of it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) raw: Value,
    /// The change that the item becomes.
    pub(crate) becomes: Option<Value>,
    /// Whether the item is parked.
    pub(crate) is_faulty: bool,
    /// The opt-out that counts although the item is faulty.
    pub(crate) heard: Option<Value>,
    /// The change that the mended mapping makes of the item.
    pub(crate) mended: Option<Value>,
}

impl Item {
    /// All changes that the item ever becomes.
    pub(crate) fn said(&self) -> impl Iterator<Item = &Value> {
        let said = [&self.becomes, &self.heard, &self.mended];
        said.into_iter().flatten()
    }

    /// The changes that must be in the queue when the webhook is accepted.
    pub(crate) fn at_once(&self) -> impl Iterator<Item = &Value> {
        [&self.becomes, &self.heard].into_iter().flatten()
    }
}

/// The vendor of the org at this position, if there is one.
pub(crate) fn of(seed: u64, org: usize) -> Option<Vendor> {
    match Rng::with_seed(seed ^ 0x7e_4d02 ^ ((org as u64) << 32)).u8(..4) {
        0 | 1 => None,
        2 => Some(Vendor::Mapped),
        _ => Some(Vendor::Plain),
    }
}

/// The source name of an org's vendor.
pub(crate) fn source(org: &Org) -> String {
    format!("{}-vendor", org.name)
}

fn rank_member(org: &Org) -> Option<&'static str> {
    match org.ranking {
        Ranking::Version => Some("version"),
        Ranking::OccurredAt => Some("occurredAt"),
        Ranking::None => None,
    }
}

/// The program of a vendor's mapping, as it is or as it is mended.
pub(crate) fn program(org: &Org, vendor: Vendor, is_mended: bool) -> Option<String> {
    let rank = |path: &str| {
        let member = rank_member(org);
        member.map_or_else(String::new, |member| format!("{member}: .{path}, "))
    };
    let joined = "map_values(if isarray then join(\" \") else . end)";
    match (vendor, is_mended) {
        (Vendor::Mapped, false) => Some(format!(
            r#"{{ eventId: .id, campaignId: .list, contactKey: .who, {}ifAbsent: "skip" }} as $base
            | if .kind == "viewed" then empty
              elif .kind == "gone" then $base + {{ operation: "remove" }}
              elif .kind == "gone-and-merged" then ($base + {{ operation: "remove" }}), error("merged")
              elif .kind != "changed" then error("unknown kind")
              elif has("optOut") | not then error("no optOut")
              else $base + {{ data: .fields }} + (if .optOut == "unsaid" then {{}}
                elif .optOut | isboolean then {{ callable: (.optOut | not) }} else {{ callable: .optOut }} end)
              end"#,
            rank("at")
        )),
        (Vendor::Mapped, true) => Some(format!(
            r#"{{ eventId: (.id + "{MENDED}"), campaignId: .list, contactKey: .who, {}ifAbsent: "skip" }} as $base
            | if .kind == "viewed" then empty
              elif .kind | startswith("gone") then $base + {{ operation: "remove" }}
              else $base + {{ data: (.fields | {joined}) }} + (if .optOut == "unsaid" or .optOut == null then {{}}
                else {{ callable: (.optOut != true and .optOut != "yes") }} end)
              end"#,
            rank("at")
        )),
        (Vendor::Plain, false) => None,
        (Vendor::Plain, true) => {
            let rank = rank_member(org).map_or_else(String::new, rank);
            Some(format!(
                r#"{{ eventId: (.eventId + "{MENDED}"), campaignId, contactKey, {rank}ifAbsent: "skip" }} as $base
            | if .operation == "remove" then $base + {{ operation: "remove" }}
              else $base + {{ data: (.data | {joined}) }} + (if .callable == null then {{}}
                else {{ callable: (.callable == true or .callable == "yes") }} end)
              end"#
            ))
        }
    }
}

/// A kind of item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Good,
    Gone,
    /// The mapping ignores the item.
    Viewed,
    /// The opt-out is missing. A vendor that sends changes never has this kind, since a change
    /// may leave the opt-out out.
    NoOptOut,
    /// The opt-out is a text.
    OptOutIsText,
    /// A value is a list.
    ListValue,
    /// The item has a kind that nobody knows.
    Unknown,
    /// A removal, and then a kind that nobody knows.
    GoneAndMerged,
    /// The item does not name its contact. No mapping can mend that.
    NoKey,
}

fn kind(rng: &mut Rng, vendor: Vendor) -> Kind {
    match rng.u8(..20) {
        0..11 => Kind::Good,
        11 => Kind::Gone,
        12 if vendor == Vendor::Mapped => Kind::Viewed,
        13 if vendor == Vendor::Mapped => Kind::NoOptOut,
        14 => Kind::OptOutIsText,
        15 | 16 => Kind::ListValue,
        17 => Kind::Unknown,
        18 => Kind::GoneAndMerged,
        19 => Kind::NoKey,
        _ => Kind::Good,
    }
}

/// A contact of a vendor, and a moment.
struct About<'a> {
    org: &'a Org,
    campaign: &'a str,
    key: &'a str,
    at: Duration,
}

impl About<'_> {
    fn rank(&self) -> Value {
        let when = start() + self.at;
        match self.org.ranking {
            Ranking::OccurredAt => when.to_string().into(),
            _ => when.as_millisecond().into(),
        }
    }

    fn data(&self, rng: &mut Rng) -> Value {
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
    fn change(&self, id: &str, data: Option<&Value>, callable: Option<bool>) -> Value {
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

    fn item(&self, rng: &mut Rng, vendor: Vendor) -> Item {
        let id = format!("{OF_VENDOR}-{}-{}", self.at.as_millis(), rng.u16(..));
        let kind = kind(rng, vendor);
        let data = self.data(rng);
        let callable = match kind {
            Kind::NoOptOut => None,
            Kind::OptOutIsText => Some(rng.bool()),
            _ => [None, Some(true), Some(false)][rng.usize(..3)],
        };
        let is_removal = matches!(kind, Kind::Gone | Kind::GoneAndMerged);
        let callable = callable.filter(|_| !is_removal);
        let said = |id: &str| self.change(id, (!is_removal).then_some(&data), callable);
        let raw = match vendor {
            Vendor::Mapped => self.payload(kind, &id, &data, callable),
            Vendor::Plain => plain(kind, said(&id)),
        };
        let is_good = matches!(kind, Kind::Good | Kind::Gone);
        // If the program fails, only the changes count that it yielded before.
        let is_read = match kind {
            Kind::ListValue | Kind::GoneAndMerged => true,
            Kind::Unknown => vendor == Vendor::Plain,
            _ => false,
        };
        let is_heard = is_read && (is_removal || callable == Some(false));
        let is_faulty = !is_good && kind != Kind::Viewed;
        let is_mended = is_faulty && kind != Kind::NoKey;
        Item {
            raw,
            becomes: is_good.then(|| said(&id)),
            is_faulty,
            heard: is_heard.then(|| self.change(&id, Some(&json!({})), Some(false))),
            mended: is_mended.then(|| said(&format!("{id}{MENDED}"))),
        }
    }

    fn payload(&self, kind: Kind, id: &str, data: &Value, callable: Option<bool>) -> Value {
        let name = match kind {
            Kind::Gone => "gone",
            Kind::Viewed => "viewed",
            Kind::GoneAndMerged => "gone-and-merged",
            Kind::Unknown => "merged",
            _ => "changed",
        };
        let mut raw = json!({
            "id": id, "kind": name, "who": self.key, "list": self.campaign, "at": self.rank(), "fields": data,
        });
        raw["optOut"] = callable.map_or_else(|| "unsaid".into(), |callable| (!callable).into());
        match kind {
            Kind::NoOptOut => drop(raw.as_object_mut().map(|members| members.remove("optOut"))),
            Kind::OptOutIsText => raw["optOut"] = yes_or_no(callable == Some(false)),
            Kind::ListValue => raw["fields"]["note"] = json!([data["note"]]),
            Kind::NoKey => drop(raw.as_object_mut().map(|members| members.remove("who"))),
            _ => {}
        }
        raw
    }
}

/// A change, spoilt as its sender spoils it.
fn plain(kind: Kind, mut raw: Value) -> Value {
    match kind {
        Kind::OptOutIsText => raw["callable"] = yes_or_no(raw["callable"] == true),
        Kind::ListValue => raw["data"]["note"] = json!([raw["data"]["note"]]),
        Kind::Unknown | Kind::GoneAndMerged => raw["kind"] = "merged".into(),
        Kind::NoKey => drop(
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

/// The webhooks of all vendors, and before them changes that put some of their people into a
/// campaign.
pub(super) fn steps(seed: u64, orgs: &[Org], end: Duration) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0x7e_4d03);
    let mut steps = Vec::new();
    for (n, org) in orgs.iter().enumerate() {
        let Some(vendor) = of(seed, n) else { continue };
        let campaign = &org.campaigns[rng.usize(..org.campaigns.len())];
        let known = rng.usize(1..4);
        let mut keys: Vec<_> = (0..known)
            .map(|who| format!("{CANARY}-{OF_VENDOR}-{who}-of-{}", org.name))
            .collect();
        keys.push(format!("{CANARY}-{STRANGER}-{OF_VENDOR}-of-{}", org.name));
        for (who, key) in keys[..known].iter().enumerate() {
            let at = Duration::from_millis(who as u64);
            steps.push(joins(
                &mut rng,
                n,
                &About {
                    org,
                    campaign,
                    key,
                    at,
                },
            ));
        }
        // No two items of a contact have the same rank.
        let latest = end.as_millis() as u64 / 100 + 2;
        let times: BTreeSet<_> = (0..rng.usize(1..7)).map(|_| rng.u64(1..latest)).collect();
        for time in times {
            let at = Duration::from_millis(time * 100);
            let item = |place: u64| {
                let key = &keys[rng.usize(..keys.len())];
                let at = at + Duration::from_millis(place);
                About {
                    org,
                    campaign,
                    key,
                    at,
                }
                .item(&mut rng, vendor)
            };
            let items: Vec<_> = (0..Rng::with_seed(seed ^ time).u64(1..10))
                .map(item)
                .collect();
            let mut sent = vec![Duration::from_millis(rng.u64(10..20_000))];
            if rng.u8(..3) == 0 {
                sent.push(Duration::from_secs(rng.u64(0..900)));
            }
            let deed = Deed::Deliver {
                org: n,
                items,
                sent,
            };
            steps.push(Step {
                at: at + Duration::from_millis(10),
                deed,
            });
        }
    }
    steps
}

fn joins(rng: &mut Rng, org: usize, about: &About<'_>) -> Step {
    let id = format!("{OF_VENDOR}-joins-{}-{}", about.at.as_millis(), rng.u16(..));
    let data = about.data(rng);
    let callable = [None, Some(true), Some(true), Some(false)][rng.usize(..4)];
    let mut body = about.change(&id, Some(&data), callable);
    body.as_object_mut()
        .map(|members| members.remove("ifAbsent"));
    let deed = Deed::Change {
        org,
        bodies: vec![body],
        is_poison: false,
        sent: vec![Duration::from_millis(rng.u64(10..20_000))],
    };
    Step { at: about.at, deed }
}
