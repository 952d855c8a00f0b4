//! Makes a request as a sender would, so that a person can try a source.
//!
//! It is the counterpart of [`super::judge`]: for each kind of source, [`sent`] adds the signature,
//! password or token that `judge` accepts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{AUTHORIZATION, HeaderName};
use io::secrets::{Auth, BodyToken, Part, Signature, SigningSecret, TimePlace};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};

use super::signature;

/// A request without its address.
#[derive(Clone, Debug)]
pub struct SignedRequest {
    /// Names and values, without `content-type`.
    pub headers: Vec<(String, String)>,
    /// The query of the URL. It may be empty.
    pub query: String,
    /// The body.
    pub body: String,
}

/// A POST of this body, with the first of the source's secrets that is long enough.
///
/// # Errors
/// A message that says why no request can be made.
pub fn sent(auth: &Auth, body: &str, now: Timestamp) -> Result<SignedRequest, String> {
    let by = |headers| SignedRequest {
        headers,
        query: String::new(),
        body: body.to_owned(),
    };
    let header = |name: &HeaderName, value: String| vec![(name.to_string(), value)];
    let first = |values: &[SecretString]| {
        let first = values.first().map(|first| first.expose_secret().to_owned());
        first.ok_or_else(|| "the source's secret holds no token or password".to_owned())
    };
    Ok(match auth {
        Auth::StandardWebhooks(secrets) => by(standard(secrets, body, now)?),
        Auth::Bearer(tokens) => by(header(&AUTHORIZATION, format!("Bearer {}", first(tokens)?))),
        Auth::Basic(users) => {
            let base64 = STANDARD.encode(first(users)?);
            by(header(&AUTHORIZATION, format!("Basic {base64}")))
        }
        Auth::Header(token) => by(header(&token.name, first(&token.values)?)),
        Auth::Signature(signature) => by(signed(signature, body, now)?),
        Auth::Query(token) => {
            let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let (name, value) = (encoded(&token.name), encoded(&first(&token.values)?));
            SignedRequest {
                query: format!("{name}={value}"),
                ..by(Vec::new())
            }
        }
        Auth::Body(token) => SignedRequest {
            body: with_token(token, &first(&token.values)?, body)?,
            ..by(Vec::new())
        },
    })
}

fn id(now: Timestamp) -> String {
    format!("msg_{}", now.as_microsecond())
}

fn standard(
    secrets: &[SigningSecret],
    body: &str,
    now: Timestamp,
) -> Result<Vec<(String, String)>, String> {
    let long = secrets.iter().find(|secret| !secret.is_short);
    let secret = long.ok_or("its signing secrets are too short")?;
    let (id, sent_at) = (id(now), now.as_second());
    let signature = Webhook::new(secret.text.expose_secret())
        .and_then(|webhook| webhook.sign(&id, sent_at, body.as_bytes()))
        .map_err(|_| "its signing secret cannot sign")?;
    let headers = [
        (HEADER_WEBHOOK_ID, id),
        (HEADER_WEBHOOK_TIMESTAMP, sent_at.to_string()),
        (HEADER_WEBHOOK_SIGNATURE, signature),
    ];
    Ok(headers
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec())
}

fn signed(
    signature: &Signature,
    body: &str,
    now: Timestamp,
) -> Result<Vec<(String, String)>, String> {
    let scheme = &signature.scheme;
    let secret = signature.secrets.first();
    let secret = secret.ok_or("the source's secret holds no secret to sign with")?;
    let id = id(now).replace('_', "-");
    if scheme.signed.beside_id().any(|beside| id.contains(beside)) {
        return Err(
            "an id can only be made up that holds a delimiter of what is signed: sign by hand"
                .to_owned(),
        );
    }
    let sent_at = scheme.time.as_ref().map(|time| {
        let number = if time.is_milliseconds {
            now.as_millisecond()
        } else {
            now.as_second()
        };
        (number.to_string(), &time.place)
    });
    let time = sent_at.as_ref().map_or("", |(time, _)| time);
    let url = signature.url.as_ref().map_or("", |url| url.expose_secret());
    let bytes = signature::sign(scheme, secret.expose_secret(), |part| match part {
        Part::Method => Method::POST.as_str().as_bytes(),
        Part::Url => url.as_bytes(),
        Part::Body => body.as_bytes(),
        Part::Timestamp => time.as_bytes(),
        Part::Id => id.as_bytes(),
        Part::Secret => secret.expose_secret(),
    });
    let mut text = format!(
        "{}{}",
        scheme.prefix,
        signature::encoded(&bytes, scheme.encoding)
    );
    let mut headers = Vec::new();
    match (&sent_at, scheme.delimiter) {
        (Some((time, TimePlace::Header(name))), _) => {
            headers.push((name.to_string(), time.clone()));
        }
        (Some((time, TimePlace::Beside(prefix))), Some(delimiter)) => {
            text = format!("{prefix}{time}{delimiter}{text}");
        }
        _ => {}
    }
    headers.extend(scheme.id.as_ref().map(|name| (name.to_string(), id)));
    headers.push((scheme.header.to_string(), text));
    Ok(headers)
}

/// The body with the token at its place. The members that lead there must exist.
fn with_token(token: &BodyToken, value: &str, body: &str) -> Result<String, String> {
    const NO_PLACE: &str = "the body has no place for the token where the source's secret says";
    let (last, before) = token.path.split_last().ok_or(NO_PLACE)?;
    let mut body: Value = serde_json::from_str(body).map_err(|_| "the body is not JSON")?;
    let mut at = &mut body;
    for step in before {
        at = match at {
            Value::Array(items) => step
                .parse()
                .ok()
                .and_then(|place: usize| items.get_mut(place)),
            at => at.get_mut(step),
        }
        .ok_or(NO_PLACE)?;
    }
    let members = at.as_object_mut().ok_or(NO_PLACE)?;
    members.insert(last.clone(), value.into());
    Ok(body.to_string())
}
