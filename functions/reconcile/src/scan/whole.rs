//! Reads a whole contact list by one export. If many contacts are to be compared, an export shows
//! them with a handful of calls (docs/reconciliation.md "A whole list at once").
//!
//! `io::genesys` asks for the export and downloads it. This module decides when to take one, and
//! what of it may be trusted.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Contact;
use domain::change::{CampaignId, Change, ContactKey, MessageGroup};
use domain::drift::Drift;
use domain::plan::RankedChange;
use io::genesys::{Campaign, Failure, Kind, NoExport, Patience, Shown, Snapshot, Unlisted};

use super::{Progress, Scan, Stopped};
use crate::input::Cursor;
use crate::{Error, Read, Why};

/// This many calls, with fifty contacts each, cost no more than an export.
const MOST_CALLS: u32 = 20;
/// How long a run waits for an export if it can continue without one.
const PATIENCE: Duration = Duration::from_mins(5);
/// The greatest age of an export. A run may go on for hours, and webhooks have long changed what an
/// older export shows.
const OLDEST: Duration = Duration::from_hours(1);
/// How long a run waits for an export that it needs. The longest wait that is known is 34 minutes.
pub(crate) const LONGEST_PATIENCE: Duration = Duration::from_mins(40);

/// How the current campaign is read.
#[derive(Default)]
pub(crate) struct Whole {
    /// How many calls it has taken so far, with fifty contacts each.
    calls: u32,
    snapshot: Option<Snapshot>,
    /// Whether the run continues without an export, because there is none.
    is_given_up: bool,
}

impl Whole {
    /// The export of the campaign that was read last.
    pub(crate) fn into_snapshot(self) -> Option<Snapshot> {
        self.snapshot
    }

    /// Notes that the feed lists these contacts.
    pub(super) fn list(&mut self, changes: &[Change]) {
        if let Some(snapshot) = &mut self.snapshot {
            for change in changes {
                snapshot.list(&change.key);
            }
        }
    }
}

type Actual = Result<Option<Contact>, Failure>;

impl Whole {
    /// How many calls read contacts of the campaign.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }
}

