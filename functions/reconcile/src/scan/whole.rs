//! A whole contact list at once: where many contacts are to be compared, an export shows them by a handful of
//! calls (docs/reconciliation.md "A whole list at once").

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

/// So many calls, fifty contacts each, are no dearer than an export.
const MOST_CALLS: u32 = 20;
/// How long a run that may go on without it waits for an export.
const PATIENCE: Duration = Duration::from_mins(5);
/// A run may go on for hours: an export that was taken longer ago shows what webhooks have long changed.
const OLDEST: Duration = Duration::from_hours(1);
/// How long one waits that may not: the longest that was heard of is 34 minutes.
const LONGEST_PATIENCE: Duration = Duration::from_mins(40);

/// How the campaign under way is read.
#[derive(Default)]
pub(crate) struct Whole {
    /// Calls that it took until now, fifty contacts each.
    calls: u32,
    snapshot: Option<Snapshot>,
    /// There is none to be had: the run goes on without.
    is_given_up: bool,
}

impl Whole {
    /// The export of the campaign that was read last.
    pub(crate) fn into_snapshot(self) -> Option<Snapshot> {
        self.snapshot
    }

    /// The feed lists these.
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
    /// Takes an export of the campaign's list, where it is time for one. `at`: what is compared until now.
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
            self.whole.is_given_up = true;
            // One that hangs would hold up the org's other lists for as long. One for which the invocation has too
            // little time may be there for the next.
            self.has_no_exports |= matches!(why, NoExport::Late) && end == given;
            tracing::warn!(
                org = self.input.org.as_str(),
                campaignId = id.as_str(),
                detail = %why,
                "no export of the contact list: the run goes on with fifty contacts a call"
            );
            return Ok(None);
        }
        match why {
            NoExport::Late if self.until.end == Some(end) => Ok(Some((at.clone(), Why::OutOfTime))),
            NoExport::Failed(failure) => self.stop_or_fail(id, at.clone(), failure).map(Some),
            NoExport::Late | NoExport::Broken(_) => Err(Error::Export {
                org: self.input.org.clone(),
                campaign: id.clone(),
                what: why.to_string(),
            }),
        }
    }

    /// Counts the contacts that the export shows and the feed, all of which was read, does not list.
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

    /// The contacts of these keys, by what there is to read them.
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

    /// What the export says of a contact; `None`: the contact itself is to be read.
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

    /// Whether the contact differs by nothing but channels and numbers of which the export does not tell.
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
