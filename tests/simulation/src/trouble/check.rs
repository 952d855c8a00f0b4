//! Checks a run of a trouble: nobody else waits for it, and what waited is done soon after it.
//!
//! The story is made up in `super`.

use std::time::Duration;

use jiff::SignedDuration;

use super::TroubleKind;
use crate::seams::Outside;
use crate::story::start;
use crate::{lock, wire};

/// How long an opt-out of an org without trouble may wait.
const OPT_OUT: Duration = Duration::from_secs(30);
/// How long any other change of such an org may wait.
const CHANGE: Duration = Duration::from_mins(1);
/// How long an opt-out may wait in an org whose budget is too small for all that waits.
const OPT_OUT_OF_A_BACKLOG: Duration = Duration::from_mins(2);
/// How long after the end of the trouble a change that waited for it may take.
const HEALED: Duration = Duration::from_mins(30);
/// How often a change may be received.
const RECEIVES: u64 = 120;

/// Checks such a run once it is over.
pub(crate) fn check(outside: &Outside) {
    let Some(trouble) = outside.story.trouble else {
        return;
    };
    let seen = lock(&outside.seen);
    let mut violations = Vec::new();
    let healed = start() + trouble.since + trouble.time;
    for (id, stored) in &seen.stored_at {
        // The bodies of these messages hold no readable event id.
        if trouble.kind == TroubleKind::HangingParking && id == wire::UNREADABLE {
            continue;
        }
        let Some(reported) = seen.reported_at.get(id) else {
            violations.push("live: a change never ended");
            continue;
        };
        let waited = |since| Duration::try_from(reported.duration_since(since)).unwrap_or_default();
        let is_late = |bound| waited(*stored) > bound;
        if id.starts_with("well-out") && is_late(OPT_OUT) {
            violations.push("live: an opt-out waits for the trouble of somebody else");
        } else if id.starts_with("well") && is_late(CHANGE) {
            violations.push("live: a change waits for the trouble of somebody else");
        } else if id.starts_with("backlog-out") && is_late(OPT_OUT_OF_A_BACKLOG) {
            violations.push("live: an opt-out waits behind a backlog");
        } else if id.starts_with("ill")
            && trouble.kind != TroubleKind::SmallBudget
            && waited(healed.max(*stored)) > HEALED
        {
            violations.push("live: a change waits for long after the trouble is over");
        }
    }
    if trouble.kind == TroubleKind::SmallBudget {
        violations.extend(unused_calls(outside, &seen.reported_at, &seen.stored_at));
    }
    if !seen.parked.is_empty() && trouble.kind != TroubleKind::HangingParking {
        violations.push("live: a change is parked for a trouble that passes");
    }
    if seen.receives > RECEIVES {
        violations.push("live: a change is received too often");
    }
    // Each of the five orgs reports its trouble once for each copy, and their host twice.
    if seen.ill_reports > 7 * outside.story.copies {
        violations.push("live: a trouble is reported again and again");
    }
    drop(seen);
    for violation in violations {
        outside.violated(violation.to_owned());
    }
}

type Times = std::collections::BTreeMap<String, jiff::Timestamp>;

/// Finds calls that are left unused while changes wait. All changes together must not take much
/// longer than the budget needs for them.
fn unused_calls(outside: &Outside, reported: &Times, stored: &Times) -> Option<&'static str> {
    let org = &outside.story.orgs[1];
    let of_org = || stored.iter().filter(|(id, _)| id.contains("-1-"));
    let changes = of_org().count() as u64;
    // Each change takes a read and a write, but contact lists take ten changes in a batch.
    let calls = if org.uses_lists {
        changes / 4
    } else {
        changes * 2
    };
    let budgets = if outside.story.counts_each_token {
        outside.story.copies as u64
    } else {
        1
    };
    let needed = Duration::from_secs(60 * calls / (org.calls_per_minute * budgets));
    let first = of_org().map(|(_, at)| *at).min()?;
    let backlog = stored.keys().filter(|id| id.starts_with("ill"));
    let last = backlog.filter_map(|id| reported.get(id)).max()?;
    let took = last.duration_since(first);
    let bound = SignedDuration::try_from(needed.mul_f64(1.3) + Duration::from_mins(3)).ok()?;
    (took > bound).then_some("live: calls are left while changes wait")
}
