//! The Genesys Cloud client: one [`Org`] for each OAuth client, with its secret, token, call budget
//! and health.
//!
//! A caller gets an [`Org`] from [`Genesys::org`], logs in with [`Org::open`], and opens a
//! [`Campaign`]. The modules are:
//!
//! - `campaign`, `predictive` and `contact_lists`: contacts by either API, with the bodies in
//!   `wire`.
//! - `call`: one call with its retries. `gate` gives it a turn in the budget, `login` a session,
//!   and `answer` says what a failure means.
//! - `health` and `campaigns`: what this copy knows about the org and its campaigns.
//! - `dnc`: DNC lists. `facts` and `scratch`: calls for a person who checks an org.
//!
//! Nothing here decides what to write: see [`domain::attempt`].

mod answer;
mod call;
mod campaign;
mod campaigns;
mod contact_lists;
mod dnc;
mod facts;
mod gate;
mod health;
mod login;
mod predictive;
mod run;
mod scratch;
mod wire;

pub use campaign::Campaign;
pub use contact_lists::{
    ContactList, ListWrite, MOST_READ, MOST_WRITTEN, NoExport, Patience, Shown, Snapshot, Unlisted,
};
pub use dnc::MOST_ENTRIES;
pub use domain::budget::BudgetPart;
pub use domain::failure::{Failure, Kind};
pub use facts::{CampaignFacts, DncFacts, ListFacts};
pub use predictive::{MOST_CREATED, NewContact, Predictive};
pub use run::Run;
pub use scratch::{ScratchContact, ScratchFacts, ScratchList, permission as scratch_permission};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::batch::Evidence;
use domain::budget::{Budget, Demand, More, Offer};
use domain::change::{CampaignId, OrgId};
use domain::health::{HostHealth, VaultHealth};
use domain::retry::between_tries;

use crate::http::Transport;
use crate::secrets::{Api, OrgSecret, Secrets};
use crate::telemetry::{Event, Telemetry};
use crate::{Chance, Clock, Config};
use campaigns::CampaignCache;
use dnc::DncLists;
use gate::Gate;
use health::Health;
use login::Login;

/// Advice to a person whose campaign is not found.
pub const UNKNOWN_CAMPAIGN: &str =
    "check the campaign's id and the divisions of the OAuth client's role";

/// The most campaigns of an invocation whose lists are still to be found, which takes two calls
/// each.
const MOST_UNKNOWN: usize = 5;

/// The health of each host, by name.
type Hosts = Mutex<BTreeMap<String, Arc<Mutex<HostHealth>>>>;

/// The health of Secrets Manager.
type Vault = Mutex<VaultHealth>;

/// The parts that all orgs share.
pub struct Shared {
    /// The transport to Genesys Cloud.
    pub transport: Arc<dyn Transport>,
    /// The store of the orgs' secrets.
    pub secrets: Arc<dyn Secrets>,
    /// The clock.
    pub clock: Clock,
    /// The source of jitter.
    pub chance: Chance,
    /// The receiver of events.
    pub telemetry: Telemetry,
    /// The configuration.
    pub config: Config,
}

/// Every org that this process has met. What is kept between invocations is only a cache.
pub struct Genesys {
    shared: Arc<Shared>,
    share: BudgetPart,
    orgs: Mutex<BTreeMap<OrgId, Arc<Org>>>,
    hosts: Arc<Hosts>,
    vault: Arc<Vault>,
}

impl Genesys {
    /// Makes no call. `share` is the part of each org's call budget that may be used.
    pub fn new(shared: Arc<Shared>, share: BudgetPart) -> Genesys {
        Genesys {
            shared,
            share,
            orgs: Mutex::default(),
            hosts: Arc::default(),
            vault: Arc::default(),
        }
    }

