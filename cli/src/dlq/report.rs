//! The result of a redrive, for a person or a program. The counting happens in `redrive`; nothing
//! is sent here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::table::{counted, number};

/// The result of a redrive.
#[derive(Default)]
pub(crate) struct Report {
    /// Changes that were sent, and are not parked again.
    sent: u64,
    /// Unmapped items that became some of the sent changes.
    items: u64,
    /// Items that their mapping ignores on purpose.
    ignored: u64,
    /// Ids of the parked messages that a redrive would replace or delete, as a dry run found.
    pub(crate) would_go: Vec<String>,
    /// Why chosen messages were not sent, each reason with its number of messages.
    pub(crate) left: BTreeMap<String, u64>,
    /// Ids of the messages that were deleted from the dead-letter queue.
    pub(crate) gone: BTreeSet<String>,
    /// About how many parked messages could not be seen: another look holds them, or in a dry run
    /// they are behind ten others of their message group.
    pub(crate) hidden: u64,
    /// Why the run ended before everything was looked at.
    pub(crate) ended: Option<String>,
}

impl Report {
    pub(crate) fn leave(&mut self, why: impl Into<String>) {
        *self.left.entry(why.into()).or_default() += 1;
    }

    /// Counts a parked message that was replaced by this many changes.
    pub(crate) fn add(&mut self, changes: usize, is_unmapped: bool) {
        if changes == 0 {
            self.ignored += 1;
            return;
        }
        self.sent += changes as u64;
        self.items += u64::from(is_unmapped);
    }

    /// Moves a change from sent to left, because it is parked again.
    pub(crate) fn leave_sent(&mut self) {
        self.sent = self.sent.saturating_sub(1);
        self.leave("it was sent again, and is parked again");
    }

    /// Whether no message was chosen.
    pub(crate) fn is_nothing(&self) -> bool {
        self.sent + self.ignored + self.hidden == 0 && self.left.is_empty() && self.ended.is_none()
    }

    /// Whether everything was done. A dry run never sees a whole message group of more than ten.
    pub(crate) fn is_complete(&self, is_dry: bool) -> bool {
        self.left.is_empty() && self.ended.is_none() && (is_dry || self.hidden == 0)
    }

    pub(crate) fn json(&self) -> String {
        json!({
            "sent": self.sent, "items": self.items, "ignored": self.ignored, "left": self.left, "hidden": self.hidden,
            "ended": self.ended,
        })
        .to_string()
    }

    pub(crate) fn text(&self, is_dry: bool) -> String {
        let done = |what: &str| match is_dry {
            true => format!("would be {what}"),
            false => what.to_owned(),
        };
        let items = match self.items.min(self.sent) {
            0 => String::new(),
            _ => format!(
                ", among them those of {}",
                counted(self.items, "unmapped item")
            ),
        };
        let mut lines = vec![format!(
            "{} {}{items}",
            number(self.sent),
            done("sent again")
        )];
        if self.ignored > 0 {
            lines.push(format!(
                "{} {}: the mapping of its source ignores it",
                number(self.ignored),
                done("taken off")
            ));
        }
        let left = self.left.iter();
        lines.extend(left.map(|(why, count)| format!("{} left: {why}", number(*count))));
        if self.hidden > 0 {
            lines.push(not_seen(self.hidden));
        }
        let ended = self.ended.iter();
        lines.extend(ended.map(|why| format!("ended before everything was looked at: {why}")));
        lines.join("\n")
    }
}

/// Says that some messages cannot be seen, and why.
pub(super) fn not_seen(hidden: u64) -> String {
    format!(
        "About {} more cannot be seen now: behind ten others of the same message group, or looked at by somebody",
        number(hidden)
    )
}
