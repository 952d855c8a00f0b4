//! The middleware before every page: it asks the guard, and adds the security headers to each
//! answer.
//!
//! Which request is the operator's is decided in `guard`.

use std::sync::Arc;

use axum::Form;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::fields::Fields;
use super::guard::Verdict;
use super::page;

/// The content security policy: a page may load only what this console serves itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The name of the hidden field that holds the page's token in each form.
pub(crate) const FORM_TOKEN: &str = "csrf";

/// Lets the operator's own requests through, with the fields of their forms.
pub(crate) async fn gate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let verdict = app
        .guard
        .judge(request.method(), request.uri(), request.headers());
    let answer = match verdict {
        Verdict::Enters => enter(&app),
        Verdict::Refused(why) => refused(StatusCode::FORBIDDEN, "Not let in", why),
        Verdict::IsIn if request.method() == Method::POST => sent(&app, request, next).await,
        Verdict::IsIn => next.run(request).await,
    };
    protected(answer)
}

/// Redirects to the same address without the token. The browser's history still keeps the address
/// with the token, as docs/console.md says.
fn enter(app: &App) -> Response {
    let Some(cookie) = app.guard.cookie() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::SET_COOKIE, cookie);
    headers.insert(header::LOCATION, HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn refused(status: StatusCode, title: &str, why: &str) -> Response {
    (status, page::html(page::alone(title, why))).into_response()
}

async fn sent(app: &App, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let form = Request::from_parts(parts.clone(), body);
    let fields = match Form::<Vec<(String, String)>>::from_request(form, &()).await {
        Ok(Form(fields)) => Fields::new(fields),
        Err(error) => {
            let why = match error.status() {
                StatusCode::PAYLOAD_TOO_LARGE => "What was sent is longer than 2 MB.",
                _ => "The request is not a form.",
            };
            return refused(error.status(), "Not understood", why);
        }
    };
    if !app.guard.is_of_a_page(fields.whole(FORM_TOKEN)) {
        let why = "no page of this console sent this form: reload the page";
        return refused(StatusCode::FORBIDDEN, "Not let in", why);
    }
    let mut request = Request::from_parts(parts, axum::body::Body::empty());
    request.extensions_mut().insert(fields);
    next.run(request).await
}

/// Refuses every request that alters something, if the console is read-only.
pub(crate) async fn alters(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if app.is_read_only {
        let why = "This console changes nothing: it was started with --read-only.";
        return refused(StatusCode::FORBIDDEN, "Read only", why);
    }
    next.run(request).await
}

fn protected(mut answer: Response) -> Response {
    let all = [
        ("content-security-policy", POLICY),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ];
    for (name, value) in all {
        let name = HeaderName::from_static(name);
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    answer
}
