//! The report as one JSON object, for `--json`.

use std::collections::BTreeMap;

use domain::change::MessageGroup;
use domain::drift::{Difference, Drift};
use reconcile::Found;
use serde_json::{Value, json};

use super::Report;

impl Report {
    pub(crate) fn json(&self) -> Result<String, String> {
        let mut report = serde_json::to_value(&self.answer).map_err(|error| error.to_string())?;
        report["columns"] = json!(self.columns);
        report["toBeLowered"] = self.to_be_lowered.into();
        report["channelsToBeLowered"] = json!(self.channels);
        report["numbersToBeLowered"] = json!(self.numbers);
        report["toBeRaised"] = self.to_be_raised.into();
        report["leftUncallable"] = self.left_uncallable.into();
        report["rankAlone"] = self.rank_alone.into();
        let left_out = self.left_out.iter();
        let left_out: BTreeMap<_, _> = left_out
            .map(|(reason, contacts)| (reason.as_str(), contacts))
            .collect();
        report["leftOut"] = json!(left_out);
        if self.answer.unknown_to_crm.is_some() {
            let unknown = self.unknown.iter().map(MessageGroup::as_str);
            report["unknownContacts"] = unknown.collect();
        }
        let ahead = self.ahead.iter().map(MessageGroup::as_str);
        report["aheadContacts"] = ahead.collect();
        report["faultyContacts"] = json!(self.faulty);
        report["stoppedBy"] = self.why.clone().into();
        if self.answer.dry_run {
            report["contacts"] = self.found.iter().map(shown).collect();
        }
        serde_json::to_string_pretty(&report).map_err(|error| error.to_string())
    }
}

/// A contact that is missing or different, and in what.
fn shown(found: &Found) -> Value {
    let none = Difference::default();
    let difference = match &found.drift {
        Drift::Different(difference) => difference,
        _ => &none,
    };
    let is_missing = found.drift == Drift::Missing;
    let lowers = &difference.lowers;
    let channels: Vec<_> = lowers.channels.iter().map(|of| of.as_str()).collect();
    json!({
        "group": found.group.as_str(), "missing": is_missing, "columns": difference.columns,
        "callable": difference.callable, "contactable": channels, "phones": lowers.phones,
    })
}
