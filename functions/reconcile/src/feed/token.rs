//! Tokens of a feed. They are asked for one at a time, and kept until shortly before they expire.

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use io::secrets::{FeedAuth, FeedSecret, NoToken, OAuth2, TokenRequest};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::turn::Turn;
use super::{FaultOf, NoPage};
use crate::Context;

/// A token that the endpoint issued.
pub(super) struct CachedToken {
    /// The fingerprint of the secret with which it was asked for.
    print: String,
    authorization: SecretString,
    until: Timestamp,
}

impl CachedToken {
    fn is_good(&self, print: &str, refused: Option<&SecretString>, now: Timestamp) -> bool {
        let is_refused =
            |refused: &SecretString| refused.expose_secret() == self.authorization.expose_secret();
        self.print == print && now < self.until && !refused.is_some_and(is_refused)
    }
}

impl Context {
    /// The token for the feed, if its secret uses OAuth 2.0. `refused` is a token that the feed did
    /// not accept.
    pub(super) async fn token(
        &self,
        secret: &FeedSecret,
        turn: &Turn,
        refused: Option<&SecretString>,
        end: Option<Timestamp>,
    ) -> Result<Option<SecretString>, NoPage> {
        let FeedAuth::OAuth2(oauth) = &secret.auth else {
            return Ok(None);
        };
        let mut kept = turn.token.lock().await;
        let now = self.shared.clock.now();
        if let Some(kept) = &*kept
            && kept.is_good(&secret.print, refused, now)
        {
            return Ok(Some(kept.authorization.clone()));
        }
        *kept = None;
        let token = self.ask_for_token(oauth, turn, end).await;
        let token = token.map_err(|no| match no {
            NoPage::Fault(_, what) => {
                NoPage::Fault(FaultOf::Feed, format!("the token endpoint: {what}"))
            }
            no => no,
        })?;
        let authorization = token.authorization.clone();
        *kept = Some(CachedToken {
            print: secret.print.clone(),
            authorization: token.authorization,
            until: now.saturating_add(token.good_for).unwrap_or(now),
        });
        Ok(Some(authorization))
    }

    async fn ask_for_token(
        &self,
        oauth: &OAuth2,
        turn: &Turn,
        end: Option<Timestamp>,
    ) -> Result<io::secrets::FeedToken, NoPage> {
        let fault = |no: NoToken| NoPage::Fault(FaultOf::Feed, no.to_string());
        let request = oauth.request(self.shared.clock.now()).map_err(fault)?;
        let request = written(&request)?;
        let answer = self.asked(turn, std::time::Duration::ZERO, &request, end);
        let answer = answer.await?;
        oauth.token(answer.status(), answer.body()).map_err(fault)
    }
}

fn written(asked: &TokenRequest) -> Result<Request<Bytes>, NoPage> {
    let unwritten = || NoPage::of_page("its address cannot be written as a request");
    let form = Bytes::from(asked.body.expose_secret().to_owned());
    let mut request = Request::post(asked.url.as_str())
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form)
        .map_err(|_| unwritten())?;
    if let Some(authorization) = &asked.authorization {
        let value = HeaderValue::from_str(authorization.expose_secret());
        let mut value = value.map_err(|_| unwritten())?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    Ok(request)
}
