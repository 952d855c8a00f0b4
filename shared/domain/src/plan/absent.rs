//! Plans changes that may not create their contact (docs/design.md "Who is not in the campaign").
//! How absence is known is decided in [`crate::attempt`]; all other plans are made in [`super`].

use std::borrow::Cow;

use super::{Action, Part, Plan, RankedChange, Skip, Wishes, order, plan_all};
use crate::change::{IfAbsent, Operation};
use crate::contact::Contact;
use crate::version::Version;

/// Plans changes of which some may not create the contact. Each change counts if the changes before
/// it leave a contact, and otherwise only as far as it may count without one. So a fold has the
/// same effect as its changes one by one.
pub(super) fn plan(changes: &[RankedChange<'_>], actual: Option<&Contact>, wishes: Wishes) -> Plan {
    let order = order(changes);
    let (counting, skipped_opt_ins) = counting(changes, &order, actual, wishes);
    let run: Vec<_> = (counting.iter())
        .map(|(i, operation)| RankedChange {
            operation,
            ..changes[*i]
        })
        .collect();
    let by_opt_out = run
        .first()
        .is_some_and(|first| first.if_absent != IfAbsent::Create);
    let mut parts = vec![Part::Skipped; changes.len()];
    if run.is_empty() {
        let (action, kept) = (Action::Skip(Skip::Absent), Vec::new());
        return Plan {
            action,
            parts,
            kept,
            skipped_opt_ins,
            order,
        };
    }
    let as_given = (0..run.len()).collect();
    let plan = plan_all(&run, as_given, actual, wishes, by_opt_out);
    for ((i, _), part) in counting.iter().zip(plan.parts) {
        parts[*i] = part;
    }
    let kept = plan.kept.iter().map(|&place| counting[place].0);
    let mut kept: Vec<_> = kept.collect();
    kept.sort_by_key(|i| order.iter().position(|of| of == i));
    Plan {
        action: plan.action,
        parts,
        kept,
        skipped_opt_ins,
        order,
    }
}

/// The parts of the changes that count, in order and with the indices of their changes, and the
/// indices of the opt-ins that are skipped.
fn counting<'a>(
    changes: &[RankedChange<'a>],
    order: &[usize],
    actual: Option<&Contact>,
    wishes: Wishes,
) -> (Vec<(usize, Cow<'a, Operation>)>, Vec<usize>) {
    let mut left = actual.map(Cow::Borrowed);
    let (mut counting, mut skipped_opt_ins) = (Vec::new(), Vec::new());
    let mut column = None;
    for (nth, &i) in order.iter().enumerate() {
        let operation = counted_part(&changes[i], left.as_deref());
        let says = operation.as_ref().and_then(|of| of.callable());
        if changes[i].operation.callable() == Some(true) && says.is_none() {
            skipped_opt_ins.push(i);
        }
        let Some(operation) = operation else {
            continue;
        };
        let is_last = nth + 1 == order.len();
        if !is_last {
            let one = [RankedChange {
                operation: &operation,
                ..changes[i]
            }];
            let by_opt_out = changes[i].if_absent != IfAbsent::Create;
            let action = plan_all(&one, vec![0], left.as_deref(), wishes, by_opt_out).action;
            let mut next = action.result(left.as_deref());
            if let (Some(actual), Some(next)) = (actual, &mut next) {
                stores_its_version(actual, next, &mut column);
            }
            left = next.map(Cow::Owned);
        }
        counting.push((i, operation));
    }
    (counting, skipped_opt_ins)
}

/// Puts the version of a contact into the column that holds it, so that the old text is not taken
/// for a column of the CRM. It is the column that holds the version of the contact as it was read.
/// If several columns hold that text, one of them comes from the CRM and shows that the person is
/// in the campaign.
fn stores_its_version<'a>(
    actual: &'a Contact,
    left: &mut Contact,
    column: &mut Option<&'a String>,
) {
    if column.is_none() && actual.version != Version::default() {
        let is_unaltered = |(name, text): &(&String, &String)| {
            Version::from_text(text) == actual.version && left.data.get(*name) == Some(*text)
        };
        let mut like_it = actual.data.iter().filter(is_unaltered);
        if let (Some((name, _)), None) = (like_it.next(), like_it.next()) {
            *column = Some(name);
        }
    }
    if let Some(name) = column {
        let text = left.version.to_string();
        left.data.insert((*name).clone(), text);
    }
}

/// The part of a change that counts, given the contact that the earlier changes leave. `None` means
/// that the change is skipped. If the person is not in the campaign, only the opt-out counts and no
/// column is written, so that the contact is not mistaken for one of the campaign.
fn counted_part<'a>(
    change: &RankedChange<'a>,
    left: Option<&Contact>,
) -> Option<Cow<'a, Operation>> {
    let is_there = left.is_some_and(|contact| !contact.is_hollow());
    match change.if_absent {
        IfAbsent::Create => Some(Cow::Borrowed(change.operation)),
        _ if is_there => Some(Cow::Borrowed(change.operation)),
        IfAbsent::Skip if change.operation.opts_out() => {
            Some(Cow::Owned(change.operation.opt_out_alone()))
        }
        IfAbsent::Skip | IfAbsent::SkipOptOut => None,
    }
}
