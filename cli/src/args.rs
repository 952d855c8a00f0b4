//! Parsers of arguments that several subcommands have.
//!
//! Each turns the text of one argument into a type, or into an error that says what was expected.
//! What only several arguments together can show is checked by the subcommand itself. The rules of
//! ids and keys are in `domain::change`.

use std::borrow::Cow;
use std::path::Path;

use domain::change::{CampaignId, OrgId, Rank, RankReset, SourceName};
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use reconcile::Cursor;

pub(crate) fn org(text: &str) -> Result<OrgId, String> {
    OrgId::parse(text).map_err(Cow::into_owned)
}

pub(crate) fn campaign(text: &str) -> Result<CampaignId, String> {
    CampaignId::parse(text).map_err(Cow::into_owned)
}

pub(crate) fn source(text: &str) -> Result<SourceName, String> {
    SourceName::parse(text).map_err(Cow::into_owned)
}

/// Reads a file; `-` means standard input.
pub(crate) fn file(path: &Path) -> Result<String, String> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|error| format!("{}: {error}", path.display()))
}

/// The operator's reason for what a subcommand does. It is printed and logged.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    let reset = RankReset::new(Rank::MAX, None, text).map_err(str::to_owned)?;
    Ok(reset.reason().to_owned())
}

pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| "expected a time such as 2026-11-24T16:00:00Z".to_owned())
}

pub(crate) fn cursor(text: &str) -> Result<Cursor, String> {
    Cursor::parse(text).ok_or_else(|| "expected the cursor that an earlier run printed".to_owned())
}

/// A time in the past: the time itself, or how long ago it was.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Since {
    At(Timestamp),
    For(SignedDuration),
}

impl Since {
    /// The time that this means at `now`.
    pub(crate) fn time(self, now: Timestamp) -> Timestamp {
        match self {
            Since::At(at) => at,
            Since::For(long) => now.saturating_sub(long).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }
}

pub(crate) fn since(text: &str) -> Result<Since, String> {
    let at = time(text).ok().map(Since::At);
    let long = || {
        let span: Span = text.parse().ok()?;
        let long = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        long.is_positive().then_some(Since::For(long))
    };
    at.or_else(long).ok_or_else(|| {
        "expected a time such as 2026-11-24T16:00:00Z, or how long such as 90m, 48h or 2d".into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_time_or_how_long_ago_in_any_unit_that_has_one_length() {
        for (text, hours) in [
            ("48h", 48),
            ("2d", 48),
            ("2 days", 48),
            ("1d12h", 36),
            ("1d 12h", 36),
            ("1w", 168),
            ("90m30s", 1),
            ("P2D", 48),
            ("PT48H", 48),
        ] {
            let Ok(Since::For(long)) = since(text) else {
                panic!("{text}")
            };
            assert_eq!(long.as_hours(), hours, "{text}");
        }
        assert!(matches!(since("2026-11-24T16:00:00Z"), Ok(Since::At(_))));
        for wrong in [
            "",
            "2",
            "d",
            "-2d",
            "0d",
            "2d ago",
            "1mo",
            "1 year",
            "2026-11-24",
            "1.5d",
        ] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
