//! The contacts of one campaign: gather, plan, execute. All that is decided here is what to read
//! again.

use domain::Rank;
use domain::batch::{Outcome, ParkReason};
use domain::change::CampaignId;
use domain::contact::{Columns, Contact as Actual};
use domain::plan::{Action, Plan, Skip};
use futures_util::future::{join, join_all};
use io::genesys::{
    CallsLeft, Campaign, Failure, Kind, NewContact, Org, Predictive, Reservation, Run,
};
use io::secrets::OrgSecret;
use io::telemetry::Event;

use crate::budget::ToBegin;
use crate::contact::{Contact, Verdicts};
use crate::{Context, Defect};

/// One campaign of one invocation.
pub(crate) struct Work<'a> {
    pub(crate) context: &'a Context,
    pub(crate) org: &'a Org,
    pub(crate) run: Run,
    /// Of this invocation, with calls that are too few for every copy.
    pub(crate) luck: f64,
    pub(crate) campaign: &'a Campaign,
    pub(crate) id: &'a CampaignId,
    pub(crate) secret: &'a OrgSecret,
}

impl Work<'_> {
    /// Two round trips where nothing fails and the budget is not short: all reads side by side,
    /// then all writes.
    pub(crate) async fn apply(&self, contacts: Vec<Contact>, to_begin: ToBegin<'_>) -> Verdicts {
        match self.campaign {
            Campaign::Predictive(predictive) => {
                let (in_order, contacts) = contacts.into_iter().partition(Contact::holds_reset);
                let others = self.apply_each(predictive, contacts, to_begin);
                let (in_order, mut verdicts) = join(self.apply_in_order(in_order), others).await;
                verdicts.extend(in_order);
                verdicts
            }
            Campaign::ContactList(list) => self.apply_to_list(list, contacts).await,
        }
    }

    /// Each change by itself, in queue order.
    pub(crate) async fn apply_in_order(&self, contacts: Vec<Contact>) -> Verdicts {
        let mut verdicts = Verdicts::new();
        for contact in &contacts {
            if let Some(failure) = self.must_wait(std::slice::from_ref(contact)) {
                verdicts.extend(contact.retry(&failure));
                continue;
            }
            let order: Vec<_> = (0..contact.changes.len()).collect();
            verdicts.extend(match self.campaign.read(&contact.key).await {
                Ok(actual) => self.one_by_one(contact, &order, actual).await,
                Err(failure) => self.failed(contact, &failure),
            });
        }
        verdicts
    }

    /// `contacts`: opt-outs first.
    async fn apply_each(
        &self,
        predictive: &Predictive,
        mut contacts: Vec<Contact>,
        mut to_begin: ToBegin<'_>,
    ) -> Verdicts {
        let mut verdicts = Verdicts::new();
        if contacts.is_empty() {
            return verdicts;
        }
        loop {
            let mut read = Vec::new();
            let mut writes = self.org.reserve(0);
            let asking = self.org.asking().await;
            if self.calls_left() == CallsLeft::Unknown {
                let first = contacts.remove(0);
                let actual = predictive.read(&first.key).await;
                read.push((first, actual));
                writes.add(1);
            }
            drop(asking);
            let (now, later, more_after) =
                self.within_budget(contacts, &to_begin, !read.is_empty());
            writes.add(now.len() as u64);
            let all = to_begin.all();
            drop(to_begin);
            let keys: Vec<_> = now.iter().map(|contact| &contact.key).collect();
            let actuals = self.campaign.read_all(&keys).await;
            read.extend(now.into_iter().zip(actuals));
            // A service that fails is not asked again for the others.
            let is_last = later.is_empty()
                || read.is_empty()
                || read.iter().any(|(_, actual)| actual.is_err());
            // Siblings may have left their share: what is left then is shared anew.
            let again = (!is_last).then(|| ToBegin::new(all));
            verdicts.extend(self.write_each(predictive, read, writes).await);
            let Some(again) = again else {
                verdicts.extend(
                    later
                        .iter()
                        .flat_map(|contact| contact.retry(&Failure::budget_spent(more_after))),
                );
                return verdicts;
            };
            (contacts, to_begin) = (later, again);
        }
    }

    /// Contacts that were read: the creates in one POST, beside them all others. `reserved`: their
    /// writes.
    async fn write_each(
        &self,
        predictive: &Predictive,
        read: Vec<(Contact, Result<Option<Actual>, Failure>)>,
        reserved: Reservation<'_>,
    ) -> Verdicts {
        let mut verdicts = Verdicts::new();
        let (mut creates, mut others) = (Vec::new(), Vec::new());
        for (contact, actual) in &read {
            match actual {
                Ok(actual) => {
                    let plan = self.plan(contact, actual.as_ref());
                    match plan.action {
                        Action::Create { .. } => creates.push((contact, plan)),
                        _ => others.push((contact, plan, actual.clone())),
                    }
                }
                Err(failure) => verdicts.extend(self.failed(contact, failure)),
            }
        }
        let others = others
            .into_iter()
            .map(|(contact, plan, actual)| self.execute(contact, plan, actual));
        // From here on each call has its own reservation.
        drop(reserved);
        let (created, other) = join(self.create_all(predictive, creates), join_all(others)).await;
        verdicts.extend(created);
        verdicts.extend(other.into_iter().flatten());
        verdicts
    }

    pub(crate) fn plan(&self, contact: &Contact, actual: Option<&Actual>) -> Plan {
        contact.plan(self.context, &self.secret.rules, actual)
    }

    /// All creates of the campaign in one POST.
    async fn create_all(
        &self,
        predictive: &Predictive,
        creates: Vec<(&Contact, Plan)>,
    ) -> Verdicts {
        if creates.is_empty() {
            return Verdicts::new();
        }
        let is_alone = creates.len() == 1;
        let new: Vec<_> = creates
            .iter()
            .filter_map(|(contact, plan)| new_contact(contact, plan))
            .collect();
        let posted = self.told(predictive.create(&new).await);
        let verdicts = creates
            .into_iter()
            .map(async |(contact, plan)| match &posted {
                Ok(()) => contact.done(&plan, Outcome::Created),
                Err(failure) if failure.kind == Kind::Conflict => {
                    self.after_conflict(contact, is_alone).await
                }
                Err(failure) if failure.kind == Kind::Rejected && !is_alone => {
                    self.create_alone(contact, plan).await
                }
                Err(failure) => self.after_failed_create(contact, plan, failure).await,
            });
        join_all(verdicts).await.into_iter().flatten().collect()
    }

    async fn post(&self, contact: NewContact<'_>) -> Result<(), Failure> {
        self.told(self.campaign.create(contact).await)
    }

    /// Tells of a conflict.
    fn told(&self, posted: Result<(), Failure>) -> Result<(), Failure> {
        match &posted {
            Err(failure) if failure.kind == Kind::Conflict => {
                let (org, campaign) = (self.org.id().as_str(), self.id.as_str());
                self.context
                    .shared
                    .telemetry
                    .tell(&Event::Conflict { org, campaign });
                if self.context.has(Defect::Conflict) {
                    Ok(())
                } else {
                    posted
                }
            }
            _ => posted,
        }
    }

    /// A POST with this key was refused because of a key that exists: nothing was stored.
    /// `is_refused`: of this very key.
    async fn after_conflict(&self, contact: &Contact, is_refused: bool) -> Verdicts {
        // It begins anew: a read and a write of its own, at least.
        if let Some(failure) = self.must_wait(std::slice::from_ref(contact)) {
            return contact.retry(&failure);
        }
        let write = self.org.reserve(1);
        let read = self.campaign.read(&contact.key).await;
        drop(write);
        match read {
            Ok(None) if is_refused => self.after_refused_key(contact).await,
            Ok(actual) => {
                let plan = self.plan(contact, actual.as_ref());
                match plan.action {
                    Action::Create { .. } => self.create_alone(contact, plan).await,
                    _ => self.execute(contact, plan, actual).await,
                }
            }
            Err(failure) => self.failed(contact, &failure),
        }
    }

    /// A key that is refused and cannot be read exists. A PATCH of nothing alters nothing and shows
    /// the contact.
    async fn after_refused_key(&self, contact: &Contact) -> Verdicts {
        match self.touch(contact).await {
            Ok(actual) => {
                self.execute(contact, self.plan(contact, Some(&actual)), Some(actual))
                    .await
            }
            Err(failure) => contact.retry(&failure),
        }
    }

    async fn touch(&self, contact: &Contact) -> Result<Actual, Failure> {
        self.campaign
            .update(&contact.key, None, Columns::default(), None, None)
            .await
    }

    async fn create_alone(&self, contact: &Contact, plan: Plan) -> Verdicts {
        let Some(new) = new_contact(contact, &plan) else {
            return contact.retry(&Failure::lagging());
        };
        match self.post(new).await {
            Ok(()) => contact.done(&plan, Outcome::Created),
            Err(failure) if failure.kind == Kind::Conflict => self.after_refused_key(contact).await,
            Err(failure) => self.after_failed_create(contact, plan, &failure).await,
        }
    }

    async fn after_failed_create(
        &self,
        contact: &Contact,
        plan: Plan,
        failure: &Failure,
    ) -> Verdicts {
        match failure.kind {
            Kind::Rejected => self.after_rejection(contact, plan, None, failure).await,
            Kind::NotFound | Kind::UnknownCampaign => {
                contact.park(ParkReason::UnknownCampaign, failure)
            }
            // It may have been done. What cannot be read is not created again before the next
            // invocation.
            Kind::Unavailable | Kind::Unanswered => match self.campaign.read(&contact.key).await {
                Ok(Some(actual)) => {
                    self.execute(contact, self.plan(contact, Some(&actual)), Some(actual))
                        .await
                }
                Ok(None) | Err(_) => contact.retry(failure),
            },
            _ => contact.retry(failure),
        }
    }

    /// Does what the plan says of a contact that exists.
    async fn execute(
        &self,
        contact: &Contact,
        mut plan: Plan,
        mut actual: Option<Actual>,
    ) -> Verdicts {
        let mut tries = 0;
        loop {
            let (data, callable, rank) = match &plan.action {
                Action::Update {
                    data,
                    callable,
                    rank,
                } => (data.clone(), *callable, *rank),
                Action::Skip(Skip::Unchanged) => return contact.done(&plan, Outcome::Unchanged),
                Action::Skip(Skip::Stale) => return contact.done(&plan, Outcome::Stale),
                // It existed a moment ago: the service lags.
                Action::Create { .. } => return contact.retry(&Failure::lagging()),
            };
            let Err(failure) = self
                .campaign
                .update(&contact.key, actual.as_ref(), data, callable, rank)
                .await
            else {
                return contact.done(&plan, Outcome::Updated);
            };
            match failure.kind {
                Kind::Rejected => {
                    return self.after_rejection(contact, plan, actual, &failure).await;
                }
                // It may have been done, or be done yet: read before any second write.
                Kind::Unavailable | Kind::Unanswered => {
                    tries += 1;
                    if !self.campaign.pause(tries).await {
                        return contact.retry(&failure);
                    }
                    actual = match self.campaign.read(&contact.key).await {
                        Ok(actual) => actual,
                        Err(failure) => return contact.retry(&failure),
                    };
                    plan = self.plan(contact, actual.as_ref());
                }
                _ => return self.failed(contact, &failure),
            }
        }
    }

    /// A write of this contact alone was refused for good. Folded changes are tried one by one,
    /// oldest first, so that a bad one does not take its neighbours along.
    pub(crate) async fn after_rejection(
        &self,
        contact: &Contact,
        plan: Plan,
        mut actual: Option<Actual>,
        failure: &Failure,
    ) -> Verdicts {
        if contact.changes.len() == 1 {
            let parked = self.park_rejected(contact, &mut actual, failure).await;
            return parked.unwrap_or_else(|failure| contact.retry(&failure));
        }
        self.one_by_one(contact, &plan.order, actual).await
    }

    /// Once one must be retried, so must all after it.
    async fn one_by_one(
        &self,
        contact: &Contact,
        order: &[usize],
        mut actual: Option<Actual>,
    ) -> Verdicts {
        let mut verdicts = Verdicts::new();
        let mut failed = None;
        for change in contact.one_by_one(order) {
            match &failed {
                Some(failure) => verdicts.extend(change.retry(failure)),
                None => match self.apply_alone(&change, &mut actual).await {
                    Ok(done) => verdicts.extend(done),
                    Err(failure) => {
                        verdicts.extend(change.retry(&failure));
                        failed = Some(failure);
                    }
                },
            }
        }
        verdicts
    }

    /// Applies one change and keeps `actual` true. An error: the change, and those after it, must
    /// be retried.
    async fn apply_alone(
        &self,
        change: &Contact,
        actual: &mut Option<Actual>,
    ) -> Result<Verdicts, Failure> {
        let plan = self.plan(change, actual.as_ref());
        match self.write_alone(change, &plan.action, actual).await {
            Ok(outcome) => Ok(change.done(&plan, outcome)),
            Err(failure) if failure.kind == Kind::Rejected => {
                self.park_rejected(change, actual, &failure).await
            }
            // It exists after all, or may by now: what it is like decides.
            Err(failure) if matches!(plan.action, Action::Create { .. }) => {
                *actual = match failure.kind {
                    Kind::Conflict => Some(self.touch(change).await?),
                    Kind::Unavailable | Kind::Unanswered => self.campaign.read(&change.key).await?,
                    _ => None,
                };
                if actual.is_none() {
                    return Err(failure);
                }
                let plan = self.plan(change, actual.as_ref());
                match self.write_alone(change, &plan.action, actual).await {
                    Ok(outcome) => Ok(change.done(&plan, outcome)),
                    Err(failure) if failure.kind == Kind::Rejected => {
                        self.park_rejected(change, actual, &failure).await
                    }
                    Err(failure) => Err(failure),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// One write for this contact alone; `actual` becomes what it leaves.
    async fn write_alone(
        &self,
        contact: &Contact,
        action: &Action,
        actual: &mut Option<Actual>,
    ) -> Result<Outcome, Failure> {
        let (written, outcome) = match action {
            Action::Skip(Skip::Unchanged) => return Ok(Outcome::Unchanged),
            Action::Skip(Skip::Stale) => return Ok(Outcome::Stale),
            Action::Create {
                data,
                callable,
                rank,
            } => {
                let new = NewContact {
                    key: &contact.key,
                    data,
                    callable: *callable,
                    rank: *rank,
                };
                self.post(new).await?;
                let callable = callable.unwrap_or(true);
                (
                    Actual {
                        data: data.clone(),
                        callable,
                        rank: *rank,
                    },
                    Outcome::Created,
                )
            }
            Action::Update {
                data,
                callable,
                rank,
            } => {
                let written = self
                    .campaign
                    .update(
                        &contact.key,
                        actual.as_ref(),
                        data.clone(),
                        *callable,
                        *rank,
                    )
                    .await?;
                (written, Outcome::Updated)
            }
        };
        *actual = Some(written);
        Ok(outcome)
    }

    /// Parks one change that was refused for good. If it says that nobody may call, that much of it
    /// is written first: an opt-out does not wait for a person. An error: that could not be written
    /// yet.
    async fn park_rejected(
        &self,
        change: &Contact,
        actual: &mut Option<Actual>,
        failure: &Failure,
    ) -> Result<Verdicts, Failure> {
        let is_callable = actual.as_ref().is_none_or(|actual| actual.callable);
        let plan = self.plan(change, actual.as_ref());
        let lowering = |rank: Option<Rank>| match plan.action {
            Action::Create {
                callable: Some(false),
                ..
            } => Some(Action::Create {
                data: Columns::default(),
                callable: Some(false),
                rank,
            }),
            Action::Update {
                callable: Some(false),
                ..
            } if is_callable => Some(Action::Update {
                data: Columns::default(),
                callable: Some(false),
                rank,
            }),
            _ => None,
        };
        // With the rank, so that nothing older undoes it; without, should that be what is refused.
        let (Action::Create { rank, .. } | Action::Update { rank, .. }) = plan.action else {
            return Ok(change.park(ParkReason::Rejected, failure));
        };
        for rank in [rank, None] {
            let Some(lowering) = lowering(rank) else {
                break;
            };
            match self.write_alone(change, &lowering, actual).await {
                Ok(_) => break,
                Err(failure) if failure.kind == Kind::Rejected => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(change.park(ParkReason::Rejected, failure))
    }

    /// The contact could not be read, or written for a reason that is not its own.
    pub(crate) fn failed(&self, contact: &Contact, failure: &Failure) -> Verdicts {
        match failure.kind {
            Kind::Rejected => contact.park(ParkReason::Rejected, failure),
            Kind::UnknownCampaign => contact.park(ParkReason::UnknownCampaign, failure),
            _ => contact.retry(failure),
        }
    }
}

fn new_contact<'a>(contact: &'a Contact, plan: &'a Plan) -> Option<NewContact<'a>> {
    match &plan.action {
        Action::Create {
            data,
            callable,
            rank,
        } => Some(NewContact {
            key: &contact.key,
            data,
            callable: *callable,
            rank: *rank,
        }),
        _ => None,
    }
}
