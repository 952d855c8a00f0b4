//! The `predictive` API: the contacts of a campaign (docs/contract.md "Predictive API").
//!
//! There is a call for each contact, except that one POST creates up to 100. The POST stores all of
//! them or none. The other contact API is in [`super::contact_lists`].

use std::sync::Arc;

use bytes::Bytes;
use domain::Version;
use domain::change::{CampaignId, ContactKey};
use domain::contact::{Columns, Contact};
use domain::failure::{Failure, Kind};
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::call::{Call, Effect};
use super::run::Run;
use super::{Org, wire};

/// Every character is encoded except the unreserved ones of RFC 3986 section 2.3, so that a key
/// stays one path segment.
pub(super) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

const GET: &str = "GET contact";
const POST: &str = "POST contacts";
const PATCH: &str = "PATCH contact";

/// The contacts of one campaign, in one invocation.
pub struct Predictive {
    org: Arc<Org>,
    campaign: CampaignId,
    path: String,
    version_field: Option<String>,
    run: Run,
}

/// The most contacts of a POST (docs/genesys-cloud.md "Limits").
pub const MOST_CREATED: usize = 100;

/// A contact to create.
pub struct NewContact<'a> {
    /// The key, which can never change.
    pub key: &'a ContactKey,
    /// The columns, without the version column.
    pub data: &'a Columns<String>,
    /// The value of `callable`. `None` creates a callable contact.
    pub callable: Option<bool>,
    /// The version to store.
    pub version: Option<Version>,
}

impl Predictive {
    /// `version_field` is the column that stores the version.
    pub fn new(
        org: Arc<Org>,
        id: &CampaignId,
        version_field: Option<&str>,
        run: Run,
    ) -> Predictive {
        let path = format!("/api/v2/predictivedialing/campaigns/{id}/contacts");
        Predictive {
            org,
            campaign: id.clone(),
            path,
            version_field: version_field.map(str::to_owned),
            run,
        }
    }

    /// Reads a contact. `None` means that there is none, or that it cannot be read yet.
    ///
    /// # Errors
    /// As docs/design.md "Failure table" says for a GET.
    pub async fn read(&self, key: &ContactKey) -> Result<Option<Contact>, Failure> {
        let path = self.contact_path(key);
        let call = Call {
            method: Method::GET,
            path: &path,
            body: Bytes::new(),
            effect: Effect::Read,
            campaign: Some(&self.campaign),
            what: GET,
        };
        match self.org.call(&self.run, &call).await {
            Ok(body) => self.contact(key, &body, GET).map(Some),
            Err(failure) if failure.kind == Kind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Creates 1 to 100 contacts, all or none.
    ///
    /// # Errors
    /// As docs/design.md "Failure table" says for a POST. After [`Kind::Unavailable`] and
    /// [`Kind::Unanswered`] they may have been created.
    pub async fn create(&self, contacts: &[NewContact<'_>]) -> Result<(), Failure> {
        let body: Vec<_> = contacts
            .iter()
            .map(|contact| self.create_body(contact))
            .collect();
        let call = Call {
            method: Method::POST,
            path: &self.path,
            body: json(&body, POST)?,
            effect: Effect::Write(contacts.len()),
            campaign: Some(&self.campaign),
            what: POST,
        };
        let body = self.org.call(&self.run, &call).await?;
        let answered: Vec<wire::Created> = serde_json::from_slice(&body).map_err(|_| {
            let detail = format!("{POST}: the answer is no array of contacts");
            Failure::new(Kind::Unavailable, detail)
        })?;
        let is_answered =
            |key: &ContactKey| answered.iter().any(|contact| contact.id == key.as_str());
        if contacts.iter().all(|contact| is_answered(contact.key)) {
            return Ok(());
        }
        let detail = format!("{POST}: the answer lacks a contact");
        Err(Failure::new(Kind::Unavailable, detail))
    }

    /// Updates the named parts of a contact, and returns the contact as it is then. An update that
    /// names nothing alters nothing.
    ///
    /// # Errors
    /// As docs/design.md "Failure table" says for a PATCH. After [`Kind::Unavailable`] and
    /// [`Kind::Unanswered`] the update may have been executed, or may still be.
    pub async fn update(
        &self,
        key: &ContactKey,
        mut data: Columns<Option<String>>,
        callable: Option<bool>,
        version: Option<Version>,
    ) -> Result<Contact, Failure> {
        if let (Some(column), Some(version)) = (&self.version_field, version) {
            let text = version.to_string();
            data.insert(column.clone(), Some(text).filter(|text| !text.is_empty()));
        }
        let path = self.contact_path(key);
        let call = Call {
            method: Method::PATCH,
            path: &path,
            body: json(&wire::Update { data, callable }, PATCH)?,
            effect: Effect::Write(1),
            campaign: Some(&self.campaign),
            what: PATCH,
        };
        let body = self.org.call(&self.run, &call).await?;
        self.contact(key, &body, PATCH)
    }

    fn contact_path(&self, key: &ContactKey) -> String {
        format!(
            "{}/{}",
            self.path,
            utf8_percent_encode(key.as_str(), SEGMENT)
        )
    }

    fn create_body<'a>(&self, contact: &NewContact<'a>) -> wire::Create<'a> {
        let mut data = contact.data.clone();
        let version = contact
            .version
            .filter(|version| *version != Version::default());
        if let (Some(column), Some(version)) = (&self.version_field, version) {
            data.insert(column.clone(), version.to_string());
        }
        wire::Create {
            id: contact.key.as_str(),
            data,
            callable: contact.callable,
        }
    }

    fn contact(&self, key: &ContactKey, body: &[u8], what: &str) -> Result<Contact, Failure> {
        let contact: wire::Contact = serde_json::from_slice(body).map_err(|_| {
            Failure::new(
                Kind::Unavailable,
                format!("{what}: the answer is no contact"),
            )
        })?;
        if contact.id != key.as_str() {
            return Err(Failure::new(
                Kind::Unavailable,
                format!("{what}: the answer is another contact"),
            ));
        }
        let data = contact
            .data
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        Ok(Contact::new(
            Columns(data),
            contact.callable,
            self.version_field.as_deref(),
        ))
    }
}

fn json(body: &impl serde::Serialize, what: &str) -> Result<Bytes, Failure> {
    let body = serde_json::to_vec(body);
    body.map(Bytes::from).map_err(|_| {
        Failure::new(
            Kind::Unavailable,
            format!("{what}: cannot be written as JSON"),
        )
    })
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The characters of a path segment (RFC 3986 section 3.3).
        #[test]
        fn a_key_is_one_segment_of_a_path_whatever_it_holds(key in "\\PC{1,60}") {
            let segment = utf8_percent_encode(&key, SEGMENT).to_string();
            let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
            prop_assert!(segment.bytes().all(unreserved), "{}", segment);
            prop_assert_eq!(percent_decode_str(&segment).decode_utf8().unwrap(), key.as_str());
            let uri: http::Uri = format!("https://api.example.com/contacts/{segment}").parse().unwrap();
            prop_assert_eq!(uri.path(), format!("/contacts/{segment}"));
            // Keys of one or two dots alone are none.
            prop_assume!(key.chars().any(|char| char != '.') || key.len() > 2);
            let url = reqwest::Url::parse(&uri.to_string()).unwrap();
            prop_assert_eq!(url.as_str(), uri.to_string());
        }
    }
}
