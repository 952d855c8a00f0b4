//! Numbers of JSON as plain decimal text: no digit is lost, none is superfluous.

/// The most characters of a number that is written out: every reader of JSON takes it for finite.
pub(crate) const MOST: usize = 300;

/// The shortest decimal text without an exponent that is this number exactly: `1.50` is `1.5`, `1e3`
/// is `1000`, `-0` is `0`. `None`: it has more than 300 characters, or is no number of JSON.
pub(crate) fn plain(text: &str) -> Option<String> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (units, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if units.is_empty() || !are_digits(units) || !are_digits(fraction) {
        return None;
    }
    let digits = format!("{units}{fraction}");
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some("0".to_owned());
    }
    let digits = digits.trim_end_matches('0');
    // How many of the digits stand before the point: below zero, so many zeros follow it first.
    let exponent: i64 = match exponent {
        Some(exponent) => exponent.parse().ok()?,
        None => 0,
    };
    let point = i64::try_from(units.len()).ok()? - i64::try_from(leading).ok()?;
    let point = point.checked_add(exponent)?;
    let most = i64::try_from(MOST).ok()?;
    if digits.len() > MOST || point > most || point < -most {
        return None;
    }
    let plain = match usize::try_from(point) {
        Ok(0) | Err(_) => {
            let zeros = usize::try_from(-point).ok()?;
            format!("{sign}0.{}{digits}", "0".repeat(zeros))
        }
        Ok(point) if point >= digits.len() => {
            format!("{sign}{digits}{}", "0".repeat(point - digits.len()))
        }
        Ok(point) => format!("{sign}{}.{}", &digits[..point], &digits[point..]),
    };
    (plain.len() <= MOST).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_is_written_out_exactly() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.00e7", "0"),
            ("1.50", "1.5"),
            ("1e3", "1000"),
            ("1E+3", "1000"),
            ("100e-2", "1"),
            ("-12.5e-3", "-0.0125"),
            ("0.1000000000000000055", "0.1000000000000000055"),
            ("9007199254740993", "9007199254740993"),
            ("18446744073709551616.0", "18446744073709551616"),
            ("123.45e1", "1234.5"),
            ("0.00012", "0.00012"),
            ("10", "10"),
        ] {
            assert_eq!(plain(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_too_long_or_no_number_is_none() {
        let long = "9".repeat(401);
        for text in [
            "1e400",
            "1e999999",
            "1e-999999",
            "1e99999999999999999999",
            "1e9223372036854775807",
            "NaN",
            "-",
            "",
            "inf",
            &long,
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_is_the_same_number(number: f64) {
            prop_assume!(number.is_finite() && (number == 0.0 || number.abs() > 1e-60) && number.abs() < 1e290);
            let text = plain(&format!("{number:e}")).unwrap();
            prop_assert_eq!(text.parse::<f64>().unwrap(), number);
            let again = plain(&text);
            prop_assert_eq!(again.as_deref(), Some(text.as_str()));
        }
    }
}
