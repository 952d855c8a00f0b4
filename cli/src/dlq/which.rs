//! Chooses among parked messages, by reason, id, source and org. Reading a message is done in
//! `parked`, and sending it again in `redrive`.

use std::collections::HashSet;

use domain::batch::ParkReason;
use domain::change::{OrgId, SourceName};

use super::parked::{NO_REASON, Parked};
use crate::args;

/// Which parked messages are meant.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct Selection {
    /// Only changes that were parked for this reason, such as retryHorizon; may be given several
    /// times
    #[arg(long = "reason", value_name = "REASON", value_parser = reason)]
    pub(crate) reasons: Vec<String>,
    /// Only the change with this id, as `list` prints it; may be given several times
    #[arg(long = "id", value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Only changes from this source
    #[arg(long, value_parser = args::source)]
    pub(crate) source: Option<SourceName>,
    /// Only the changes of this org. When it is listed, an unmapped item belongs to the org of
    /// its source; when it is redriven, to the org of the changes that it becomes
    #[arg(long, value_parser = args::org)]
    pub(crate) org: Option<OrgId>,
}

impl Selection {
    /// The choice as it is written in a command line. `None` means that all messages are
    /// chosen.
    pub(super) fn words(&self) -> Option<String> {
        let reasons = self
            .reasons
            .iter()
            .map(|reason| ("reason", reason.as_str()));
        let ids = self.ids.iter().map(|id| ("id", id.as_str()));
        let source = self
            .source
            .as_ref()
            .map(|source| ("source", source.as_str()));
        let org = self.org.as_ref().map(|org| ("org", org.as_str()));
        let all = reasons.chain(ids).chain(source).chain(org);
        let all: Vec<_> = all
            .map(|(name, value)| format!("--{name} {value}"))
            .collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    /// A sentence that says that no such message is parked.
    pub(super) fn nothing(&self) -> String {
        match self.words() {
            None => "Nothing is parked, or somebody else is looking at what is parked (for two minutes at most).".to_owned(),
            Some(words) => format!("No parked change that can be seen now matches {words}."),
        }
    }

    /// The choice, to be asked about many messages.
    pub(crate) fn choice(&self) -> Choice<'_> {
        Choice {
            which: self,
            ids: self.ids.iter().map(String::as_str).collect(),
        }
    }

    /// Whether the message itself names the chosen org.
    pub(super) fn is_org(&self, parked: &Parked) -> bool {
        let org = self.org.as_ref();
        org.is_none_or(|org| parked.org() == Some(org.as_str()))
    }
}

/// Says of each message whether it is chosen.
pub(crate) struct Choice<'a> {
    which: &'a Selection,
    /// The page may tick 10,000 messages.
    ids: HashSet<&'a str>,
}

impl Choice<'_> {
    pub(crate) fn is_meant(&self, parked: &Parked) -> bool {
        self.is_chosen(parked) && self.which.is_org(parked)
    }

    /// Whether a message is chosen, whatever its org.
    pub(super) fn is_chosen(&self, parked: &Parked) -> bool {
        let Selection {
            reasons, source, ..
        } = self.which;
        let source = source.as_ref().map(SourceName::as_str);
        (reasons.is_empty() || reasons.contains(&parked.reason))
            && (self.ids.is_empty() || self.ids.contains(parked.id.as_str()))
            && source.is_none_or(|source| parked.body["source"].as_str() == Some(source))
    }
}

fn reason(text: &str) -> Result<String, String> {
    let mut names: Vec<_> = ParkReason::ALL
        .into_iter()
        .map(ParkReason::as_str)
        .collect();
    // Two more reasons: that of ingest, and that of messages which SQS itself moved.
    names.extend([ingest::webhook::REASON, NO_REASON]);
    names
        .contains(&text)
        .then(|| text.to_owned())
        .ok_or_else(|| format!("expected one of {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    fn parked(id: String) -> Parked {
        let message = aws_sdk_sqs::types::Message::builder().message_id(id);
        Parked::new(message.build())
    }

    #[test]
    fn messages_are_chosen_by_thousands_of_ids_in_a_moment() {
        let ids: Vec<_> = (0..20_000).map(|id| format!("{id:036}")).collect();
        let which = Selection {
            ids: ids.clone(),
            ..Selection::default()
        };
        let all: Vec<_> = ids.into_iter().map(parked).collect();
        let choice = which.choice();
        let began = Instant::now();
        assert!(all.iter().all(|parked| choice.is_meant(parked)));
        assert!(began.elapsed() < Duration::from_secs(1));
        assert!(!choice.is_meant(&parked("other".to_owned())));
    }
}
