//! The files that pages load: one style sheet and one script, both inside the binary.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The style of every page.
pub(crate) async fn style() -> Response {
    served(
        "text/css; charset=utf-8",
        include_str!("assets/console.css"),
    )
    .await
}

/// The script that refreshes parts of a page.
pub(crate) async fn script() -> Response {
    served(
        "text/javascript; charset=utf-8",
        include_str!("assets/console.js"),
    )
    .await
}

fn served(kind: &'static str, text: &'static str) -> std::future::Ready<Response> {
    std::future::ready(([(header::CONTENT_TYPE, kind)], text).into_response())
}
