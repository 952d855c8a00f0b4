//! The member `campaigns` of a feed's secret: texts that a request may name, for each campaign.

use std::collections::BTreeMap;

use domain::change::CampaignId;

use super::super::members::{MalformedSecret, Members};
use super::template::{Names, is_name};

/// The texts of each campaign, by campaign id and name.
#[derive(Clone, Default)]
pub(super) struct CampaignTexts(BTreeMap<String, BTreeMap<String, String>>);

impl CampaignTexts {
    /// How many campaigns have texts.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

impl Names for CampaignTexts {
    fn text(&self, campaign: &CampaignId, name: &str) -> Option<&str> {
        let texts = self.0.get(campaign.as_str())?;
        texts.get(name).map(String::as_str)
    }
}

pub(super) fn read(members: &mut Members<'_>) -> Result<CampaignTexts, MalformedSecret> {
    const EXPECTED: &str =
        "by campaign id, texts of 1 to 256 characters by names of letters, digits and _";
    let is_right = |(name, text): (&String, &String)| {
        is_name(name)
            && (1..=256).contains(&text.chars().count())
            && !text.contains(char::is_control)
    };
    let texts = |texts: BTreeMap<String, String>| texts.iter().all(is_right).then_some(texts);
    let all = members.rest(EXPECTED, texts)?;
    let are_ids = all.iter().all(|(id, _)| CampaignId::parse(id).is_ok());
    are_ids
        .then(|| CampaignTexts(all.into_iter().collect()))
        .ok_or_else(|| Members::malformed(EXPECTED))
}
