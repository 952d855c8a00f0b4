//! Downloads an export's file and feeds it to `rows`.
//!
//! The address is asked for or checked here, so that the download goes to an https host and carries
//! no token. `export` waits until the export is ready.

use std::time::Duration;

use bytes::Bytes;
use domain::failure::{Failure, Kind};
use futures_util::StreamExt;
use http::{Method, Request, Uri, header};

use super::rows::Rows;
use super::{ContactList, List, NoExport, OwnedCall, Patience, Ready, Snapshot};
use crate::genesys::contact_lists::parse;
use crate::genesys::wire;

const DOWNLOAD: &str = "GET the export's download";
const ADDRESS: &str = "GET the export's address";
/// How long to wait for the head of a download, and between two pieces of it.
const SILENCE: Duration = Duration::from_secs(30);

impl ContactList {
    pub(super) async fn download(
        &self,
        list: &List,
        ready: &Ready,
        patience: &Patience<'_>,
    ) -> Result<Snapshot, NoExport> {
        let address = self.address(&ready.uri).await?;
        // The request has no token: the host of the file is not the one that issued it.
        let request = Request::get(address).body(Bytes::new());
        let request = request.map_err(|_| not_an_address())?;
        let shared = &self.org.shared;
        let failed = |error: crate::http::TransportError| {
            NoExport::Failed(Failure::new(
                Kind::Unavailable,
                format!("{DOWNLOAD}: {error}"),
            ))
        };
        let answer = shared.transport.stream(request, SILENCE);
        let answer = answer.await.map_err(failed)?;
        let status = answer.status();
        if !status.is_success() {
            let detail = format!("{DOWNLOAD}: {}", status.as_u16());
            return Err(Failure::new(Kind::Unavailable, detail).into());
        }
        let length = answer.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let mut rows = Rows::new(&list.columns, list.numbers.as_ref())?;
        let (mut pieces, mut read) = (answer.into_body(), 0);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(failed)?;
            read += piece.len() as u64;
            rows.take(&piece)?;
            let is_late = patience.end.is_some_and(|end| shared.clock.now() >= end);
            if is_late || (patience.is_asked_to_stop)() {
                return Err(NoExport::Late);
            }
        }
        if length.is_some_and(|length| length != read) {
            return Err(NoExport::Malformed("it is cut short".to_owned()));
        }
        rows.end(self.version_field.as_deref())
    }

    /// The address of the file. If the export's address is one of the API, the API is asked for it.
    async fn address(&self, uri: &str) -> Result<Uri, NoExport> {
        let address: Uri = uri.parse().map_err(|_| not_an_address())?;
        let secret = self.org.open(&self.run).await?;
        let api: Option<Uri> = self.org.base(&secret).parse().ok();
        let is_of_api = api.is_some_and(|api| {
            address.scheme() == api.scheme() && address.authority() == api.authority()
        });
        if !is_of_api || !address.path().starts_with("/api/") {
            return self.allowed(address);
        }
        let path = match address.query() {
            Some(query) => format!("{}?{query}&issueRedirect=false", address.path()),
            None => format!("{}?issueRedirect=false", address.path()),
        };
        let call = OwnedCall {
            method: Method::GET,
            path,
            what: ADDRESS,
        };
        let body = self.org.call(&self.run, &call.as_call()).await?;
        let found = parse::<wire::Address>(&body, ADDRESS)?;
        self.allowed(found.url.parse().map_err(|_| not_an_address())?)
    }

    fn allowed(&self, address: Uri) -> Result<Uri, NoExport> {
        // The hosts of Genesys Cloud are replaced in local runs only.
        let is_local = self.org.shared.config.genesys_base_url.is_some();
        let is_safe = match address.scheme_str() {
            Some("https") => true,
            Some("http") => is_local,
            _ => false,
        };
        let names_nobody = address
            .authority()
            .is_some_and(|authority| !authority.as_str().contains('@'));
        if is_safe && names_nobody {
            Ok(address)
        } else {
            Err(not_an_address())
        }
    }
}

fn not_an_address() -> NoExport {
    NoExport::Malformed("expected an https address of its file".to_owned())
}
