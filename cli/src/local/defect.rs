//! `local --break`: the defects that a run can be given, to see that it finds them.

use apply::Defect;
use clap::ValueEnum;
use serde::Serialize;

use super::vendor::Crm;
use super::{Api, Args, Error};

#[derive(Clone, Copy, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Break {
    /// Ranks are not compared
    Rank,
    /// The member callable of each change is ignored
    Callable,
    /// A 409 is taken for success
    Conflict,
    /// The mappings of the vendor's webhooks and records ignore opt-outs (only with --crm)
    #[value(name = "optOut")]
    OptOut,
    /// The records of a vendor's API are ranked by a time that no change moves (only with --crm)
    Clock,
}

impl Break {
    /// The defect as apply knows it; `None` means that it is in a mapping.
    pub(super) fn in_apply(self) -> Option<Defect> {
        Some(match self {
            Break::Rank => Defect::Rank,
            Break::Callable => Defect::Callable,
            Break::Conflict => Defect::Conflict,
            Break::OptOut | Break::Clock => return None,
        })
    }
}

/// Refuses a defect that this run could not show.
pub(super) fn check(args: &Args) -> Result<(), Error> {
    let Some(defect) = args.defect else {
        return Ok(());
    };
    let why = match (defect, args.crm, args.api) {
        _ if !cfg!(debug_assertions) => {
            "a release build has no defects to put in; expected a debug build"
        }
        (Break::Conflict, _, Api::ContactLists) => {
            "conflict: only the predictive API answers a known key with 409"
        }
        (Break::Conflict, crm, _) if crm != Crm::Own => {
            "conflict: with --crm, reconcile repairs what this defect loses"
        }
        (Break::OptOut, Crm::Own, _) => "optOut needs --crm with a vendor",
        (Break::Clock, Crm::Own, _) => "clock needs --crm with a vendor",
        (Break::Clock, ..) if args.drop.is_none() => {
            "clock needs --drop: what webhooks say is right"
        }
        _ => return Ok(()),
    };
    let sign = if cfg!(debug_assertions) { "" } else { ":" };
    Err(format!("--break{sign} {why}"))
}
