//! The secret `{prefix}/source/{source}`: how a sender of webhooks authenticates itself, and what
//! it may write.
//!
//! [`SourceSecret::parse`] reads and checks the secret; requests are checked against it in
//! `ingest::auth`. The parts of the secret have modules: `auth` for the ways to authenticate, with
//! `signature`, `preset` and `template` for signatures and `token` for passwords and tokens, and
//! `campaigns` for sources with several campaigns.

mod auth;
mod campaigns;
mod preset;
mod signature;
mod template;
mod token;

pub use auth::{Auth, SigningSecret};
pub use campaigns::CampaignNames;
pub use signature::{
    Algorithm, Encoding, LONGEST_TOLERANCE, Scheme, Signature, SignedTime, TimePlace,
};
pub use template::{Part, Piece, Template};
pub use token::{BodyToken, HeaderToken, QueryToken};

use domain::change::{CampaignId, OrgId, Sender, SourceName};
use mapping::Mapping;
use secrecy::SecretString;

use super::members::{MalformedSecret, Members};

/// The secret of a source, read and checked.
#[derive(Clone, Debug)]
pub struct SourceSecret {
    /// How requests are authenticated.
    pub auth: Auth,
    /// The only org that it may write to. `None` allows any.
    pub org: Option<OrgId>,
    /// The only campaign that it may write to. `None` allows any.
    pub campaign: Option<CampaignId>,
    /// The campaigns that it may write to, by the value of the field that names a person's
    /// campaign. If there are none, each change names its campaign or `campaign` does.
    pub campaigns: CampaignNames,
    /// The mapping that makes changes of what it sends. Without one, it sends changes.
    pub mapping: Option<Mapping>,
    /// The treatment of an item that becomes no change.
    pub on_fault: OnFault,
}

/// The treatment of an item that breaks a rule, or that the mapping makes no change of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFault {
    /// Refuse the request: nothing of it is queued.
    Refuse,
    /// Park the item, and queue the others.
    Park,
}

impl SourceSecret {
    /// Reads the JSON of a secret.
    ///
    /// # Errors
    /// A message that names the first member that is missing, unknown, empty or not as expected.
    pub fn parse(text: &SecretString) -> Result<SourceSecret, MalformedSecret> {
        let mut members = Members::of(text)?;
        let auth = if members.begins_with("auth", '{') {
            auth::of_object(&mut members)?
        } else {
            auth::of_name(&mut members)?
        };
        let mapping = mapping(&mut members, &auth)?;
        let on_fault = members.text("onFault", "\"park\" or \"refuse\"", |text| match text {
            "park" => Some(OnFault::Park),
            "refuse" => Some(OnFault::Refuse),
            _ => None,
        })?;
        let by_default = match mapping {
            Some(_) => OnFault::Park,
            None => OnFault::Refuse,
        };
        let secret = SourceSecret {
            auth,
            campaigns: members
                .object("campaigns", CampaignNames::read)?
                .unwrap_or_default(),
            mapping,
            on_fault: on_fault.unwrap_or(by_default),
            org: members.text("org", "1 to 32 characters of a-z, 0-9 and -", |org| {
                OrgId::parse(org).ok()
            })?,
            campaign: members.text(
                "campaignId",
                "1 to 48 characters of A-Z, a-z, 0-9 and -",
                |campaign| CampaignId::parse(campaign).ok(),
            )?,
        };
        members.end()?;
        match (
            secret.campaigns.is_empty(),
            &secret.campaign,
            &secret.mapping,
        ) {
            (true, ..) | (false, None, Some(_)) => Ok(secret),
            (false, ..) => Err(Members::wrong(
                "campaigns",
                "a mapping beside it, and no campaignId",
            )),
        }
    }

    /// The sender of its changes, with what they may leave out.
    pub fn sender(&self, source: SourceName) -> Sender {
        // If there are several campaigns, each change gets those that it goes to.
        let several = self.campaigns.ids();
        let campaign = self.campaign.as_ref().or(several.first().copied());
        Sender {
            source,
            org: self.org.clone(),
            campaign: campaign.cloned(),
        }
    }
}

/// Reads the mapping. It must not read headers that authenticate the sender.
fn mapping(members: &mut Members<'_>, auth: &Auth) -> Result<Option<Mapping>, MalformedSecret> {
    let mapping = members.json("mapping", |text| {
        Mapping::parse(text).map_err(|refused| refused.to_string())
    })?;
    let headers = mapping.iter().flat_map(Mapping::headers);
    for name in headers {
        match auth {
            auth if auth.signs_body() => return Err(Members::wrong("mapping", UNSIGNED_HEADERS)),
            Auth::Header(token) if token.name == name.as_str() => {
                return Err(Members::wrong("mapping", TOKEN_HEADER));
            }
            _ => {}
        }
    }
    Ok(mapping)
}

const TOKEN_HEADER: &str = "headers without the one that shows who sends";
const UNSIGNED_HEADERS: &str = "no headers beside a signature, which is not over them";

#[cfg(test)]
mod tests;
