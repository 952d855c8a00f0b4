//! Chooses among parked messages, by reason, id, source and org.

use domain::batch::ParkReason;
use domain::change::{OrgId, SourceName};

use super::parked::{NO_REASON, Parked};
use crate::args;

/// Which parked messages are meant.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct Which {
    /// Only what was parked for this reason, such as retryHorizon; may be given several times
    #[arg(long = "reason", value_name = "REASON", value_parser = reason)]
    pub(crate) reasons: Vec<String>,
    /// Only the message with this id, as `list` prints it; may be given several times
    #[arg(long = "id", value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Only what this source sent
    #[arg(long, value_parser = args::source)]
    pub(crate) source: Option<SourceName>,
    /// Only the changes of this org. When it is listed, an unmapped item belongs to the org of
    /// its source; when it is redriven, to the org of the changes that it becomes
    #[arg(long, value_parser = args::org)]
    pub(crate) org: Option<OrgId>,
}

impl Which {
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

    pub(crate) fn is_meant(&self, parked: &Parked) -> bool {
        self.is_chosen(parked) && self.is_org(parked)
    }

    /// Whether a message is chosen, whatever its org.
    pub(super) fn is_chosen(&self, parked: &Parked) -> bool {
        let source = self.source.as_ref().map(SourceName::as_str);
        (self.reasons.is_empty() || self.reasons.contains(&parked.reason))
            && (self.ids.is_empty() || self.ids.contains(&parked.id))
            && source.is_none_or(|source| parked.body["source"].as_str() == Some(source))
    }

    /// Whether the message itself names the chosen org.
    pub(super) fn is_org(&self, parked: &Parked) -> bool {
        let org = self.org.as_ref();
        org.is_none_or(|org| parked.org() == Some(org.as_str()))
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
