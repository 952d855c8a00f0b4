//! Parsers of arguments that several subcommands have.
//!
//! Each turns the text of one argument into a type, or into an error that says what was expected. A
//! rule that concerns several arguments together is checked by the subcommand itself. The rules of
//! ids and keys are in `domain::change`.

use std::borrow::Cow;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::Path;

use domain::change::{CampaignId, OrgId, Rank, RankReset, SourceName};
use io::config::{STACK_NAME, is_stack_name};
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use reconcile::Cursor;

use crate::webhook;

pub(crate) fn org(text: &str) -> Result<OrgId, String> {
    OrgId::parse(text).map_err(Cow::into_owned)
}

pub(crate) fn campaign(text: &str) -> Result<CampaignId, String> {
    CampaignId::parse(text).map_err(Cow::into_owned)
}

pub(crate) fn source(text: &str) -> Result<SourceName, String> {
    SourceName::parse(text).map_err(Cow::into_owned)
}

/// A parser of a whole number in this range.
pub(crate) fn number<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync {
    number_of("", range)
}

/// A parser of a whole number of some unit.
pub(crate) fn number_of<T: TryFrom<u64>>(
    unit: &'static str,
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let number = number.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| {
            let of = if unit.is_empty() { "" } else { " of " };
            let (least, most) = (range.start(), range.end());
            format!("expected a whole number{of}{unit} from {least} to {most}")
        })
    }
}

/// The message for a port that cannot be served on.
pub(crate) fn no_port(port: u16, error: &std::io::Error) -> String {
    let advice = match error.kind() {
        std::io::ErrorKind::AddrInUse => "; choose another --port, or 0 for any free one",
        _ => "",
    };
    format!("--port {port}: {error}{advice}")
}

/// A whole percentage, with its sign or without.
pub(crate) fn percent(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    number_of("", 0..=100)(number).map_err(|expected| format!("{expected}, such as 20%"))
}

/// The name of a stack.
pub(crate) fn stack(text: &str) -> Result<String, String> {
    match is_stack_name(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("expected {STACK_NAME}")),
    }
}

/// An address to which credentials may be sent.
pub(crate) fn endpoint(text: &str) -> Result<String, String> {
    match webhook::is_safe(text) {
        true => Ok(text.to_owned()),
        false => Err(
            "expected a URL that begins with https://, or with http:// on this machine, without user and password"
                .to_owned(),
        ),
    }
}

/// The message for two arguments that are both `-`.
pub(crate) const ONE_OF_STDIN: &str = "only one of them can be read from standard input";

/// How a file is named in a message.
pub(crate) fn name_of(path: &Path) -> String {
    match path == Path::new("-") {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}

/// Reads a file; `-` means standard input.
pub(crate) fn file(path: &Path) -> Result<String, String> {
    let failed = |error| format!("{}: {error}", name_of(path));
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        let read = std::io::stdin().read_to_end(&mut bytes);
        read.map_err(failed)?;
    } else {
        bytes = std::fs::read(path).map_err(failed)?;
    }
    String::from_utf8(bytes).map_err(|_| format!("{}: expected UTF-8", name_of(path)))
}

/// The operator's reason for what a subcommand does. It is printed and logged. It is no parser of
/// an argument: clap repeats a text that is refused, and this one may hold a name by mistake.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    let reset = RankReset::new(Rank::MAX, None, text);
    let reset = reset.map_err(|expected| format!("--reason: {expected}"))?;
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

    /// A time in the past, for the flag `--since`.
    ///
    /// # Errors
    /// The time is not in the past.
    pub(crate) fn past(self, now: Timestamp) -> Result<Timestamp, String> {
        let time = self.time(now);
        match time <= now {
            true => Ok(time),
            false => Err("--since: expected a time in the past".to_owned()),
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
        "expected a time such as 2026-11-24T16:00:00Z, or a duration such as 90m, 48h or 2d".into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_in_its_range() {
        let small = number::<u16>(1..=90_000);
        assert_eq!((small("1"), small("65535")), (Ok(1), Ok(65_535)));
        for wrong in [
            "",
            "0",
            "-1",
            "65536",
            "90001",
            "1.5",
            "x",
            "99999999999999999999",
        ] {
            let expected = "expected a whole number from 1 to 90000";
            assert_eq!(small(wrong), Err(expected.to_owned()), "{wrong}");
        }
        let error = number_of::<u64>("seconds", 1..=900)("x").unwrap_err();
        assert_eq!(error, "expected a whole number of seconds from 1 to 900");
        assert_eq!((percent("20%"), percent("7")), (Ok(20), Ok(7)));
        for wrong in ["101", "-1%", "x", "%"] {
            let error = percent(wrong).unwrap_err();
            assert_eq!(error, "expected a whole number from 0 to 100, such as 20%");
        }
    }

    #[test]
    fn since_accepts_no_time_in_the_future() {
        let now = Timestamp::UNIX_EPOCH;
        let later = since("2999-01-01T00:00:00Z").unwrap();
        assert!(later.past(now).is_err());
        assert_eq!(Since::At(now).past(now), Ok(now));
        assert!(since("2d").unwrap().past(now).is_ok());
    }

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
