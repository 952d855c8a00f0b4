//! Requests that ingest refuses as a whole, whatever their items are (docs/contract.md "Webhook").

use std::fmt;

use domain::change::Fault;
use ingest::body;

/// A request that is refused, and why.
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) why: String,
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

/// The request is refused for its body and headers.
impl From<body::BodyError> for Refused {
    fn from(refused: body::BodyError) -> Refused {
        let (status, why) = match refused {
            body::BodyError::TooLarge => (413, "expected a body of at most 256 KiB"),
            body::BodyError::Encoded => (
                415,
                "content-encoding: expected a body that is not compressed",
            ),
            body::BodyError::MediaType => (
                415,
                "content-type: expected application/json, or application/…+json",
            ),
        };
        let why = why.to_owned();
        Refused { status, why }
    }
}

/// The request is refused for faults of its items, whatever the source's `onFault` is.
impl From<Vec<Fault>> for Refused {
    fn from(faults: Vec<Fault>) -> Refused {
        let why = faults.iter().map(ToString::to_string).collect::<Vec<_>>();
        Refused {
            status: 400,
            why: why.join("; "),
        }
    }
}
