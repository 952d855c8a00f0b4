//! Decides for how long no call is made to a service that answered 429.
//!
//! `now` is an argument and the state is a value. Each client keeps one [`Throttle`] and asks it
//! how long to wait, so that no client obeys a wait of zero.

use std::time::Duration;

use jiff::Timestamp;

use super::{FIRST, LONGEST};

/// The shortest wait after a 429. It is longer than any wait between other tries of an invocation.
pub const LEAST: Duration = Duration::from_secs(1);
/// The wait after a 429 that names none: the first step of the backoff.
pub const UNNAMED: Duration = FIRST;

/// The refusals of one service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Throttle {
    /// The end of the current wait.
    until: Option<Timestamp>,
    /// The end of a wait for a refusal that named less than [`LEAST`].
    short_until: Option<Timestamp>,
}

impl Throttle {
    /// Records a refusal, and returns how long to make no call from now on.
    ///
    /// `named` holds the waits that the answer names, such as `Retry-After`, with the most reliable
    /// first. The first of at least [`LEAST`] counts, up to [`LONGEST`]. A service that names less
    /// may have rounded the rest of its window down to zero, so the first wait is [`LEAST`]. If
    /// that was in vain, or if nothing is named, the wait is [`UNNAMED`].
    pub fn refused<'a>(
        &mut self,
        now: Timestamp,
        named: impl IntoIterator<Item = &'a str>,
    ) -> Duration {
        let named: Vec<_> = named
            .into_iter()
            .filter_map(|text| named_wait(text, now))
            .collect();
        let wait = if let Some(long) = named.iter().find(|wait| **wait >= LEAST) {
            self.short_until = None;
            LONGEST.min(*long)
        } else if named.is_empty() || *self.short_until.get_or_insert(now + LEAST) <= now {
            UNNAMED
        } else {
            LEAST
        };
        self.until = self.until.max(Some(now + wait));
        wait
    }

    /// Records a call that was not refused.
    pub fn answered(&mut self, now: Timestamp) {
        self.short_until = self.short_until.filter(|until| *until > now);
    }

    /// The time before which to make no call. `None` means that a call may be made now.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > now)
    }
}

/// Reads a wait from `Retry-After` (RFC 9110 section 10.2.3) or `inin-ratelimit-reset`. It is a
/// number of seconds or an HTTP date. A fraction of a second is rounded up, and a past date is no
/// wait. `None` means that the text names no wait.
pub fn named_wait(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if are_digits(whole) && are_digits(fraction) {
        // A number too large for the type is a long wait, not a missing one.
        let seconds: u64 = whole.parse().unwrap_or(u64::MAX);
        let is_begun = fraction.bytes().any(|digit| digit != b'0');
        return Some(Duration::from_secs(seconds.saturating_add(is_begun.into())));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        let start: Timestamp = "2026-11-24T16:00:00Z".parse().unwrap();
        start + jiff::SignedDuration::from_millis(milliseconds)
    }

    fn seconds(text: &str) -> Option<u64> {
        named_wait(text, at(0)).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_http_dates_are_read_and_what_is_begun_counts_whole() {
        for (text, expected) in [
            ("0", 0),
            ("42", 42),
            (" 7 ", 7),
            ("007", 7),
            ("1.5", 2),
            ("0.001", 1),
            ("3.0", 3),
            ("Tue, 24 Nov 2026 16:00:42 GMT", 42),
            ("Tue, 24 Nov 2026 16:00:00 GMT", 0),
            ("Tue, 24 Nov 2026 15:59:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
            ("99999999999999999999999", u64::MAX),
            ("18446744073709551615.5", u64::MAX),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_wait_is_invalid() {
        for text in [
            "",
            " ",
            "-1",
            "-0",
            "+5",
            "1e3",
            "1.",
            ".5",
            "1.5.1",
            "0x10",
            "soon",
            "NaN",
            "inf",
            "1,5",
            "5 s",
            "５",
            "2026-11-24T16:00:42Z",
            "Tue, 24 Nov 2026",
            "1 2",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_wait_is_taken_as_named_but_never_as_nothing_and_never_for_ever() {
        for (named, expected) in [
            (&["42"][..], 42),
            (&["1"], 1),
            (&["86400"], 900),
            (&["99999999999999999999999"], 900),
            (&["0"], 1),
            (&["0.2"], 1),
            (&["Tue, 24 Nov 2026 15:00:00 GMT"], 1),
            (&["0", "30"], 30),
            (&["soon", "30"], 30),
            (&["5", "30"], 5),
            (&["soon", "0"], 1),
            (&["soon"], 15),
            (&["-7"], 15),
            (&[], 15),
        ] {
            let mut throttle = Throttle::default();
            let wait = throttle.refused(at(0), named.iter().copied());
            assert_eq!(wait.as_secs(), expected, "{named:?}");
            assert_eq!(throttle.until(at(0)), Some(at(0) + wait), "{named:?}");
            assert_eq!(throttle.until(at(0) + wait), None, "{named:?}");
        }
    }

    #[test]
    fn a_second_429_after_a_minimal_retry_after_waits_the_default() {
        let mut throttle = Throttle::default();
        // Calls that were under way together are refused together: that is no second refusal.
        for early in [0, 1, 40, 999] {
            assert_eq!(throttle.refused(at(early), ["0"]), LEAST);
        }
        assert_eq!(throttle.refused(at(2_000), ["0"]), UNNAMED);
        assert_eq!(throttle.refused(at(17_000), ["0"]), UNNAMED);
        throttle.answered(at(18_000));
        assert_eq!(
            throttle.refused(at(18_001), ["0"]),
            LEAST,
            "it was answered between"
        );
        assert_eq!(
            throttle.refused(at(19_500), ["42"]),
            Duration::from_secs(42)
        );
        assert_eq!(throttle.refused(at(61_500), ["0"]), LEAST);
    }

    #[test]
    fn an_answer_of_a_call_that_was_under_way_ends_no_wait() {
        let mut throttle = Throttle::default();
        throttle.refused(at(0), ["42"]);
        throttle.answered(at(10));
        assert_eq!(throttle.until(at(20)), Some(at(42_000)));
        throttle.refused(at(30), ["3"]);
        assert_eq!(
            throttle.until(at(30)),
            Some(at(42_000)),
            "the longest counts"
        );
    }

    proptest! {
        #[test]
        fn the_wait_is_bounded_for_any_named_value(
            named in prop::collection::vec("\\PC{0,30}|[0-9]{1,30}(\\.[0-9]{1,5})?", 0..3),
            pauses in prop::collection::vec(0i64..20_000, 1..6),
        ) {
            let (mut throttle, mut now) = (Throttle::default(), 0);
            for pause in pauses {
                now += pause;
                let wait = throttle.refused(at(now), named.iter().map(String::as_str));
                prop_assert!((LEAST..=LONGEST).contains(&wait), "{:?}: {:?}", named, wait);
                prop_assert!(throttle.until(at(now)) >= Some(at(now) + wait));
            }
        }
    }
}