    /// The org of this name. Every caller gets the same one. Orgs share only the health of hosts
    /// and of Secrets Manager.
    pub fn org(&self, id: &OrgId) -> Arc<Org> {
        let mut orgs = self.orgs.lock().unwrap_or_else(PoisonError::into_inner);
        let org = orgs.entry(id.clone()).or_insert_with(|| {
            let budget = Budget::new(self.shared.config.apply_concurrency, self.share);
            Arc::new(Org {
                id: id.clone(),
                shared: Arc::clone(&self.shared),
                login: Login::default(),
                gate: Gate::new(budget),
                health: Health::default(),
                hosts: Arc::clone(&self.hosts),
                vault: Arc::clone(&self.vault),
                campaigns: CampaignCache::default(),
                dnc: DncLists::default(),
            })
        });
        Arc::clone(org)
    }
}

/// The Genesys Cloud organisation of one org, as an OAuth client reaches it.
pub struct Org {
    id: OrgId,
    shared: Arc<Shared>,
    login: Login,
    gate: Gate,
    health: Health,
    hosts: Arc<Hosts>,
    vault: Arc<Vault>,
    campaigns: CampaignCache,
    dnc: DncLists,
}

impl Org {
    /// The name of the org, by which its secret is found.
    pub fn id(&self) -> &OrgId {
        &self.id
    }

    /// Logs in if necessary, and returns the org's secret with its rules.
    ///
    /// # Errors
    /// [`Kind::Refused`] if a person must act, [`Kind::Unavailable`], [`Kind::Throttled`] or
    /// [`Kind::OutOfTime`].
    pub async fn open(&self, run: &Run) -> Result<Arc<OrgSecret>, Failure> {
        self.session(run, None).await.map(|session| session.secret)
    }

    /// Decides which of the wanted contacts may begin, given what is left of the org's call budget.
    pub fn offer(&self, rules: &OrgSecret, demand: &Demand) -> Offer {
        let now = self.shared.clock.now();
        self.gate.offer(now, rules.calls_per_minute, demand)
    }

    /// Whether a larger batch pays off, as far as this copy knows without a call. By `contactLists`
    /// it does until one write is full. By `predictive` it does if contacts are [new](Org::are_new)
    /// and there are calls for their POSTs. It does not if one of the campaigns failed lately, or
    /// if many lists are still to be found. `draw` is that of the invocation.
    pub fn takes_more(&self, contacts: &BTreeMap<&CampaignId, usize>, draw: f64) -> bool {
        let now = self.shared.clock.now();
        let Some(secret) = self.login.known(now) else {
            return false;
        };
        let all: usize = contacts.values().sum();
        if all >= MOST_WRITTEN || !contacts.keys().all(|of| self.may_be_wide(of)) {
            return false;
        }
        if secret.api == Api::ContactLists {
            // This holds even if no calls are left, because messages that go back together return
            // together.
            let unknown = |of: &&&CampaignId| self.campaigns.list(of, now).is_none();
            return contacts.keys().filter(unknown).count() <= MOST_UNKNOWN;
        }
        if !contacts.keys().all(|of| self.are_new(of)) {
            return false;
        }
        let posts = |contacts: &usize| (contacts / MOST_CREATED + 1) as u64;
        let demand = Demand {
            opt_outs: 0,
            others: contacts.values().map(posts).sum(),
            held: 0,
            is_wide: true,
            promised: 0,
            beside: 0,
            patience: Duration::ZERO,
            draw,
        };
        self.offer(&secret, &demand).more == More::NotWanted
    }

    /// Waits before try `tries` + 1. `false` means that there is no further try, or no time for it.
    pub async fn pause(&self, run: &Run, tries: u32) -> bool {
        let wait = between_tries(tries, self.shared.chance.draw());
        let may = tries < run.tries && run.may_retry(self.shared.clock.now(), wait);
        if may {
            tokio::time::sleep(wait).await;
        }
        may
    }

    /// Takes the host from the secret. The health of the host counts for the org too.
    fn set_host(&self, secret: &OrgSecret) {
        let host = self.base(secret);
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        self.health
            .set_host(Arc::clone(hosts.entry(host).or_default()));
    }

    /// Reports that the org refuses its client.
    fn emit_org_refused(&self, failure: &Failure) {
        let evidence = Evidence::from(failure);
        self.shared.telemetry.tell(&Event::OrgRefused {
            org: self.id.as_str(),
            evidence: &evidence,
        });
    }
}
