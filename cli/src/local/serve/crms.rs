//! The APIs of vendors' CRMs, each with made-up records, for the vendors' own clients to read.

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use emulator::crm::{CLIENT_ID, CLIENT_SECRET, TOKEN};
use http::StatusCode;
use http::request::Parts;
use io::Clock;

use super::super::vendor::{self, Crm};
use super::super::{Api, Error};

/// The beginning of each path. The vendor's name follows, and then the path of its API.
pub(super) const PREFIX: &str = "/crm/";

const VENDORS: [(&str, Crm); 4] = [
    ("hubspot", Crm::Hubspot),
    ("salesforce", Crm::Salesforce),
    ("dataverse", Crm::Dynamics),
    ("pipedrive", Crm::Pipedrive),
];
/// How many people a CRM has, and how many changes were made to them. Each number needs more than
/// one page.
const PEOPLE: usize = 120;
const CHANGES: usize = 200;

/// The CRMs, by the names of their vendors.
pub(super) struct Crms(Vec<(&'static str, emulator::Crm)>);

impl Crms {
    pub(super) fn new(api: Api, base: &str) -> Result<Crms, Error> {
        let crms = VENDORS.map(|(name, of)| {
            let story = vendor::make_up(of, 0, api, PEOPLE, CHANGES);
            let told = story.and_then(|story| story.told);
            let listed = told.ok_or_else(|| format!("{name} has no records"))?.listed;
            let crm = listed.crm(Clock::system());
            let crm = crm.served_at(&format!("{base}{PREFIX}{name}"));
            listed.put(&crm);
            Ok((name, crm))
        });
        crms.into_iter().collect::<Result<_, Error>>().map(Crms)
    }

    /// Answers as the vendor's API answers the path behind the vendor's name.
    pub(super) async fn answer(&self, mut parts: Parts, body: Bytes) -> Response {
        let whole = parts.uri.path_and_query().map(ToString::to_string);
        let of_vendor = whole.as_deref().and_then(|whole| {
            let (name, rest) = whole.strip_prefix(PREFIX)?.split_once('/')?;
            let (_, crm) = self.0.iter().find(|(known, _)| *known == name)?;
            Some((crm, format!("/{rest}").parse().ok()?))
        });
        let Some((crm, uri)) = of_vendor else {
            return StatusCode::NOT_FOUND.into_response();
        };
        parts.uri = uri;
        let request = http::Request::from_parts(parts, body);
        emulator::world::sent(crm, request).await.map(Into::into)
    }
}

/// The addresses of the CRMs, and their credentials.
pub(super) fn greeting(base: &str) -> String {
    let at = format!("{base}{PREFIX}");
    format!(
        "Read made-up records through the APIs of other CRMs. HubSpot and Pipedrive accept the token {TOKEN};
Salesforce and Dataverse issue one to the OAuth client {CLIENT_ID} with secret {CLIENT_SECRET}:
curl -s {at}hubspot/crm/v3/objects/contacts/search -H 'authorization: Bearer {TOKEN}' -d '{{\"limit\": 2}}'
curl -s '{at}pipedrive/api/v2/persons?limit=2' -H 'x-api-token: {TOKEN}'
curl -s {at}salesforce/services/oauth2/token -u {CLIENT_ID}:{CLIENT_SECRET} -d grant_type=client_credentials
curl -s {at}dataverse/tenant/oauth2/v2.0/token -u {CLIENT_ID}:{CLIENT_SECRET} -d grant_type=client_credentials \\
  -d scope=https://acme.crm.dynamics.com/.default"
    )
}
