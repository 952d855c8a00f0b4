//! Turns one item into its changes.
//!
//! An item of a source without a mapping is one change. A mapping may make several changes of an
//! item, and each of them goes to the campaigns that [`super::route`] chooses.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::Change;
use domain::change::{Fault, FaultCode, Sender};
use io::secrets::SourceSecret;
use jiff::Timestamp;
use mapping::{About, Mapped, Mapping};

use super::{Item, MOST_OF_ITEM, below, fault, fill, route, salvage};

const NO_CAMPAIGNS: &str =
    "expected campaigns in the source's secret, since the mapping yields campaigns (campaignField)";

/// The faults of an item that becomes no change, and its opt-outs. If the source parks items, the
/// opt-outs are queued; if it refuses the request, nothing is.
#[derive(Default)]
pub(super) struct Unread {
    pub(super) faults: Vec<Fault>,
    /// The opt-outs.
    pub(super) salvaged: Vec<Change>,
}

/// A source, and the time at which its items are read.
pub(super) struct Reader<'a> {
    pub(super) secret: &'a SourceSecret,
    pub(super) sender: &'a Sender,
    /// The headers that the mapping reads.
    pub(super) headers: &'a BTreeMap<String, String>,
    pub(super) now: Timestamp,
}

impl Reader<'_> {
    /// The changes of the item.
    pub(super) fn changes(&self, item: &Item<'_>) -> Result<Vec<Change>, Unread> {
        if !item.broken.is_empty() {
            let salvaged = match self.secret.mapping {
                Some(_) => Vec::new(),
                None => salvage::opt_outs(self.sender, &item.text, self.now),
            };
            return Err(Unread {
                faults: item.broken.clone(),
                salvaged,
            });
        }
        match &self.secret.mapping {
            Some(mapping) => self.mapped(mapping, item),
            None => self.said(item),
        }
    }

    /// The one change that the item is.
    fn said(&self, item: &Item<'_>) -> Result<Vec<Change>, Unread> {
        let text = match &item.event {
            Some(event) => Cow::Owned(fill::filled(&item.text, &event.attributes, &item.pointer)),
            None => Cow::Borrowed(item.text.as_ref()),
        };
        let change = Change::parse_from(self.sender, &text, self.now);
        change.map(|change| vec![change]).map_err(|invalid| {
            let faults = invalid.faults().iter().cloned();
            Unread {
                faults: faults.map(|fault| below(&item.pointer, fault)).collect(),
                salvaged: salvage::opt_outs_of_item(self.sender, &text, self.now),
            }
        })
    }

    fn mapped(&self, mapping: &Mapping, item: &Item<'_>) -> Result<Vec<Change>, Unread> {
        let about = About {
            headers: self.headers,
            cloud_event: item.event.as_ref().map(|event| event.json.as_str()),
        };
        let unmapped = |why: String| vec![fault(&item.pointer, FaultCode::Unmapped, why)];
        let unread = |faults, mapped: &[Mapped]| Unread {
            faults,
            salvaged: mapped
                .iter()
                .flat_map(|mapped| self.salvaged(mapped))
                .collect(),
        };
        let mapped = mapping
            .changes(&item.text, &about, MOST_OF_ITEM)
            .map_err(|error| unread(unmapped(error.to_string()), &error.sound))?;
        let mut changes = Vec::with_capacity(mapped.len());
        for change in &mapped {
            let routed = self.routed(change).map_err(|faults| {
                let faults = faults
                    .into_iter()
                    .flat_map(|why| unmapped(format!("in a change that the mapping makes, {why}")));
                unread(faults.collect(), &mapped)
            });
            changes.extend(routed?);
        }
        Ok(changes)
    }

    /// The change, for each campaign that it goes to.
    fn routed(&self, mapped: &Mapped) -> Result<Vec<Change>, Vec<String>> {
        let change = Change::parse_from(self.sender, &mapped.text, self.now);
        let change = change.map_err(|invalid| {
            let faults = invalid.faults().iter();
            faults.map(ToString::to_string).collect::<Vec<_>>()
        })?;
        let campaigns = &self.secret.campaigns;
        if campaigns.is_empty() {
            if mapped.campaigns.is_some() {
                return Err(vec![NO_CAMPAIGNS.to_owned()]);
            }
            return Ok(vec![change]);
        }
        let (told, before) = (&mapped.campaigns, &mapped.campaigns_before);
        let routed = route::routed(&change, told.as_deref(), before.as_deref(), campaigns);
        routed.map_err(|why| vec![why.to_owned()])
    }

    /// The opt-out of a change that may break a rule, for each campaign that it goes to.
    fn salvaged(&self, mapped: &Mapped) -> Vec<Change> {
        let Some(salvaged) = salvage::opt_out(self.sender, &mapped.text, self.now) else {
            return Vec::new();
        };
        let campaigns = &self.secret.campaigns;
        if campaigns.is_empty() {
            return vec![salvaged];
        }
        let told = mapped.campaigns.as_deref();
        let routed = route::routed(&salvaged, told, None, campaigns);
        // If it is unknown which campaigns the person is in, the opt-out goes to all of them.
        routed
            .or_else(|_| route::routed(&salvaged, None, None, campaigns))
            .unwrap_or_default()
    }
}
