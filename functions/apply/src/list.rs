//! The contacts of one campaign by the contact list API: gather, plan, and one POST for creates and
//! updates together.

use domain::batch::Outcome;
use domain::change::Change;
use domain::contact::{Columns, Contact as Actual};
use domain::plan::{Action, Plan, Skip};
use domain::rules::unknown_columns;
use futures_util::future::join;
use io::genesys::{CallsLeft, ContactList, Kind, Write};

use crate::campaign::Work;
use crate::contact::{Contact, Verdicts};
use crate::set_aside::SetAside;

impl Work<'_> {
    /// Two calls where nothing fails: one reads all contacts, one writes what differs.
    pub(crate) async fn apply_to_list(
        &self,
        list: &ContactList,
        mut contacts: Vec<Contact>,
    ) -> Verdicts {
        let unknown = |change: &Change| unknown_columns(change, |name| list.has_column(name));
        if contacts
            .iter()
            .flat_map(|contact| &contact.changes)
            .any(|(_, change)| unknown(change).is_some())
        {
            // Parking is for good: not on what may be ten minutes old.
            list.look_again().await;
        }
        // Before a refused POST takes their neighbours along.
        let (mut set_aside, now) = (SetAside::default(), self.context.shared.clock.now());
        for contact in &mut contacts {
            set_aside.take(contact, &self.secret.rules, now, unknown);
        }
        contacts.retain(|contact| !contact.changes.is_empty());
        let (in_order, contacts) = contacts.into_iter().partition(Contact::holds_reset);
        let (in_order, mut verdicts) = join(
            self.apply_in_order(in_order),
            self.apply_together(list, contacts),
        )
        .await;
        verdicts.extend(in_order);
        set_aside.settle(verdicts)
    }

    async fn apply_together(&self, list: &ContactList, mut contacts: Vec<Contact>) -> Verdicts {
        let mut verdicts = Verdicts::new();
        let mut tries = 0;
        while !contacts.is_empty() {
            let (done, unanswered) = self.try_list(list, contacts).await;
            verdicts.extend(done);
            tries += 1;
            // It may have been done, or be done yet: read before any second write.
            if unanswered.is_empty() || self.campaign.pause(tries).await {
                contacts = unanswered.into_iter().map(|(contact, _)| contact).collect();
                continue;
            }
            verdicts.extend(
                unanswered
                    .iter()
                    .flat_map(|(contact, failure)| contact.retry(failure)),
            );
            break;
        }
        verdicts
    }

    /// One read and one write. Answers also the contacts whose write may have been done.
    async fn try_list(
        &self,
        list: &ContactList,
        contacts: Vec<Contact>,
    ) -> (Verdicts, Vec<(Contact, io::genesys::Failure)>) {
        let asking = self.org.asking().await;
        if let Some(failure) = self.must_wait(&contacts) {
            return (
                contacts
                    .iter()
                    .flat_map(|contact| contact.retry(&failure))
                    .collect(),
                Vec::new(),
            );
        }
        let asking = (self.calls_left() == CallsLeft::Unknown).then_some(asking);
        let reserved = self.org.reserve(1);
        let keys: Vec<_> = contacts.iter().map(|contact| &contact.key).collect();
        let actuals = list.read(&keys).await;
        drop(asking);
        let mut verdicts = Verdicts::new();
        let mut planned = Vec::new();
        for (contact, actual) in contacts.into_iter().zip(actuals) {
            match actual {
                Err(failure) => verdicts.extend(self.failed(&contact, &failure)),
                Ok(actual) => {
                    let plan = self.plan(&contact, actual.as_ref());
                    match plan.action {
                        Action::Skip(Skip::Unchanged) => {
                            verdicts.extend(contact.done(&plan, Outcome::Unchanged))
                        }
                        Action::Skip(Skip::Stale) => {
                            verdicts.extend(contact.done(&plan, Outcome::Stale))
                        }
                        _ => planned.push((contact, plan, actual)),
                    }
                }
            }
        }
        if planned.is_empty() {
            return (verdicts, Vec::new());
        }
        let writes: Vec<_> = planned
            .iter()
            .filter_map(|(contact, plan, actual)| write(contact, plan, actual.as_ref()))
            .collect();
        drop(reserved);
        let written = list.write(&writes).await;
        let mut unanswered = Vec::new();
        for ((contact, plan, actual), written) in planned.into_iter().zip(written) {
            let outcome = if actual.is_none() {
                Outcome::Created
            } else {
                Outcome::Updated
            };
            match written {
                Ok(_) => verdicts.extend(contact.done(&plan, outcome)),
                Err(failure) => match failure.kind {
                    Kind::Rejected => verdicts
                        .extend(self.after_rejection(&contact, plan, actual, &failure).await),
                    Kind::Unavailable | Kind::Unanswered => unanswered.push((contact, failure)),
                    _ => verdicts.extend(self.failed(&contact, &failure)),
                },
            }
        }
        (verdicts, unanswered)
    }
}

fn write<'a>(contact: &'a Contact, plan: &Plan, actual: Option<&'a Actual>) -> Option<Write<'a>> {
    let (data, callable, rank) = match &plan.action {
        Action::Create {
            data,
            callable,
            rank,
        } => {
            let data = data
                .iter()
                .map(|(name, value)| (name.clone(), Some(value.clone())))
                .collect();
            (Columns(data), *callable, *rank)
        }
        Action::Update {
            data,
            callable,
            rank,
        } => (data.clone(), *callable, *rank),
        Action::Skip(_) => return None,
    };
    Some(Write {
        key: &contact.key,
        actual,
        data,
        callable,
        rank,
    })
}
