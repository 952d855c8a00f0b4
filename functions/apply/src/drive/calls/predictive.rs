//! Calls by `predictive`: one call for each contact, except that one POST creates many. The other
//! API is in `lists`, and the requests are written in `io::genesys::predictive`.

use std::sync::Arc;

use domain::attempt::{Attempt, Step, StepResult};
use domain::contact::Columns;
use domain::failure::Kind;
use io::genesys::{MOST_CREATED, NewContact, Predictive};
use io::telemetry::Event;

use super::{Call, CreateMode, ToMake, ToWrite, guarded, is_create, is_lower, is_read, is_update};
use crate::Defect;
use crate::drive::{Drive, Under};

impl Drive<'_> {
    /// Launches the steps of a campaign by `predictive`: a call for each contact, and one POST for
    /// all creates.
    pub(super) fn each(
        &mut self,
        campaign: usize,
        predictive: &Arc<Predictive>,
        calls: &mut Vec<Call>,
    ) {
        for made in self.take(campaign, Under::Read, is_read) {
            calls.push(guarded(
                vec![made.place],
                read(Arc::clone(predictive), made),
            ));
        }
        let creates = self.creates(campaign, calls);
        if let CreateMode::Probe(place) = creates
            && let Some(probe) = self.take_one(place)
        {
            calls.push(self.create(campaign, predictive, vec![probe]));
        }
        if creates == CreateMode::All {
            let is_alone =
                |step: &Step, _: &Attempt| matches!(step, Step::Create { alone: true, .. });
            for made in self.take(campaign, Under::Write, is_alone) {
                let created = self.to_write(made).into_iter().collect();
                calls.push(self.create(campaign, predictive, created));
            }
        }
        if creates == CreateMode::All && !self.is_reading(campaign) {
            let made = self.take(campaign, Under::Create, is_create).into_iter();
            let created: Vec<_> = made.filter_map(|made| self.to_write(made)).collect();
            for created in self.in_calls(campaign, created, MOST_CREATED) {
                calls.push(self.create(campaign, predictive, created));
            }
        }
        let mut patches = self.take(campaign, Under::Lower, is_lower);
        patches.extend(self.take(campaign, Under::Write, is_update));
        for made in patches {
            calls.push(guarded(
                vec![made.place],
                update(Arc::clone(predictive), made),
            ));
        }
    }

    /// A POST of several contacts.
    fn create(&self, campaign: usize, predictive: &Arc<Predictive>, created: Vec<ToWrite>) -> Call {
        let (predictive, org) = (Arc::clone(predictive), Arc::clone(&self.org));
        let (campaign, telemetry) = (
            self.campaigns[campaign].id.clone(),
            self.context.shared.telemetry.clone(),
        );
        let hides_conflicts = self.context.has(Defect::Conflict);
        let places = created.iter().map(|contact| contact.place).collect();
        guarded(places, async move {
            let held: Vec<_> = created
                .iter()
                .map(|contact| held(&contact.write.data))
                .collect();
            let new = created.iter().zip(&held).map(|(contact, data)| NewContact {
                key: &contact.key,
                data,
                callable: contact.write.callable,
                version: contact.write.version,
            });
            let new: Vec<_> = new.collect();
            let posted = predictive.create(&new).await;
            let is_conflict = matches!(&posted, Err(failure) if failure.kind == Kind::Conflict);
            if is_conflict {
                let (org, campaign) = (org.id().as_str(), campaign.as_str());
                telemetry.tell(&Event::Conflict { org, campaign });
            }
            let is_alone = created.len() == 1;
            let seen = match posted {
                Ok(()) => StepResult::Written(None),
                Err(_) if is_conflict && hides_conflicts => StepResult::Written(None),
                Err(failure)
                    if !is_alone && matches!(failure.kind, Kind::Conflict | Kind::Rejected) =>
                {
                    StepResult::RejectedTogether(failure)
                }
                Err(failure) => StepResult::Failed(failure),
            };
            vec![seen; created.len()]
        })
    }
}

async fn read(predictive: Arc<Predictive>, made: ToMake) -> Vec<StepResult> {
    let seen = if made.step == Step::Probe {
        let nothing = predictive
            .update(&made.key, Columns::default(), None, None)
            .await;
        nothing.map_or_else(StepResult::Failed, |actual| {
            StepResult::Contact(Some(actual))
        })
    } else {
        predictive
            .read(&made.key)
            .await
            .map_or_else(StepResult::Failed, StepResult::Contact)
    };
    vec![seen]
}

async fn update(predictive: Arc<Predictive>, made: ToMake) -> Vec<StepResult> {
    let (data, callable, version) = match made.step {
        Step::Update(write) => (write.data, write.callable, write.version),
        _ => (Columns::default(), Some(false), None),
    };
    let written = predictive.update(&made.key, data, callable, version).await;
    vec![written.map_or_else(StepResult::Failed, |actual| {
        StepResult::Written(Some(actual))
    })]
}

/// The columns of a create, in which there is nothing to clear.
fn held(data: &Columns<Option<String>>) -> Columns<String> {
    let held = data
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    Columns(held.collect())
}
