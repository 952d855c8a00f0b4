//! Finds out whether a parked message is or may be an opt-out. Until it is applied, somebody may be
//! called who must not be.
//!
//! What the message says otherwise is read by `parked`.

use domain::change::Change;
use serde_json::Value;

use super::parked::Parked;

impl Parked {
    /// The part of the message that may keep a contact from being called. `None` means that nothing
    /// like that is known.
    pub(crate) fn opt_out(&self) -> Option<&'static str> {
        match self.is_unmapped() {
            true => Some(MAY_BE),
            false => said(&self.body).or_else(|| unread(&self.text)),
        }
    }
}

const MAY_BE: &str = "may be an opt-out";

/// The opt-out in a change that can be read.
fn said(body: &Value) -> Option<&'static str> {
    let lowers = |name: &str| body[name].as_object().is_some_and(|all| !all.is_empty());
    match body["operation"].as_str() {
        Some("remove") => return Some("remove"),
        Some("leave") => return Some("leave"),
        _ => {}
    }
    if body["callable"].as_bool() == Some(false) {
        return Some("opt-out");
    }
    (lowers("contactable") || lowers("phones")).then_some("closes a channel or number")
}

/// The opt-out that a text which is no change may hold.
fn unread(text: &str) -> Option<&'static str> {
    (Change::may_opt_out(text) && Change::parse(text).is_err()).then_some(MAY_BE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_no_change_but_mentions_calls_may_be_an_opt_out() {
        let change = |more: &str| {
            format!(
                r#"{{"schema":1,"eventId":"e","org":"o","campaignId":"c","contactKey":"k"{more}}}"#
            )
        };
        for (more, wanted) in [
            (r#","data":{}"#, None),
            (r#","callable":"false""#, Some(MAY_BE)),
            (r#","operation":"removed""#, Some(MAY_BE)),
            (r#","contactable":["Voice"]"#, Some(MAY_BE)),
            (r#","odd":1"#, None),
        ] {
            assert_eq!(unread(&change(more)), wanted, "{more}");
        }
        assert_eq!(unread("{not json"), Some(MAY_BE));
        let opt_out = serde_json::from_str(&change(r#","callable":false,"odd":1"#)).unwrap();
        assert_eq!(said(&opt_out), Some("opt-out"));
    }
}
