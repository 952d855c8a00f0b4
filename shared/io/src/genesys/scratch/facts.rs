//! Looks at a list before anything is written to it: its columns, campaigns and contacts.

use std::collections::BTreeSet;

use bytes::Bytes;
use domain::failure::Failure;
use http::Method;
use percent_encoding::utf8_percent_encode;
use serde_json::json;

use super::ScratchList;
use super::calls::{CAMPAIGNS, LIST, SEARCH};
use crate::genesys::call::Effect;
use crate::genesys::contact_lists::{json, parse};
use crate::genesys::predictive::SEGMENT;
use crate::genesys::wire;

/// The facts that a caller needs before it writes to the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScratchFacts {
    /// All columns.
    pub columns: BTreeSet<String>,
    /// The columns that accept any text: not phone numbers, addresses, times or zip codes.
    pub texts: Vec<String>,
    /// The campaigns that use the list.
    pub campaigns: Vec<String>,
    /// The number of its contacts: what the list says or what a search says, whichever is higher.
    pub contacts: u64,
    /// The ids of its contacts, up to a hundred.
    pub ids: Vec<String>,
    /// Whether a file is being imported into the list.
    pub is_importing: bool,
}

impl ScratchList {
    /// Looks at the list with three calls that alter nothing.
    ///
    /// # Errors
    /// [`Kind::NotFound`](super::Kind::NotFound) if there is no such list,
    /// [`Kind::Refused`](super::Kind::Refused) if a permission is missing.
    pub async fn look(&self) -> Result<ScratchFacts, Failure> {
        let answer = self
            .read(
                Method::GET,
                "?includeSize=true&includeImportStatus=true",
                LIST,
            )
            .await?;
        let list: wire::WholeList = parse(&answer, LIST)?;
        let path = format!(
            "/api/v2/outbound/campaigns?contactListId={}&pageSize=100",
            utf8_percent_encode(&self.id, SEGMENT)
        );
        let none = Bytes::new();
        let answer = self.call(Method::GET, &path, none, Effect::Read, CAMPAIGNS);
        let found: wire::CampaignPage = parse(&answer.await?, CAMPAIGNS)?;
        let body = json(&json!({ "pageNumber": 1, "pageSize": 100 }), SEARCH)?;
        let path = format!("{}/contacts/search", self.path);
        let answer = self.call(Method::POST, &path, body, Effect::Read, SEARCH);
        let search: wire::SearchAnswer = parse(&answer.await?, SEARCH)?;
        let campaigns = found.entities.into_iter().map(|campaign| campaign.id);
        let shown = search.entities.len() as u64;
        let import = list.import_status.as_ref();
        let state = import.and_then(|import| import.state.as_deref());
        Ok(ScratchFacts {
            is_importing: state == Some("IN_PROGRESS"),
            texts: list.texts(),
            contacts: [list.size, search.total, search.contacts_count]
                .into_iter()
                .flatten()
                .fold(shown, u64::max),
            ids: search
                .entities
                .into_iter()
                .filter_map(|found| found.id)
                .collect(),
            columns: list.column_names.into_iter().collect(),
            campaigns: campaigns.collect(),
        })
    }
}
