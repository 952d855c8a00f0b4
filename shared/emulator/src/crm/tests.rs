use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::Method;
use serde_json::json;

use super::*;

mod dataverse;
mod hubspot;
mod pipedrive;
mod salesforce;

/// A CRM on tokio's clock.
fn crm(vendor: Vendor) -> Crm {
    let start = "2026-11-24T16:00:00Z".parse().unwrap();
    Crm::new(vendor, crate::logical_clock(start))
}

/// A request.
struct Call<'a> {
    method: Method,
    url: &'a str,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl<'a> Call<'a> {
    fn get(url: &'a str) -> Call<'a> {
        Call {
            method: Method::GET,
            url,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    fn post(url: &'a str, body: impl ToString) -> Call<'a> {
        Call {
            method: Method::POST,
            body: body.to_string(),
            ..Call::get(url)
        }
    }

    fn with(mut self, name: &'static str, value: impl ToString) -> Call<'a> {
        self.headers.push((name, value.to_string()));
        self
    }

    fn bearer(self, token: &str) -> Call<'a> {
        self.with("authorization", format!("Bearer {token}"))
    }

    async fn of(self, crm: &Crm) -> (u16, Value) {
        let mut request = Request::builder().method(self.method).uri(self.url);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Bytes::from(self.body)).unwrap();
        let answer = crm.send(request, Duration::from_secs(30)).await.unwrap();
        let body = serde_json::from_slice(answer.body()).unwrap_or_default();
        (answer.status().as_u16(), body)
    }
}

/// A text encoded for a query.
fn encoded(text: &str) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Requests an access token with the client's id and secret in a form.
async fn token(crm: &Crm, url: &str, scope: &str) -> String {
    let form = format!(
        "grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}{scope}"
    );
    let call = Call::post(url, form).with("content-type", "application/x-www-form-urlencoded");
    let (status, body) = call.of(crm).await;
    assert_eq!(status, 200, "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}

fn ids(items: &Value, id: &str) -> Vec<String> {
    let items = items.as_array().unwrap().iter();
    items
        .map(|item| item[id].to_string().trim_matches('"').to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn injected_faults_strike_the_calls_that_they_match() {
    let crm = crm(Vendor::Pipedrive);
    crm.add_fault(Fault::status("GET", 503));
    crm.add_fault(Fault::next("GET", Effect::Lost { is_done: false }));
    let url = "https://acme.pipedrive.com/api/v2/persons?limit=2";
    let call = || Call::get(url).with("x-api-token", TOKEN);
    assert_eq!(call().of(&crm).await.0, 503);
    let request = Request::get(url).body(Bytes::new()).unwrap();
    let lost = crm.send(request, Duration::from_secs(1)).await;
    assert!(matches!(lost, Err(TransportError::Lost)));
    assert_eq!(call().of(&crm).await.0, 200);
    assert_eq!(crm.requests(), ["GET /api/v2/persons?limit=2"; 3]);
}
