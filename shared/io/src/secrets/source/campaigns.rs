//! The campaigns of a source whose changes name none (docs/contract.md "Secrets").

use std::collections::{BTreeMap, BTreeSet};

use domain::change::CampaignId;

use crate::secrets::members::{MalformedSecret, Members};

/// The most campaigns of a source. An opt-out goes to all of them.
const MOST: usize = 20;
/// The most values that name a campaign, or none.
const MOST_VALUES: usize = 200;
/// The value that stands for every value that is not listed.
const OTHERS: &str = "*";
const EXPECTED: &str = "an object from values of mapping.campaignField to 1 to 20 campaign ids, with null \
                        for a value, or for \"*\", that is of none";

/// The campaigns of a source, by the value of the field that names a person's campaign.
#[derive(Clone, Debug, Default)]
pub struct CampaignNames(BTreeMap<String, Option<CampaignId>>);

impl CampaignNames {
    pub(super) fn read(members: &mut Members<'_>) -> Result<CampaignNames, MalformedSecret> {
        let id = |id: Option<String>| match id {
            None => Some(None),
            Some(id) => CampaignId::parse(&id).ok().map(Some),
        };
        let named: BTreeMap<_, _> = members.rest(EXPECTED, id)?.into_iter().collect();
        let others = named.get(OTHERS).is_some_and(Option::is_some);
        let campaigns = CampaignNames(named);
        let (values, ids) = (campaigns.0.len(), campaigns.ids().len());
        if others || values > MOST_VALUES || !(1..=MOST).contains(&ids) {
            return Err(Members::malformed(EXPECTED));
        }
        Ok(campaigns)
    }

    /// Whether the source has no such campaigns.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each campaign once.
    pub fn ids(&self) -> BTreeSet<&CampaignId> {
        self.0.values().flatten().collect()
    }

    /// The campaigns of these values. `None` means that one of them is unknown.
    pub fn of(&self, values: &[String]) -> Option<BTreeSet<&CampaignId>> {
        let mut ids = BTreeSet::new();
        for value in values {
            let known = self.0.get(value).or_else(|| self.0.get(OTHERS))?;
            ids.extend(known);
        }
        Some(ids)
    }

    /// The campaigns of those values that are known.
    pub fn of_known(&self, values: &[String]) -> BTreeSet<&CampaignId> {
        let known = values
            .iter()
            .filter_map(|value| self.0.get(value)?.as_ref());
        known.collect()
    }
}
