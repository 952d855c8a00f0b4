//! Reads the opt-outs in items that break a rule, before the items are parked.

use domain::Change;
use domain::change::Sender;
use domain::json::Members;
use jiff::Timestamp;
use serde_json::value::RawValue;

/// The opt-outs in a body that cannot be taken apart. The body may be a list of changes, one
/// change, or events that hold changes.
pub(super) fn opt_outs(sender: &Sender, text: &str, now: Timestamp) -> Vec<Change> {
    let mut salvaged = Vec::new();
    let mut texts = vec![(text, 0)];
    while let Some((text, depth)) = texts.pop() {
        if let Ok(all) = serde_json::from_str::<Vec<&RawValue>>(text) {
            texts.extend(
                all.iter()
                    .map(|raw| (raw.get(), depth + 1))
                    .filter(|_| depth < DEEPEST),
            );
            continue;
        }
        salvaged.extend(opt_out(sender, text, now));
        let members: Result<Members<'_>, _> = serde_json::from_str(text);
        for (name, raw) in members.iter().flat_map(|members| &members.0) {
            if matches!(name.as_ref(), "changes" | "data") && depth < DEEPEST {
                texts.push((raw.get(), depth + 1));
            }
        }
    }
    salvaged.reverse();
    salvaged
}

/// The opt-outs in an item: that of the change, or those of a list of changes.
pub(super) fn opt_outs_of_item(sender: &Sender, text: &str, now: Timestamp) -> Vec<Change> {
    if text.trim_start().starts_with('[') {
        return opt_outs(sender, text, now);
    }
    opt_out(sender, text, now).into_iter().collect()
}

/// How deep a change may be nested in lists and events.
const DEEPEST: usize = 4;

/// The opt-out of a change, without the rest of it. `None` means that there is none, or that the
/// change does not say which contact it is about.
pub(super) fn opt_out(sender: &Sender, text: &str, now: Timestamp) -> Option<Change> {
    Change::salvaged_opt_out(text, |text| Change::parse_from(sender, text, now))
}
