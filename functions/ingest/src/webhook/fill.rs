//! Completes a change from the event that holds it.

use domain::json::Members;
use serde_json::{Map, Value};

/// Adds to a change what it lacks: an `eventId` that stays the same when the event is sent again,
/// and the `occurredAt` of the event. `pointer` is the place of the change, because one event may
/// hold several. A text that is no object stays as it is.
pub(super) fn filled(text: &str, event: &Map<String, Value>, pointer: &str) -> String {
    let Ok(members) = serde_json::from_str::<Members<'_>>(text) else {
        return text.to_owned();
    };
    let said = |name: &str| event.get(name).and_then(Value::as_str);
    // CloudEvents 1.0 ("id"): `source` and `id` together identify an event.
    let place = pointer.rfind("/data").map_or(pointer, |at| &pointer[at..]);
    let id = [said("source"), said("id"), Some(place)];
    let id = id.map(|part| part.unwrap_or_default());
    let id = domain::sha256_hex(Value::from(id.to_vec()).to_string().as_bytes());
    let made = [
        ("eventId", Some(format!("ce-{id}"))),
        ("occurredAt", said("time").map(str::to_owned)),
    ];
    let mut filled = String::from("{");
    for (name, value) in made {
        let is_said = members.0.iter().any(|(said, _)| said == name);
        if let Some(value) = value.filter(|_| !is_said) {
            let (name, value) = (Value::from(name), Value::from(value));
            filled.push_str(&format!("{name}:{value},"));
        }
    }
    let rest = text.trim_start();
    let rest = rest.strip_prefix('{').unwrap_or(rest);
    if members.0.is_empty() {
        filled.truncate(filled.trim_end_matches(',').len());
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_gets_what_it_lacks_from_its_event() {
        let event = json!({ "source": "s", "id": "1", "time": "2026-11-24T16:00:00Z" });
        let event = event.as_object().unwrap();
        let filled = |text: &str, pointer: &str| -> Value {
            serde_json::from_str(&filled(text, event, pointer)).unwrap()
        };
        let made = filled(" {}", "/data");
        assert_eq!(made["occurredAt"], "2026-11-24T16:00:00Z");
        let id = made["eventId"].as_str().unwrap();
        assert!(id.starts_with("ce-") && id.len() == 67, "{id}");
        assert_eq!(filled("{}", "/7/data")["eventId"], id, "wherever it stands");
        assert_ne!(filled("{}", "/data/changes/1")["eventId"], id);
        let own = json!({ "eventId": "e", "occurredAt": "2026-11-24T15:00:00Z", "n": 1 });
        assert_eq!(filled(&own.to_string(), "/data"), own);
        assert_eq!(super::filled("[1]", event, ""), "[1]");
    }
}
