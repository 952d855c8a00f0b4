//! The time format of a change.

use std::borrow::Cow;

use jiff::Timestamp;

/// Reads an RFC 3339 time, strictly: jiff alone also accepts forms that other receivers of the same
/// CRM refuse. A fraction may have any length, and is cut off after nanoseconds.
pub(super) fn rfc3339(text: &str) -> Result<Timestamp, Cow<'static, str>> {
    const EXPECTED: &str = "expected an RFC 3339 time such as 2026-11-24T16:00:00Z";
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let is_shaped = text.len() > SHAPE.len()
        && SHAPE
            .iter()
            .zip(text.bytes())
            .all(|(shape, byte)| match shape {
                b'0' => byte.is_ascii_digit(),
                b'T' => matches!(byte, b'T' | b't'),
                other => *other == byte,
            });
    if !is_shaped {
        return Err(EXPECTED.into());
    }
    let (seconds, rest) = text.split_at(SHAPE.len());
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
        None => ("0", rest),
    };
    if fraction.is_empty() {
        return Err(EXPECTED.into());
    }
    match offset.as_bytes() {
        b"Z" | b"z" => {}
        [b'+' | b'-', a, b, b':', c, d]
            if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) => {}
        [sign @ (b'+' | b'-'), digits @ ..] if is_offset_without_colon(digits) => {
            let sign = char::from(*sign);
            return Err(format!(
                "{EXPECTED}: the offset is {sign}00:00 with a colon, not {sign}0000"
            )
            .into());
        }
        _ => return Err(EXPECTED.into()),
    }
    let parsed = if fraction.len() <= 9 {
        text.parse()
    } else {
        format!("{seconds}.{}{offset}", &fraction[..9]).parse()
    };
    parsed.map_err(|_| EXPECTED.into())
}

fn is_offset_without_colon(digits: &[u8]) -> bool {
    matches!(digits.len(), 2 | 4) && digits.iter().all(u8::is_ascii_digit)
}
