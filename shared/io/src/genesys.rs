//! The Genesys Cloud client: one [`Org`] for each OAuth client, with its secret, token and call
//! budget.

mod call;
mod campaign;
mod contact_lists;
mod facts;
mod failure;
mod limit;
mod login;
mod predictive;
mod region;
mod run;
mod transport;
mod wire;

pub use campaign::Campaign;
pub use contact_lists::{ContactList, Write};
pub use facts::ListFacts;
pub use failure::{Failure, Kind, UNKNOWN_CAMPAIGN};
pub use limit::{CALLS_OF_A_CHANGE, CallsLeft, Reservation, Share};
pub use predictive::{NewContact, Predictive};
pub use region::Region;
pub use run::Run;
pub use transport::{Transport, TransportError};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::batch::Evidence;
use domain::change::{CampaignId, OrgId};
use jiff::Timestamp;

use crate::secrets::{OrgSecret, Secrets};
use crate::telemetry::{Event, Telemetry};
use crate::{Chance, Clock, Config};
use contact_lists::List;
use limit::Limit;
use login::Login;

/// What all orgs share.
pub struct Shared {
    /// The way to Genesys Cloud.
    pub transport: Arc<dyn Transport>,
    /// Where the orgs' secrets are.
    pub secrets: Arc<dyn Secrets>,
    /// The time.
    pub clock: Clock,
    /// The randomness of jitter.
    pub chance: Chance,
    /// Where events are told.
    pub telemetry: Telemetry,
    /// What the environment says.
    pub config: Config,
}

/// All orgs that this process has met. What is kept of them from one invocation to the next is
/// cache alone.
pub struct Genesys {
    shared: Arc<Shared>,
    share: Share,
    orgs: Mutex<BTreeMap<OrgId, Arc<Org>>>,
}

impl Genesys {
    /// No org is read before it is asked for. `share`: of each org's call budget.
    pub fn new(shared: Arc<Shared>, share: Share) -> Genesys {
        Genesys {
            shared,
            share,
            orgs: Mutex::default(),
        }
    }

    /// The org of this name: every caller gets the same one, and no two names share anything.
    pub fn org(&self, id: &OrgId) -> Arc<Org> {
        let mut orgs = self.orgs.lock().unwrap_or_else(PoisonError::into_inner);
        let org = orgs.entry(id.clone()).or_insert_with(|| {
            let limit = Limit::new(self.shared.config.apply_concurrency, self.share);
            Arc::new(Org {
                id: id.clone(),
                shared: Arc::clone(&self.shared),
                login: Login::default(),
                limit,
                asking: tokio::sync::Mutex::default(),
                lists: Mutex::default(),
            })
        });
        Arc::clone(org)
    }
}

/// One org's Genesys Cloud.
pub struct Org {
    id: OrgId,
    shared: Arc<Shared>,
    login: Login,
    limit: Limit,
    asking: tokio::sync::Mutex<()>,
    /// Of the contact list API: the list that each campaign draws on, and until when that is known.
    lists: Mutex<BTreeMap<CampaignId, (Arc<List>, Timestamp)>>,
}

impl Org {
    /// The name of its secret.
    pub fn id(&self) -> &OrgId {
        &self.id
    }

    /// Logs in, unless that is done already, and answers the org's rules.
    ///
    /// # Errors
    /// [`Kind::Refused`] where a person must act, [`Kind::Unavailable`], [`Kind::Throttled`] or
    /// [`Kind::OutOfTime`].
    pub async fn open(&self, run: &Run) -> Result<Arc<OrgSecret>, Failure> {
        self.session(run, None).await.map(|session| session.secret)
    }

    /// Where nothing is known of the budget, one call asks for all. Who is about to find out holds
    /// this until it has its answer; the others wait for it, and then make all their calls side by
    /// side.
    pub async fn asking(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.asking.lock().await
    }

    /// How many calls of the org's budget this copy can count on. Of calls that are too few for
    /// every copy some copies begin a contact: `luck`, from 0 to 1 and drawn once an invocation,
    /// says whether this one does.
    pub fn calls_left(&self, run: &Run, rules: &OrgSecret, luck: f64) -> CallsLeft {
        self.limit
            .left(self.shared.clock.now(), run, rules.calls_per_minute, luck)
    }

    /// Keeps calls of the budget, for writes whose contacts are still to be read: no other campaign
    /// of this copy begins a contact with them.
    pub fn reserve(&self, calls: u64) -> Reservation<'_> {
        self.limit.reserve(calls)
    }

    fn lists(&self) -> MutexGuard<'_, BTreeMap<CampaignId, (Arc<List>, Timestamp)>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No call is made for this org for a while; the first time is told.
    fn tell_refused(&self, failure: &Failure) {
        let evidence = Evidence::from(failure);
        self.shared.telemetry.tell(&Event::OrgRefused {
            org: self.id.as_str(),
            evidence: &evidence,
        });
    }
}
