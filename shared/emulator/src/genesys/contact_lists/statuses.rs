//! The parts of a contact that both the dialler and a client write: the status of its channels and
//! of its numbers (docs/genesys-cloud.md "Who may be called").

use serde_json::{Map, Value};

use super::super::answer::{Answer, error};
use super::super::{Genesys, List};

const NUMBER_STATUS: &str = "phoneNumberStatus";
const CHANNEL_STATUS: &str = "contactableStatus";
const CHANNELS: [&str; 4] = ["Voice", "Sms", "Email", "WhatsApp"];

impl Genesys {
    /// The two statuses after a write. [`ListReadings`](super::super::ListReadings) chooses whether
    /// a write merges them with what is stored or replaces it.
    pub(super) fn statuses(
        &self,
        list: &List,
        mut held: Map<String, Value>,
        item: &Value,
    ) -> Result<Map<String, Value>, Answer> {
        let said = |member: &str| item.get(member).filter(|value| !value.is_null());
        if let Some(evaluations) = said("latestWhatsAppEvaluations") {
            held.insert("latestWhatsAppEvaluations".to_owned(), evaluations.clone());
        }
        let is_column = |name: &str| {
            let columns = list.columns.as_ref();
            columns.is_none_or(|columns| columns.contains(name))
        };
        let is_known = |member: &str, name: &str| match member {
            NUMBER_STATUS => is_column(name),
            _ => CHANNELS.contains(&name),
        };
        for (member, switch) in [(NUMBER_STATUS, "callable"), (CHANNEL_STATUS, "contactable")] {
            let Some(value) = said(member) else { continue };
            let wrong = || {
                let message = format!("{member} is no map of what it is about to its status.");
                error(400, "bad.request", &message)
            };
            let named = value.as_object().ok_or_else(wrong)?;
            let is_status = |status: &Value| {
                let switch = status.get(switch);
                status.is_object() && switch.is_none_or(Value::is_boolean)
            };
            if !named.keys().all(|name| is_known(member, name)) || !named.values().all(is_status) {
                return Err(wrong());
            }
            match held.get_mut(member).and_then(Value::as_object_mut) {
                Some(held) if self.options.lists.statuses_merge => held.extend(named.clone()),
                _ => drop(held.insert(member.to_owned(), value.clone())),
            }
        }
        Ok(held)
    }
}

/// Whether a contact must not be reached by a channel.
pub(in crate::genesys) fn is_channel_lowered(held: &Map<String, Value>, channel: &str) -> bool {
    is_false(held, CHANNEL_STATUS, channel, "contactable")
}

/// Whether the number in a column must not be called.
pub(in crate::genesys) fn is_number_lowered(held: &Map<String, Value>, column: &str) -> bool {
    is_false(held, NUMBER_STATUS, column, "callable")
}

fn is_false(held: &Map<String, Value>, member: &str, name: &str, switch: &str) -> bool {
    let status = held.get(member).and_then(|statuses| statuses.get(name));
    status.and_then(|status| status.get(switch)) == Some(&Value::Bool(false))
}
