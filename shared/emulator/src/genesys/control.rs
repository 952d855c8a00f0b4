//! Requests under `/_emulator/`, which the real service does not have. They let whoever runs the
//! emulator as its own process look behind the API and inject faults.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Genesys;
use super::answer::Answer;
use crate::fault;

/// The prefix of the paths that [`Genesys::control`] answers.
pub const CONTROL_PREFIX: &str = "/_emulator/";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSecret {
    secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DncListAs {
    full: Option<bool>,
    forbidden: Option<bool>,
}

impl Genesys {
    /// Answers a request under [`CONTROL_PREFIX`]:
    ///
    /// - `POST faults` adds a fault, and `DELETE faults` removes all faults.
    /// - `PUT clients/{id}` with `{"secret": …}` replaces the secret of an OAuth client and revokes
    ///   every token.
    /// - `PUT dnclists/{id}` with `{"full": …, "forbidden": …}` makes a DNC list refuse new
    ///   entries, or forbids every call about it. `GET dnclists/{id}` returns its entries.
    /// - `GET calls` returns the calls, and `GET campaigns/{id}/contacts` the contacts by key.
    pub fn control(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let wrong = |message: String| (400, json!({ "error": message }));
        let segments: Vec<_> = path
            .strip_prefix(CONTROL_PREFIX)
            .unwrap_or_default()
            .split('/')
            .collect();
        match (method, segments.as_slice()) {
            ("POST", ["faults"]) => {
                match fault::read(body) {
                    Ok(fault) => self.add_fault(fault),
                    Err(message) => return wrong(message),
                }
                (200, json!({}))
            }
            ("DELETE", ["faults"]) => {
                self.state().faults.clear();
                (200, json!({}))
            }
            ("PUT", ["clients", id]) => {
                let secret: NewSecret = match serde_json::from_slice(body) {
                    Ok(secret) => secret,
                    Err(error) => return wrong(error.to_string()),
                };
                self.put_client(id, &secret.secret);
                self.revoke_tokens();
                (200, json!({}))
            }
            ("PUT", ["dnclists", id]) => {
                let wanted: DncListAs = match serde_json::from_slice(body) {
                    Ok(wanted) => wanted,
                    Err(error) => return wrong(error.to_string()),
                };
                self.with_dnc_list(id, |list| {
                    list.is_full = wanted.full.unwrap_or(list.is_full);
                    list.is_forbidden = wanted.forbidden.unwrap_or(list.is_forbidden);
                });
                (200, json!({}))
            }
            ("GET", ["dnclists", id]) => (200, self.dnc_entries(id).into()),
            ("GET", ["calls"]) => {
                let show = |call: &super::Call| json!({ "method": call.method, "path": call.path, "status": call.status });
                (200, self.state().calls.iter().map(show).collect())
            }
            ("GET", ["campaigns", id, "contacts"]) => {
                let contacts = self.contacts(id).into_iter();
                let shown = contacts.map(|(key, contact)| {
                    (
                        key,
                        json!({ "data": contact.data, "callable": contact.callable }),
                    )
                });
                (200, Value::Object(shown.collect()))
            }
            _ => (404, json!({ "error": "no such control" })),
        }
    }
}

#[cfg(test)]
mod tests {
    use io::Clock;

    use super::super::Options;
    use super::*;

    #[test]
    fn a_fault_needs_exactly_one_effect() {
        let genesys = Genesys::new(Clock::system(), Options::default());
        let post = |body: Value| {
            genesys
                .control("POST", "/_emulator/faults", body.to_string().as_bytes())
                .0
        };
        assert_eq!(
            post(json!({ "method": "PATCH", "status": 503, "times": 2 })),
            200
        );
        assert_eq!(post(json!({ "hang": "after" })), 200);
        for wrong in [
            json!({}),
            json!({ "status": 503, "hang": "after" }),
            json!({ "status": 7 }),
            json!({ "stat": 503 }),
        ] {
            assert_eq!(post(wrong), 400);
        }
        assert_eq!(genesys.state().faults.len(), 2);
        assert_eq!(genesys.control("DELETE", "/_emulator/faults", b"").0, 200);
        assert_eq!(genesys.state().faults.len(), 0);
        assert_eq!(genesys.control("GET", "/_emulator/nothing", b"").0, 404);
    }
}
