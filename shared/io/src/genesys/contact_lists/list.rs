//! Finds the list that a campaign draws on, and the columns of that list. Contacts of the list are
//! read in `read` and written in `write`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Version;
use domain::change::CampaignId;
use domain::failure::{Failure, Kind};
use http::Method;
use percent_encoding::utf8_percent_encode;

use super::parse;
use crate::genesys::call::{Call, Effect};
use crate::genesys::predictive::SEGMENT;
use crate::genesys::run::Run;
use crate::genesys::{Org, wire};

/// How long the list of a campaign and its columns are kept.
const CACHED_FOR: Duration = Duration::from_mins(10);
const GET_CAMPAIGN: &str = "GET campaign";
const GET_LIST: &str = "GET contact list";

/// The part of a contact list that matters here.
pub(in crate::genesys) struct List {
    pub(in crate::genesys) id: String,
    pub(in crate::genesys) columns: BTreeSet<String>,
    /// Columns that cannot hold a version: numbers and times, and texts that are too short.
    pub(in crate::genesys) narrow: BTreeSet<String>,
    /// The DNC lists that the campaign names.
    pub(in crate::genesys) dnc_lists: BTreeSet<String>,
    /// Columns of phone numbers. `None` means that the list does not say.
    pub(in crate::genesys) numbers: Option<BTreeSet<String>>,
}

impl List {
    /// Whether a column can hold versions.
    pub(super) fn holds_versions(&self, column: &str) -> bool {
        self.columns.contains(column) && !self.narrow.contains(column)
    }
}

impl wire::TypedColumn {
    fn is_narrow(&self) -> bool {
        let is_other = |kind: &str| kind != "TEXT";
        self.column_data_type.as_deref().is_some_and(is_other)
            || self.max_length.is_some_and(|most| most < Version::LONGEST)
    }
}

/// Asks the campaign for its list, and the list for its columns.
pub(in crate::genesys) async fn ask(
    org: &Org,
    campaign: &CampaignId,
    run: &Run,
) -> Result<List, Failure> {
    let get = async |path: String, what| {
        let call = Call {
            method: Method::GET,
            path: &path,
            body: Bytes::new(),
            effect: Effect::Read,
            campaign: Some(campaign),
            what,
        };
        org.call(run, &call).await
    };
    let answer = get(
        format!("/api/v2/outbound/campaigns/{campaign}"),
        GET_CAMPAIGN,
    )
    .await;
    let answer = answer.map_err(|failure| match failure.kind {
        Kind::NotFound | Kind::Rejected => Failure {
            kind: Kind::UnknownCampaign,
            ..failure
        },
        _ => failure,
    })?;
    let campaign = parse::<wire::Campaign>(&answer, GET_CAMPAIGN)?;
    let id = campaign.contact_list.id;
    let dnc_lists = campaign.dnc_lists.unwrap_or_default().into_iter();
    let path = format!(
        "/api/v2/outbound/contactlists/{}",
        utf8_percent_encode(&id, SEGMENT)
    );
    let list = parse::<wire::ContactList>(&get(path, GET_LIST).await?, GET_LIST)?;
    let numbers = list.phone_columns.map(|columns| {
        let names = columns.into_iter().filter_map(|column| column.column_name);
        names.collect()
    });
    let typed = list.column_data_type_specifications.unwrap_or_default();
    let narrow = typed.into_iter().filter(wire::TypedColumn::is_narrow);
    Ok(List {
        id,
        columns: list.column_names.into_iter().collect(),
        narrow: narrow.filter_map(|column| column.column_name).collect(),
        dnc_lists: dnc_lists.filter_map(|list| list.id).collect(),
        numbers,
    })
}

/// Finds the list that the campaign draws on, and checks that it has a column for versions. The
/// list is cached.
pub(super) async fn find(
    org: &Org,
    campaign: &CampaignId,
    version_field: Option<&str>,
    run: &Run,
) -> Result<Arc<List>, Failure> {
    let list = Arc::new(ask(org, campaign, run).await?);
    if let Some(column) = version_field.filter(|column| !list.holds_versions(column)) {
        let of_text = if list.columns.contains(column) {
            format!(" to take any text of {} characters", Version::LONGEST)
        } else {
            String::new()
        };
        let detail = format!(
            "the contact list of campaign {campaign}: expected the column {column:?}{of_text}, which the org's secret names as versionField"
        );
        let failure = Failure::new(Kind::Refused, detail);
        org.close_campaign(campaign, &failure);
        return Err(failure);
    }
    let until = org.shared.clock.now() + CACHED_FOR;
    org.campaigns.found(campaign, &list, until);
    Ok(list)
}
