//! Checks that Genesys Cloud has the campaign at all.

use domain::change::CampaignId;
use io::genesys::{Campaign, Kind};

use super::Scan;
use crate::Error;

impl Scan<'_> {
    /// Fails if the campaign is unknown. A feed without contacts leads to no read, so it would not
    /// show that. On `predictive` this makes one read; `contactLists` begins with one anyway. Any
    /// other failure of the read is ignored, because nothing is to be compared.
    pub(super) async fn look_for(&self, campaign: &Campaign, id: &CampaignId) -> Result<(), Error> {
        let is_told = self.whole.calls() > 0 || self.org.knows(id);
        // Without ranks no contact is ever compared, and no call is made.
        let is_wanted = !is_told && self.org_secret.rules.ranking().is_some();
        if !is_wanted || matches!(campaign, Campaign::ContactList(_)) {
            return Ok(());
        }
        match campaign.try_read().await {
            Err(failure) if failure.kind == Kind::UnknownCampaign => Err(Error::Genesys {
                org: self.input.org.clone(),
                campaign: Some(id.clone()),
                failure: Box::new(failure),
            }),
            _ => Ok(()),
        }
    }
}
