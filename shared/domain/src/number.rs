//! JSON numbers, read by their text. No digit is lost, whereas a float loses digits beyond 2⁵³.
//!
//! [`whole`] reads whole numbers, such as a rank or a contact key. [`plain`] writes any number in
//! its shortest decimal form.

use std::borrow::Cow;

/// The most digits of a whole number.
const MOST_DIGITS: usize = 400;

/// A number as its digits, without zeros at either end, and the position of the decimal point. A
/// position below zero means that zeros follow the point before the digits.
struct Parts<'a> {
    sign: &'a str,
    digits: String,
    point: i64,
}

/// Returns `None` if the text is no JSON number (RFC 8259 section 6), or if it is far too large or
/// small.
fn parts(text: &str) -> Option<Parts<'_>> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (&text[..1], unsigned),
        None => ("", text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (units, fraction) = match mantissa.split_once('.') {
        Some((units, fraction)) if are_digits(fraction) => (units, fraction),
        Some(_) => return None,
        None => (mantissa, ""),
    };
    if !are_digits(units) || (units.len() > 1 && units.starts_with('0')) {
        return None;
    }
    let all = format!("{units}{fraction}");
    let digits = all.trim_start_matches('0');
    let leading = i64::try_from(all.len() - digits.len()).ok()?;
    let exponent = match exponent {
        // Zero is zero whatever its exponent.
        Some(text) if digits.is_empty() && is_exponent(text) => 0,
        Some(text) => self::exponent(text)?,
        None => 0,
    };
    let point = i64::try_from(units.len()).ok()? - leading + exponent;
    Some(Parts {
        sign,
        digits: digits.trim_end_matches('0').to_owned(),
        point,
    })
}

/// The decimal digits of a whole number, however it is written: `17.0` and `1.7E1` are `17`. A
/// number below zero begins with `-`, and none begins with a zero. `None` means that the text is no
/// JSON number, that the number is not whole, or that it has more than 400 digits.
pub fn whole(text: &str) -> Option<Cow<'_, str>> {
    let is_plain = are_digits(text) && (text.len() == 1 || !text.starts_with('0'));
    if is_plain {
        return (text.len() <= MOST_DIGITS).then_some(Cow::Borrowed(text));
    }
    let plain = plain(text, MOST_DIGITS)?;
    (!plain.contains('.')).then_some(Cow::Owned(plain))
}

/// The shortest decimal text of a number without an exponent: `1.50` is `1.5`, `1e3` is `1000`, and
/// `-0` is `0`. `None` means that the text would have more than `most` characters, or is no JSON
/// number.
pub fn plain(text: &str, most: usize) -> Option<String> {
    let Parts {
        sign,
        digits,
        point,
    } = parts(text)?;
    if digits.is_empty() {
        return Some("0".to_owned());
    }
    let bound = i64::try_from(most).ok()?;
    if digits.len() > most || point > bound || point < -bound {
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
    (plain.len() <= most).then_some(plain)
}

fn exponent(text: &str) -> Option<i64> {
    // A number with more digits is too large, or not whole.
    let is_short = unsigned(text).trim_start_matches('0').len() <= 9;
    (is_exponent(text) && is_short)
        .then(|| text.parse().ok())
        .flatten()
}

fn is_exponent(text: &str) -> bool {
    are_digits(unsigned(text))
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
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
    fn a_text_that_is_not_a_whole_number_is_invalid() {
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
            "0e",
            "0e+",
            "0e+-1",
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

    #[test]
    fn a_number_is_written_out_exactly() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.00e7", "0"),
            ("0e9999999999", "0"),
            ("0.0e-99999999999999999999", "0"),
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
            assert_eq!(plain(text, 300).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_number_or_too_long_to_write_out_is_invalid() {
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
            assert_eq!(plain(text, 300), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_is_the_same_number(number: f64) {
            prop_assume!(number.is_finite() && (number == 0.0 || number.abs() > 1e-60) && number.abs() < 1e290);
            let text = plain(&format!("{number:e}"), 300).unwrap();
            prop_assert_eq!(text.parse::<f64>().unwrap(), number);
            let again = plain(&text, 300);
            prop_assert_eq!(again.as_deref(), Some(text.as_str()));
        }
    }
}
