//! What a person wants to know of a campaign before its contacts are written. No call here alters
//! anything.

use std::collections::BTreeSet;

use bytes::Bytes;
use domain::change::CampaignId;
use domain::dnc::{DncBy, DncListId};
use domain::failure::{Failure, Kind};
use http::Method;
use percent_encoding::utf8_percent_encode;

use super::call::{Call, Effect};
use super::contact_lists::{ask, parse};
use super::predictive::SEGMENT;
use super::run::Run;
use super::{Org, wire};

const CAMPAIGNS: &str = "GET campaigns";
const CAMPAIGN: &str = "GET campaign";
const DNC_LIST: &str = "GET dnclist";
const POST: &str = "POST contacts";

/// The contact list that a campaign draws on (docs/genesys-cloud.md "Campaigns").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFacts {
    /// Its id.
    pub id: String,
    /// What its contacts hold.
    pub columns: BTreeSet<String>,
    /// Those of them that cannot hold versions, since they take no text of that length.
    pub narrow: BTreeSet<String>,
    /// The campaigns that draw on it, of which a hundred are asked for.
    pub campaigns: BTreeSet<String>,
    /// The DNC lists that the campaign names.
    pub dnc_lists: BTreeSet<String>,
}

/// What of a campaign decides whom it calls (docs/genesys-cloud.md "Campaigns").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CampaignFacts {
    /// As people know it.
    pub name: Option<String>,
    /// `campaignStatus`: on, off, complete and others.
    pub status: Option<String>,
    /// How many filters of the contact list it has.
    pub filters: usize,
    /// The columns whose numbers it calls.
    pub phone_columns: BTreeSet<String>,
    /// The DNC lists that it names.
    pub dnc_lists: BTreeSet<String>,
}

/// A DNC list (docs/genesys-cloud.md "DNC lists").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DncFacts {
    /// `dncSourceType`.
    pub kind: String,
    /// What its entries are for, on a list of numbers or addresses.
    pub contact_method: Option<String>,
    /// The column of the contact list that holds what its entries are, on a list of values.
    pub exclusion_column: Option<String>,
    /// How many stand on it, where the service says that.
    pub entries: Option<u64>,
}

impl DncFacts {
    /// Whether it can hold this of a contact.
    pub fn holds(&self, by: &DncBy) -> bool {
        match by {
            DncBy::ContactKey => self.kind == "rds_custom",
            DncBy::Phone { .. } => {
                let method = self.contact_method.as_deref();
                self.kind == "rds" && matches!(method, Some("Phone" | "Any"))
            }
        }
    }
}

impl Org {
    /// Makes one small call, so that its answer's headers tell what is left of the budget. A
    /// permission that it lacks is no failure here.
    ///
    /// # Errors
    /// Where the org cannot be logged in, or does not answer.
    pub async fn ask_budget(&self, run: &Run) -> Result<(), Failure> {
        self.session(run, None).await?;
        let path = "/api/v2/outbound/campaigns?pageSize=1";
        let call = Call {
            method: Method::GET,
            path,
            body: Bytes::new(),
            effect: Effect::Read,
            campaign: None,
            what: CAMPAIGNS,
        };
        match self.call(run, &call).await {
            Err(failure) if failure.http_status.is_none() => Err(failure),
            _ => Ok(()),
        }
    }

    /// The list that the campaign draws on, by the published API.
    ///
    /// # Errors
    /// [`Kind::UnknownCampaign`]; [`Kind::Refused`] where a permission is missing.
    pub async fn list_of(&self, run: &Run, campaign: &CampaignId) -> Result<ListFacts, Failure> {
        let list = ask(self, campaign, run).await?;
        let id = utf8_percent_encode(&list.id, SEGMENT);
        let path = format!("/api/v2/outbound/campaigns?contactListId={id}&pageSize=100");
        let call = Call {
            method: Method::GET,
            path: &path,
            body: Bytes::new(),
            effect: Effect::Read,
            campaign: None,
            what: CAMPAIGNS,
        };
        let found: wire::Campaigns = parse(&self.call(run, &call).await?, CAMPAIGNS)?;
        let campaigns = found
            .entities
            .into_iter()
            .map(|campaign| campaign.id)
            .collect();
        Ok(ListFacts {
            campaigns,
            id: list.id,
            columns: list.columns,
            narrow: list.narrow,
            dnc_lists: list.dnc_lists,
        })
    }

