//! Applies the changes of one org: logs in, opens its campaigns, and drives its contacts.
//!
//! If the org or a campaign cannot be worked on now, its changes are given back to the queue at
//! once. How contacts are driven is in [`crate::drive`], and whether an org or a campaign may be
//! called is decided in [`domain::health`].

use std::sync::Arc;

use domain::attempt::Verdicts;
use domain::batch::Verdict;
use domain::change::{CampaignId, OrgId};
use domain::failure::Failure;
use domain::health::Prober;
use domain::retry::Cause;
use futures_util::future::join_all;
use io::genesys::{Org, Run};
use io::secrets::OrgSecret;

use crate::Context;
use crate::attempts::{give_back, look_again};
use crate::drive::Drive;
use crate::gather::ContactsByCampaign;

/// Applies the changes of one org, and returns their verdicts. A change has no verdict if its code
/// panicked. Orgs run side by side and do not wait for each other.
pub(crate) async fn apply(
    context: &Context,
    run: Run,
    draw: f64,
    id: OrgId,
    campaigns: ContactsByCampaign,
) -> Verdicts {
    let org = context.genesys.org(&id);
    let mut verdicts = Verdicts::new();
    let campaigns = those_in_turn(&org, campaigns, &mut verdicts);
    if campaigns.is_empty() {
        return verdicts;
    }
    let since = context.shared.clock.now();
    let prober = prober(context, draw, &campaigns);
    let secret = match log_in(context, &org, &run, prober).await {
        Ok(secret) => secret,
        Err(failure) => {
            verdicts.extend(give_back(campaigns.into_values().flatten(), &failure));
            return verdicts;
        }
    };
    let mut drive = Drive {
        context,
        run,
        org: Arc::clone(&org),
        since,
        secret,
        draw,
        campaigns: Vec::new(),
        contacts: Vec::new(),
    };
    let opened = campaigns.into_iter().map(async |(id, contacts)| {
        let may = org.may_begin_with(&id, prober);
        let opened = drive.open(&id, may).await;
        if let Ok(campaign) = &opened {
            look_again(campaign, &contacts).await;
        }
        (id, contacts, may, opened)
    });
    let opened = join_all(opened).await;
    for (id, contacts, may, opened) in opened {
        match opened {
            Ok(campaign) => drive.add(id, campaign, may, contacts),
            Err(failure) => {
                let mut given_back = give_back(contacts, &failure);
                set_missing_for(&org, &id, &mut given_back);
                verdicts.extend(given_back);
            }
        }
    }
    verdicts.extend(drive.finish().await);
    verdicts
}

/// The campaigns whose turn it is. The contacts of the others are given back.
fn those_in_turn(
    org: &Org,
    campaigns: ContactsByCampaign,
    verdicts: &mut Verdicts,
) -> ContactsByCampaign {
    let mut in_turn = ContactsByCampaign::new();
    for (id, contacts) in campaigns {
        match org.is_turn_of(&id) {
            Ok(()) => {
                in_turn.insert(id, contacts);
            }
            Err(failure) => verdicts.extend(give_back(contacts, &failure)),
        }
    }
    in_turn
}

/// Logs in to the org, if it may be called.
async fn log_in(
    context: &Context,
    org: &Org,
    run: &Run,
    prober: Prober,
) -> Result<Arc<OrgSecret>, Failure> {
    org.may_begin(prober)?;
    let began = context.shared.clock.now();
    let secret = org.open(run).await;
    if secret.is_err() {
        // Waiting for the secret or the token held up the others.
        org.record_driven(began);
    }
    secret
}

/// Whether this invocation may probe a service that hangs. One copy in several may, and every
/// invocation with an opt-out, so that opt-outs get through as soon as anything does.
fn prober(context: &Context, draw: f64, campaigns: &ContactsByCampaign) -> Prober {
    let mut changes = campaigns.values().flatten().flat_map(|of| &of.changes);
    if changes.any(|(_, change)| change.operation.opts_out()) {
        Prober::OptOut
    } else if draw * f64::from(context.shared.config.apply_concurrency) < 1.0 {
        Prober::Drawn
    } else {
        Prober::None
    }
}

/// Adds to each retry how long the campaign has been missing. `settle` parks the change once that
/// is too long.
pub(crate) fn set_missing_for(org: &Org, campaign: &CampaignId, verdicts: &mut Verdicts) {
    for (_, verdict) in verdicts {
        if let Verdict::Retry(retry) = verdict
            && retry.cause == Cause::Missing
        {
            retry.missing_for = org.record_missing(campaign);
        }
    }
}
