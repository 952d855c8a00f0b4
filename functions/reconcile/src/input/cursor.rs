//! The cursor of a run: the place at which it stopped, and at which the next run continues.
//!
//! An answer shows it as text, and an input may hold it. An org's record holds it as JSON.
//! `scan` moves it forward; this module only writes and reads it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::change::{CampaignId, OrgId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Brought;

/// The place at which a run stopped. Everything before it is done. `Debug` does not show the feed's
/// own cursor, since its content is the CRM's affair.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cursor {
    pub(crate) org: String,
    /// The campaigns that are not done, in the run's order. The run continues in the first.
    pub(crate) campaigns: Vec<String>,
    pub(crate) since: Timestamp,
    /// The feed's cursor of the page. `None` means the first page.
    pub(crate) page: Option<String>,
    /// How many contacts of the page are done. [`last`](Self::last) is the hash of the last one's
    /// key: it shows whether the page has changed since.
    pub(crate) done: usize,
    pub(crate) last: Option<String>,
    /// Contacts of the campaign that were compared, and how many of them needed a repair.
    pub(crate) checked: u64,
    pub(crate) drifted: u64,
    /// Contacts of the campaign that break a rule.
    #[serde(default)]
    pub(crate) faulty: u64,
    /// The first digits of the fingerprint of the feed's secret with which `page` was obtained. A
    /// feed with another secret may have another order, in which the page's cursor could skip
    /// contacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) feed: Option<String>,
    /// A sample of what the campaign's pages have brought so far.
    #[serde(default, skip_serializing_if = "Brought::is_nothing")]
    pub(crate) brought: Brought,
    /// Whether an export was not ready in time, so that the run continues without exports.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) has_no_exports: bool,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It holds only texts, a time and numbers, so writing it as JSON cannot fail.
        f.write_str(&URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default()))
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor")
            .field("campaigns", &self.campaigns)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

impl Cursor {
    /// A cursor at the first page of the first of these campaigns.
    pub(crate) fn start(org: &OrgId, campaigns: &[CampaignId], since: Timestamp) -> Cursor {
        Cursor {
            org: org.as_str().to_owned(),
            campaigns: campaigns.iter().map(|id| id.as_str().to_owned()).collect(),
            since,
            page: None,
            done: 0,
            last: None,
            checked: 0,
            drifted: 0,
            faulty: 0,
            feed: None,
            brought: Brought::default(),
            has_no_exports: false,
        }
    }

    /// The cursor for the feed whose secret has this print. If the cursor is of another secret, it
    /// begins the campaign anew.
    pub(crate) fn for_feed(self, print: &str) -> Cursor {
        let print = print.get(..8).unwrap_or(print);
        let is_of_another = self.feed.as_deref().is_some_and(|feed| feed != print);
        let at = if is_of_another {
            Cursor {
                page: None,
                done: 0,
                last: None,
                checked: 0,
                drifted: 0,
                faulty: 0,
                brought: Brought::default(),
                ..self
            }
        } else {
            self
        };
        Cursor {
            feed: Some(print.to_owned()),
            ..at
        }
    }

    /// Reads a cursor as an answer shows it.
    pub fn parse(text: &str) -> Option<Cursor> {
        let json = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Whether the cursor belongs to a run that looks at changes since this time.
    pub fn is_since(&self, since: Timestamp) -> bool {
        self.since == since
    }

    /// Whether a run of this org and these campaigns can go on from here.
    pub fn is_of(&self, org: &OrgId, campaigns: &[CampaignId]) -> bool {
        let is_asked_for = |id: &String| campaigns.iter().any(|campaign| campaign.as_str() == id);
        self.org == org.as_str()
            && !self.campaigns.is_empty()
            && self.campaigns.iter().all(is_asked_for)
    }
}
