//! Numbers of JSON by their text: no digit is lost, as a float loses those beyond 2⁵³.

use std::borrow::Cow;

/// The most digits that a whole number is written out to.
const MOST_DIGITS: usize = 400;

/// The decimal digits of a number that is whole, however it is written: `17.0` and `1.7E1` are `17`.
/// There is a `-` in front of one below zero, no zero in front of any. `None`: it is not whole, no
/// number of JSON (RFC 8259 section 6), or has more than 400 digits.
pub fn whole(text: &str) -> Option<Cow<'_, str>> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, self::exponent(exponent)?),
        None => (unsigned, 0),
    };
    let (units, fraction) = match mantissa.split_once('.') {
        Some((units, fraction)) if are_digits(fraction) => (units, fraction),
        Some(_) => return None,
        None => (mantissa, ""),
    };
    if !are_digits(units) || (units.len() > 1 && units.starts_with('0')) {
        return None;
    }
    if units.len() == text.len() {
        return (text.len() <= MOST_DIGITS).then_some(Cow::Borrowed(text));
    }
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{units}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(Cow::Borrowed("0"));
    }
    // Zeros to append to the digits; below zero: digits to take off, which must be zeros.
    let zeros = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let whole = match usize::try_from(zeros) {
        Ok(zeros) if digits.len() + zeros.min(MOST_DIGITS) <= MOST_DIGITS => {
            format!("{sign}{digits}{}", "0".repeat(zeros))
        }
        Ok(_) => return None,
        Err(_) => {
            let off = usize::try_from(zeros.checked_neg()?).ok()?;
            let kept = digits.len().checked_sub(off).filter(|kept| *kept > 0)?;
            let (kept, rest) = digits.split_at(kept);
            if rest.bytes().any(|byte| byte != b'0') {
                return None;
            }
            format!("{sign}{kept}")
        }
    };
    (whole.len() <= MOST_DIGITS).then_some(Cow::Owned(whole))
}

fn exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    // More digits are of numbers that are too large, or not whole, in any case.
    (are_digits(digits) && digits.trim_start_matches('0').len() <= 9)
        .then(|| text.parse().ok())
        .flatten()
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_whole_number_is_read_however_it_is_written() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.0", "0"),
            ("0e9", "0"),
            ("17", "17"),
            ("17.0", "17"),
            ("17.000", "17"),
            ("1.7e1", "17"),
            ("170E-1", "17"),
            ("0.17e2", "17"),
            ("1.764E12", "1764000000000"),
            ("1.764E+12", "1764000000000"),
            ("1764000000000.0", "1764000000000"),
            ("-5", "-5"),
            ("-5.0", "-5"),
            ("100000000000000000001", "100000000000000000001"),
            ("1.00000000000000000001e20", "100000000000000000001"),
        ] {
            assert_eq!(whole(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_whole_or_no_number_is_none() {
        let long = "9".repeat(401);
        for text in [
            "",
            "-",
            "1.",
            ".5",
            "1.5",
            "1e",
            "1e-1",
            "15e-1",
            "01",
            "+1",
            "1e400",
            "1e999999999999",
            " 1",
            "1 ",
            "0x1",
            "1_000",
            "NaN",
            "٧",
            "--1",
            "1e+-1",
            "0.5e0",
            &long,
        ] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn moving_the_point_alters_nothing(number: u64, places in 0usize..25) {
            let digits = number.to_string();
            let padded = format!("{digits:0>26}");
            let (units, fraction) = padded.split_at(padded.len() - places);
            let units = units.trim_start_matches('0');
            let units = if units.is_empty() { "0" } else { units };
            let point = if places == 0 { "" } else { "." };
            let text = format!("{units}{point}{fraction}e{places}");
            let read = whole(&text);
            prop_assert_eq!(read.as_deref(), Some(digits.as_str()), "{}", text);
        }
    }
}
