//! Facts about a campaign and its lists, which a person wants to know before contacts are written.
//! No call here alters anything.
//!
//! `campaign-sync check` shows them. The calls that write contacts are in [`super::predictive`] and
//! [`super::contact_lists`].

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

/// The contact list of a campaign (docs/genesys-cloud.md "Campaigns").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFacts {
    /// The id of the list.
    pub id: String,
    /// Its columns.
    pub columns: BTreeSet<String>,
    /// The columns that are too short to hold a version.
    pub narrow: BTreeSet<String>,
    /// The campaigns that use the list, up to a hundred.
    pub campaigns: BTreeSet<String>,
    /// The DNC lists of the campaign.
    pub dnc_lists: BTreeSet<String>,
}

/// The settings of a campaign that decide whom it calls (docs/genesys-cloud.md "Campaigns").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CampaignFacts {
    /// The name that people gave it.
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
    /// The type of the list: `dncSourceType`.
    pub kind: String,
    /// The purpose of its entries, if they are phone numbers or addresses.
    pub contact_method: Option<String>,
    /// The column whose values are its entries, if they are other values.
    pub exclusion_column: Option<String>,
    /// The number of its entries, if the service reports it.
    pub entries: Option<u64>,
}

impl DncFacts {
    /// Whether entries of the list can be this part of a contact.
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
    /// Makes one small call. The headers of its answer state what is left of the budget. It does
    /// not matter whether the client has the permission for that call.
    ///
    /// # Errors
    /// The org cannot be logged in to, or does not answer.
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

    /// The contact list of the campaign, by the published API.
    ///
    /// # Errors
    /// [`Kind::UnknownCampaign`]; [`Kind::Refused`] if a permission is missing.
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
        let found: wire::CampaignPage = parse(&self.call(run, &call).await?, CAMPAIGNS)?;
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

    /// Reads the settings of a campaign that decide whom it calls, by the published API.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if there is no such campaign; [`Kind::Refused`] if a permission is
    /// missing.
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

    /// Reads a DNC list. No call lists its entries.
    ///
    /// # Errors
    /// [`Kind::NotFound`]; [`Kind::Refused`] if a permission is missing.
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

    /// Finds out whether contacts may be written to this list, by writing none.
    ///
    /// # Errors
    /// [`Kind::Refused`] if a permission is missing.
    pub async fn may_write_to_list(&self, run: &Run, list: &str) -> Result<(), Failure> {
        let list = utf8_percent_encode(list, SEGMENT);
        let path = format!("/api/v2/outbound/contactlists/{list}/contacts?doNotQueue=true");
        self.post_none(run, &path).await
    }

    /// Finds out whether the `predictive` API has this campaign and allows writes, by writing no
    /// contact.
    ///
    /// # Errors
    /// [`Kind::NotFound`] or [`Kind::UnknownCampaign`] if it does not have the campaign;
    /// [`Kind::Refused`] if a permission is missing.
    pub async fn may_write_to_campaign(
        &self,
        run: &Run,
        campaign: &CampaignId,
    ) -> Result<(), Failure> {
        let path = format!("/api/v2/predictivedialing/campaigns/{campaign}/contacts");
        self.post_none(run, &path).await
    }

    /// Posts an empty list. A service that wants at least one contact says so, possibly only to a
    /// client that may write.
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