    /// What of a campaign decides whom it calls, by the published API.
    ///
    /// # Errors
    /// [`Kind::NotFound`] where there is no such campaign; [`Kind::Refused`] where a permission is missing.
    pub async fn campaign_facts(
        &self,
        run: &Run,
        campaign: &CampaignId,
    ) -> Result<CampaignFacts, Failure> {
        let call = Call {
            method: Method::GET,
            path: &format!("/api/v2/outbound/campaigns/{campaign}"),
            body: Bytes::new(),
            effect: Effect::Read,
            campaign: None,
            what: CAMPAIGN,
        };
        let found: wire::DialledCampaign = parse(&self.call(run, &call).await?, CAMPAIGN)?;
        let columns = found.phone_columns.unwrap_or_default().into_iter();
        let dnc_lists = found.dnc_lists.unwrap_or_default().into_iter();
        Ok(CampaignFacts {
            name: found.name,
            status: found.campaign_status,
            filters: found
                .contact_list_filters
                .map_or(0, |filters| filters.len()),
            phone_columns: columns.filter_map(|column| column.column_name).collect(),
            dnc_lists: dnc_lists.filter_map(|list| list.id).collect(),
        })
    }

    /// What a DNC list is. Who stands on it no call tells.
    ///
    /// # Errors
    /// [`Kind::NotFound`]; [`Kind::Refused`] where a permission is missing.
    pub async fn dnc_facts(&self, run: &Run, list: &DncListId) -> Result<DncFacts, Failure> {
        let list = list.as_str();
        let call = Call {
            method: Method::GET,
            path: &format!("/api/v2/outbound/dnclists/{list}?includeSize=true"),
            body: Bytes::new(),
            effect: Effect::Read,
            campaign: None,
            what: DNC_LIST,
        };
        let found: wire::DncList = parse(&self.call(run, &call).await?, DNC_LIST)?;
        Ok(DncFacts {
            kind: found.dnc_source_type,
            contact_method: found.contact_method,
            exclusion_column: found.custom_exclusion_column,
            entries: found.size,
        })
    }

    /// Whether contacts may be written to this list: tried with none.
    ///
    /// # Errors
    /// [`Kind::Refused`] where a permission is missing.
    pub async fn may_write_to_list(&self, run: &Run, list: &str) -> Result<(), Failure> {
        let list = utf8_percent_encode(list, SEGMENT);
        let path = format!("/api/v2/outbound/contactlists/{list}/contacts?doNotQueue=true");
        self.post_none(run, &path).await
    }

    /// Whether the `predictive` API answers for this campaign, and lets contacts be written: tried
    /// with none.
    ///
    /// # Errors
    /// [`Kind::NotFound`] or [`Kind::UnknownCampaign`] where it does not; [`Kind::Refused`] where a
    /// permission is missing.
    pub async fn may_write_to_campaign(
        &self,
        run: &Run,
        campaign: &CampaignId,
    ) -> Result<(), Failure> {
        let path = format!("/api/v2/predictivedialing/campaigns/{campaign}/contacts");
        self.post_none(run, &path).await
    }

    /// A service that wants at least one contact says so, and may say so only to who may write.
    async fn post_none(&self, run: &Run, path: &str) -> Result<(), Failure> {
        let body = Bytes::from_static(b"[]");
        let call = Call {
            method: Method::POST,
            path,
            body,
            effect: Effect::Read,
            campaign: None,
            what: POST,
        };
        match self.call(run, &call).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind == Kind::Rejected => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}
