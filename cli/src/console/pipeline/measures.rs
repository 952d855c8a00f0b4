//! The list of what is measured on the way of a change, left to right (docs/contract.md "Metrics").
//!
//! Nothing is read here: `cloudwatch` reads a stack, and `crate::local::serve::metrics` reads the
//! embedded parts.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

/// The stage of a change on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Webhooks,
    Queue,
    Apply,
    Genesys,
    End,
}

/// How the values of a period are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stat {
    Sum,
    Maximum,
    Average,
}

impl Stat {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Stat::Sum => "Sum",
            Stat::Maximum => "Maximum",
            Stat::Average => "Average",
        }
    }
}

/// The owner for which a metric is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MeasureScope {
    /// Each org has its own value.
    Org,
    /// Only the stack has a value, because the org is not known.
    Stack,
    /// The queue of changes has the value.
    Queue,
}

/// One thing that is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) stage: Stage,
    pub(crate) stat: Stat,
    pub(crate) of: MeasureScope,
    /// Whether any value above zero is bad news.
    pub(crate) is_bad: bool,
}

const fn good(
    stage: Stage,
    name: &'static str,
    label: &'static str,
    stat: Stat,
    of: MeasureScope,
) -> Measure {
    Measure {
        name,
        label,
        stage,
        stat,
        of,
        is_bad: false,
    }
}

const fn bad(stage: Stage, name: &'static str, label: &'static str, of: MeasureScope) -> Measure {
    Measure {
        name,
        label,
        stage,
        stat: Stat::Sum,
        of,
        is_bad: true,
    }
}

/// All measures, in the order of the page.
pub(crate) const MEASURES: [Measure; 24] = [
    good(
        Stage::Webhooks,
        "Accepted",
        "changes accepted",
        Stat::Sum,
        MeasureScope::Org,
    ),
    bad(
        Stage::Webhooks,
        "Refused",
        "webhooks refused",
        MeasureScope::Org,
    ),
    bad(
        Stage::Webhooks,
        "Unauthorized",
        "unauthorized",
        MeasureScope::Stack,
    ),
    bad(
        Stage::Webhooks,
        "Unmapped",
        "items unmapped",
        MeasureScope::Org,
    ),
    good(
        Stage::Queue,
        "ApproximateNumberOfMessagesVisible",
        "waiting, at most",
        Stat::Maximum,
        MeasureScope::Queue,
    ),
    good(
        Stage::Queue,
        "ChangeAge",
        "until done, in s",
        Stat::Average,
        MeasureScope::Org,
    ),
    good(
        Stage::Queue,
        "OptOutAge",
        "oldest opt-out, in s",
        Stat::Maximum,
        MeasureScope::Org,
    ),
    good(
        Stage::Apply,
        "Created",
        "created",
        Stat::Sum,
        MeasureScope::Org,
    ),
    good(
        Stage::Apply,
        "Updated",
        "updated",
        Stat::Sum,
        MeasureScope::Org,
    ),
    good(
        Stage::Apply,
        "Unchanged",
        "unchanged",
        Stat::Sum,
        MeasureScope::Org,
    ),
    good(Stage::Apply, "Stale", "stale", Stat::Sum, MeasureScope::Org),
    good(
        Stage::Apply,
        "Superseded",
        "superseded",
        Stat::Sum,
        MeasureScope::Org,
    ),
    good(
        Stage::Apply,
        "Skipped",
        "skipped",
        Stat::Sum,
        MeasureScope::Org,
    ),
    good(
        Stage::Apply,
        "Width",
        "messages an invocation",
        Stat::Average,
        MeasureScope::Stack,
    ),
    bad(Stage::Apply, "Retried", "retried", MeasureScope::Org),
    good(
        Stage::Genesys,
        "ApiCalls",
        "calls",
        Stat::Sum,
        MeasureScope::Org,
    ),
    good(
        Stage::Genesys,
        "ApiLatency",
        "latency, in ms",
        Stat::Average,
        MeasureScope::Org,
    ),
    bad(
        Stage::Genesys,
        "Throttled",
        "refused with 429",
        MeasureScope::Org,
    ),
    good(
        Stage::Genesys,
        "ConflictsResolved",
        "409s resolved",
        Stat::Sum,
        MeasureScope::Org,
    ),
    bad(
        Stage::Genesys,
        "OrgIll",
        "does not answer",
        MeasureScope::Org,
    ),
    bad(Stage::End, "Parked", "parked", MeasureScope::Org),
    bad(
        Stage::End,
        "OptOutParked",
        "opt-outs parked",
        MeasureScope::Org,
    ),
    good(
        Stage::End,
        "Checked",
        "compared",
        Stat::Sum,
        MeasureScope::Org,
    ),
    bad(Stage::End, "Drifted", "drifted", MeasureScope::Org),
];

/// How many periods are shown.
pub(crate) const PERIODS: usize = 36;

/// Values by the name of a measure, one for each period. The newest is the last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    pub(crate) of: BTreeMap<&'static str, [f64; PERIODS]>,
    /// How many changes of all orgs were retried in all periods together, by cause.
    pub(crate) causes: BTreeMap<String, f64>,
    pub(crate) orgs: Vec<String>,
}

/// An alarm, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alarm {
    pub(crate) name: String,
    /// One of `OK`, `ALARM` and `INSUFFICIENT_DATA`.
    pub(crate) state: String,
    pub(crate) since: Option<Timestamp>,
    pub(crate) words: String,
}

/// A source of metrics.
pub(crate) trait Metrics: Send + Sync {
    /// The series of an org. `None` means all orgs.
    fn series<'a>(
        &'a self,
        org: Option<&'a str>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Series, String>>;
    /// The stack's alarms. `None` means that there are none to read.
    fn alarms(&self) -> BoxFuture<'_, Result<Vec<Alarm>, String>>;
    /// The length of a period.
    fn period(&self) -> Duration;
    /// How long an answer may be reused.
    fn good_for(&self) -> Duration;
}
