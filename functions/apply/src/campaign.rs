//! The contacts of one campaign: gather, plan, execute. All that is decided here is what to read again.

use domain::batch::{Outcome, ParkReason};
use domain::change::{CampaignId, OrgId};
use domain::contact::Contact as Actual;
use domain::plan::{Action, Plan, Skip};
use futures_util::future::{join, join_all};
use io::genesys::{Campaign, Failure, Kind, NewContact};
use io::secrets::OrgSecret;
use io::telemetry::Event;

use crate::contact::{Contact, Verdicts};
use crate::{Context, Defect};

/// One campaign of one invocation.
pub(crate) struct Work<'a> {
    pub(crate) context: &'a Context,
    pub(crate) org: &'a OrgId,
    pub(crate) campaign: &'a Campaign,
    pub(crate) id: &'a CampaignId,
    pub(crate) rules: &'a OrgSecret,
}

impl Work<'_> {
    /// Two round trips where nothing fails: all reads side by side, then all writes.
    pub(crate) async fn apply(&self, contacts: Vec<Contact>) -> Verdicts {
        let actuals = join_all(contacts.iter().map(|contact| self.campaign.read(&contact.key))).await;
        let mut verdicts = Verdicts::new();
        let (mut creates, mut others) = (Vec::new(), Vec::new());
        for (contact, actual) in contacts.iter().zip(actuals) {
            match actual {
                Ok(actual) => {
                    let plan = self.plan(contact, actual.as_ref());
                    match plan.action {
                        Action::Create { .. } => creates.push((contact, plan)),
                        _ => others.push((contact, plan, actual)),
                    }
                }
                Err(failure) => verdicts.extend(self.failed(contact, &failure)),
            }
        }
        let others = others.into_iter().map(|(contact, plan, actual)| self.execute(contact, plan, actual));
        let (created, other) = join(self.create_all(creates), join_all(others)).await;
        verdicts.extend(created);
        verdicts.extend(other.into_iter().flatten());
        verdicts
    }

    fn plan(&self, contact: &Contact, actual: Option<&Actual>) -> Plan {
        contact.plan(self.context, self.rules, actual)
    }

    /// All creates of the campaign in one POST.
    async fn create_all(&self, creates: Vec<(&Contact, Plan)>) -> Verdicts {
        if creates.is_empty() {
            return Verdicts::new();
        }
        let is_alone = creates.len() == 1;
        let posted = self.post(creates.iter().map(|(contact, plan)| (*contact, plan))).await;
        let verdicts = creates.into_iter().map(async |(contact, plan)| match &posted {
            Ok(()) => contact.done(&plan, Outcome::Created),
            Err(failure) if failure.kind == Kind::Conflict => self.after_conflict(contact, is_alone).await,
            Err(failure) if failure.kind == Kind::Rejected && !is_alone => self.create_alone(contact, plan).await,
            Err(failure) => self.after_failed_create(contact, plan, failure).await,
        });
        join_all(verdicts).await.into_iter().flatten().collect()
    }

    async fn post<'b>(&self, creates: impl Iterator<Item = (&'b Contact, &'b Plan)>) -> Result<(), Failure> {
        let contacts: Vec<_> = creates
            .filter_map(|(contact, plan)| match &plan.action {
                Action::Create { data, callable, rank } => {
                    Some(NewContact { key: &contact.key, data, callable: *callable, rank: *rank })
                }
                _ => None,
            })
            .collect();
        let posted = self.campaign.create(&contacts).await;
        match &posted {
            Err(failure) if failure.kind == Kind::Conflict => {
                let (org, campaign) = (self.org.as_str(), self.id.as_str());
                self.context.shared.telemetry.tell(&Event::Conflict { org, campaign });
                if self.context.has(Defect::Conflict) { Ok(()) } else { posted }
            }
            _ => posted,
        }
    }

    /// A POST with this key was refused because of a key that exists: nothing was stored. `is_refused`: of this very key.
    async fn after_conflict(&self, contact: &Contact, is_refused: bool) -> Verdicts {
        match self.campaign.read(&contact.key).await {
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

    /// A key that is refused and cannot be read exists. A PATCH of nothing alters nothing and shows the contact.
    async fn after_refused_key(&self, contact: &Contact) -> Verdicts {
        match self.campaign.update(&contact.key, Default::default(), None, None).await {
            Ok(actual) => self.execute(contact, self.plan(contact, Some(&actual)), Some(actual)).await,
            Err(failure) => contact.retry(&failure),
        }
    }

    async fn create_alone(&self, contact: &Contact, plan: Plan) -> Verdicts {
        match self.post([(contact, &plan)].into_iter()).await {
            Ok(()) => contact.done(&plan, Outcome::Created),
            Err(failure) if failure.kind == Kind::Conflict => self.after_refused_key(contact).await,
            Err(failure) => self.after_failed_create(contact, plan, &failure).await,
        }
    }

    async fn after_failed_create(&self, contact: &Contact, plan: Plan, failure: &Failure) -> Verdicts {
        match failure.kind {
            Kind::Rejected => self.after_rejection(contact, plan, None, failure).await,
            Kind::NotFound => contact.park(ParkReason::UnknownCampaign, failure),
            // It may have been done. What cannot be read is not created again before the next invocation.
            Kind::Unavailable | Kind::Unanswered => match self.campaign.read(&contact.key).await {
                Ok(Some(actual)) => self.execute(contact, self.plan(contact, Some(&actual)), Some(actual)).await,
                Ok(None) | Err(_) => contact.retry(failure),
            },
            _ => contact.retry(failure),
        }
    }

    /// Does what the plan says of a contact that exists.
    async fn execute(&self, contact: &Contact, mut plan: Plan, mut actual: Option<Actual>) -> Verdicts {
        let mut tries = 0;
        loop {
            let (data, callable, rank) = match &plan.action {
                Action::Update { data, callable, rank } => (data.clone(), *callable, *rank),
                Action::Skip(Skip::Unchanged) => return contact.done(&plan, Outcome::Unchanged),
                Action::Skip(Skip::Stale) => return contact.done(&plan, Outcome::Stale),
                // It existed a moment ago: the service lags.
                Action::Create { .. } => return contact.retry(&Failure::lagging()),
            };
            let Err(failure) = self.campaign.update(&contact.key, data, callable, rank).await else {
                return contact.done(&plan, Outcome::Updated);
            };
            match failure.kind {
                Kind::Rejected => return self.after_rejection(contact, plan, actual, &failure).await,
                // It may have been done, or be done yet: read before any second write.
                Kind::Unanswered => {
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
                _ => return contact.retry(&failure),
            }
        }
    }

    /// A write of this contact alone was refused for good. Folded changes are tried one by one, oldest first, so that a
    /// bad one does not take its neighbours along.
    async fn after_rejection(
        &self,
        contact: &Contact,
        plan: Plan,
        mut actual: Option<Actual>,
        failure: &Failure,
    ) -> Verdicts {
        if contact.changes.len() == 1 {
            return contact.park(ParkReason::Rejected, failure);
        }
        let mut verdicts = Verdicts::new();
        let mut failed = None;
        for change in contact.one_by_one(&plan) {
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

    /// Applies one change and keeps `actual` true. An error: the change, and those after it, must be retried.
    async fn apply_alone(&self, change: &Contact, actual: &mut Option<Actual>) -> Result<Verdicts, Failure> {
        let plan = self.plan(change, actual.as_ref());
        let (written, outcome) = match &plan.action {
            Action::Skip(Skip::Unchanged) => return Ok(change.done(&plan, Outcome::Unchanged)),
            Action::Skip(Skip::Stale) => return Ok(change.done(&plan, Outcome::Stale)),
            Action::Create { data, callable, rank } => {
                let contact = Actual { data: data.clone(), callable: callable.unwrap_or(true), rank: *rank };
                (self.post([(change, &plan)].into_iter()).await.map(|()| contact), Outcome::Created)
            }
            Action::Update { data, callable, rank } => {
                (self.campaign.update(&change.key, data.clone(), *callable, *rank).await, Outcome::Updated)
            }
        };
        match written {
            Ok(contact) => {
                *actual = Some(contact);
                Ok(change.done(&plan, outcome))
            }
            Err(failure) if failure.kind == Kind::Rejected => Ok(change.park(ParkReason::Rejected, &failure)),
            Err(failure) => Err(failure),
        }
    }

    /// The contact could not be read.
    fn failed(&self, contact: &Contact, failure: &Failure) -> Verdicts {
        match failure.kind {
            Kind::Rejected => contact.park(ParkReason::Rejected, failure),
            _ => contact.retry(failure),
        }
    }
}
