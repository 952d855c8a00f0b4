//! What ingest refuses whole, whatever is in it (docs/contract.md "Webhook").

use std::fmt;

use domain::change::Fault;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use ingest::cloud_event::Form;

/// The largest body: 256 KiB.
const MAX_BODY: usize = 256 << 10;

/// A request that is refused, and why.
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "The request would be answered {}: {}",
            self.status, self.why
        )
    }
}

/// The form of a body that is looked at, or what is wrong with the headers that tell of it.
pub(super) fn form(headers: &HeaderMap, body: &str) -> Result<Result<Form, Fault>, Refused> {
    let refused = |status, why: &str| Refused {
        status,
        why: why.to_owned(),
    };
    if body.len() > MAX_BODY {
        return Err(refused(413, "expected a body of at most 256 KiB"));
    }
    if !is_identity(headers) {
        return Err(refused(
            415,
            "content-encoding: expected a body that is not compressed",
        ));
    }
    Form::of(headers).ok_or_else(|| {
        let expected = "content-type: expected application/json, or application/…+json";
        refused(415, expected)
    })
}

impl Refused {
    /// Of a request that is refused whatever its source wishes.
    pub(super) fn of(faults: &[Fault]) -> Refused {
        let why = faults.iter().map(ToString::to_string).collect::<Vec<_>>();
        Refused {
            status: 400,
            why: why.join("; "),
        }
    }
}

fn is_identity(headers: &HeaderMap) -> bool {
    let all = headers.get_all(CONTENT_ENCODING).iter();
    let mut all = all.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    all.all(|encoding| {
        let encoding = encoding.trim_ascii();
        encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity")
    })
}