impl Scan<'_> {
    /// Takes an export of the campaign's list if it is time for one. `at` is the place that the
    /// scan has reached.
    pub(super) async fn take_export(
        &mut self,
        campaign: &Campaign,
        id: &CampaignId,
        at: &Cursor,
    ) -> Result<Option<Stopped>, Error> {
        let Campaign::ContactList(list) = campaign else {
            return Ok(None);
        };
        let whole = &self.whole;
        let is_given_up = whole.is_given_up || self.has_no_exports;
        let (is_wanted, patience) = match self.input.read {
            Read::Bulk => (false, PATIENCE),
            Read::Automatic => (whole.calls >= MOST_CALLS && !is_given_up, PATIENCE),
            Read::Export => (true, LONGEST_PATIENCE),
        };
        if !is_wanted || whole.snapshot.is_some() {
            return Ok(None);
        }
        let now = self.context.shared.clock.now();
        let given = now + patience;
        let end = self.until.end.map_or(given, |end| end.min(given));
        let patience = Patience {
            end: Some(end),
            is_asked_to_stop: self.until.is_asked_to_stop,
        };
        let why = match list
            .export(self.input.run.max(now - OLDEST), &patience)
            .await
        {
            Ok(snapshot) => {
                self.whole.snapshot = Some(snapshot);
                return Ok(None);
            }
            Err(why) => why,
        };
        if (self.until.is_asked_to_stop)() {
            return Ok(Some((at.clone(), Why::Interrupted)));
        }
        if self.input.read == Read::Automatic {
            // An export that hangs would hold up the org's other lists for as long. If only the
            // invocation had too little time, the next one may find the export ready.
            let is_hung = matches!(why, NoExport::Late) && end == given;
            self.go_on_without(id, &why, is_hung);
            return Ok(None);
        }
        match why {
            NoExport::Late if self.until.end == Some(end) => {
                Ok(Some((at.clone(), Why::NoExportYet(id.clone()))))
            }
            NoExport::Failed(failure) => self.stop_or_fail(id, at.clone(), failure).map(Some),
            NoExport::Late | NoExport::Malformed(_) => Err(Error::Export {
                org: self.input.org.clone(),
                campaign: id.clone(),
                what: why.to_string(),
            }),
        }
    }

    /// Gives up the export of this list. If it hung, the run takes no export of other lists either.
    fn go_on_without(&mut self, id: &CampaignId, why: &NoExport, is_hung: bool) {
        self.whole.is_given_up = true;
        self.has_no_exports |= is_hung;
        tracing::warn!(
            org = self.input.org.as_str(),
            campaignId = id.as_str(),
            detail = %why,
            "no export of the contact list: the run goes on with fifty contacts a call"
        );
    }

    /// Counts the contacts that the export shows and the feed does not list. The whole feed must
    /// have been read.
    pub(super) fn count_unknown(&mut self, id: &CampaignId) -> Result<(), Error> {
        let Some(snapshot) = &self.whole.snapshot else {
            return Ok(());
        };
        let mut unknown = 0;
        for found in snapshot.unlisted() {
            let Unlisted { id: key, .. } = found.map_err(|error| Error::Export {
                org: self.input.org.clone(),
                campaign: id.clone(),
                what: format!("its temporary file: {}", error.kind()),
            })?;
            unknown += 1;
            if let Ok(key) = ContactKey::parse(&key) {
                (self.watch)(Progress::Unknown {
                    campaign: id.clone(),
                    group: MessageGroup::of(&self.input.org, id, &key),
                });
            }
        }
        *self.answer.unknown_to_crm.get_or_insert_default() += unknown;
        Ok(())
    }

    /// Reads the contacts of these keys, from the export if there is one.
    pub(super) async fn actuals(
        &mut self,
        campaign: &Campaign,
        keys: &[&ContactKey],
        changes: &[Change],
    ) -> BTreeMap<ContactKey, Actual> {
        let mut actuals = BTreeMap::new();
        let mut unknown = Vec::new();
        for key in keys {
            match self.shown(key, changes) {
                Some(actual) => drop(actuals.insert((*key).clone(), actual)),
                None => unknown.push(*key),
            }
        }
        if !unknown.is_empty() {
            self.whole.calls += 1;
            let read = campaign.read_all(&unknown).await;
            actuals.extend(unknown.into_iter().cloned().zip(read));
        }
        actuals
    }

    /// The contact according to the export. `None` means that the contact itself must be read.
    fn shown(&self, key: &ContactKey, changes: &[Change]) -> Option<Actual> {
        let snapshot = self.whole.snapshot.as_ref()?;
        match snapshot.find(key) {
            Ok(Shown::Nobody) => Some(Ok(None)),
            Ok(Shown::Contact(contact)) => {
                let mut changes = changes.iter().filter(|change| change.key == *key);
                let is_unsure = changes.any(|change| self.asks_untold(snapshot, &contact, change));
                (!is_unsure).then_some(Ok(Some(contact)))
            }
            Ok(Shown::Unsure) => None,
            Err(error) => {
                let detail = format!(
                    "the export of the contact list: its temporary file: {}",
                    error.kind()
                );
                Some(Err(Failure::new(Kind::Unavailable, detail)))
            }
        }
    }

    /// Whether the contact only differs in channels and numbers about which the export says
    /// nothing.
    fn asks_untold(&self, snapshot: &Snapshot, contact: &Contact, change: &Change) -> bool {
        let untold = snapshot.untold();
        if untold.is_empty() {
            return false;
        }
        let rules = &self.org_secret.rules;
        let change = RankedChange::new(change, rules.ranking());
        let is_repaired = |contact: &Contact| {
            Drift::between(&change, Some(contact), rules.wishes()).is_to_be_repaired()
        };
        let lowered = Contact {
            statuses: contact.statuses.clone().lowered(untold),
            ..contact.clone()
        };
        is_repaired(contact) && !is_repaired(&lowered)
    }
}
