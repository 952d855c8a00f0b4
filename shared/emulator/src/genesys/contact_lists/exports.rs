//! Exports of contact lists (docs/genesys-cloud.md "Export of a contact list"). A client requests
//! one, waits until it is ready, and downloads it from another host. `Options::exports` chooses how
//! they behave.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request as Http, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::answer::{Answer, error};
use super::super::{Contact, Genesys, List, State};
use super::{PREFIX, Request, not_found};

/// The prefix of the API's paths that give the address of a download.
pub(in crate::genesys) const DOWNLOADS: &str = "/api/v2/downloads/";
/// The prefix of the paths on the host that keeps the files.
const FILES: &str = "/_exports/";
const HOST: &str = "https://exports.s3.test";
const CHANNELS: [&str; 4] = ["Voice", "Sms", "Email", "WhatsApp"];

/// How exports behave if that is undocumented or varies.
#[derive(Clone, Copy, Debug)]
pub struct Exports {
    /// The time from the POST until the export is ready.
    pub takes: Duration,
    /// Whether files are compressed.
    pub gzip: bool,
    /// Whether files begin with a byte order mark.
    pub bom: bool,
    /// Whether files have the column `ContactableByWhatsApp`.
    pub tells_whatsapp: bool,
    /// Whether GET returns the address of the file itself. Otherwise it returns one of the API,
    /// which redirects to the file.
    pub is_direct: bool,
    /// Whether a download ends before the length that its header announces.
    pub cut_short: bool,
}

impl Default for Exports {
    fn default() -> Exports {
        Exports {
            takes: Duration::from_secs(20),
            gzip: true,
            bom: false,
            tells_whatsapp: false,
            is_direct: false,
            cut_short: false,
        }
    }
}

/// An export that is ready, or will be.
pub(in crate::genesys) struct Export {
    id: String,
    /// The time at which the export was requested. The file shows the list as of then.
    at: Timestamp,
    ready_at: Timestamp,
    file: Bytes,
}

impl Genesys {
    pub(super) fn export(&self, list: &mut List, number: u64, call: &Request<'_>) -> Answer {
        let now = self.clock.now();
        match call.method {
            "POST" => {
                let newest = list
                    .exports
                    .iter()
                    .rposition(|export| export.ready_at <= now);
                list.exports.drain(..newest.unwrap_or(0));
                let export = Export {
                    id: format!("export-{number}"),
                    at: now,
                    ready_at: now + self.options.exports.takes,
                    file: self.file(list),
                };
                list.exports.push(export);
                let shown = json!({ "id": list.id, "selfUri": format!("{PREFIX}contactlists/{}", list.id) });
                (200, shown)
            }
            "GET" => {
                let ready = list.exports.iter().rfind(|export| export.ready_at <= now);
                let Some(export) = ready else {
                    let message =
                        "There is no available download URI for contact list at this time.";
                    return error(404, "no.available.list.export.uri", message);
                };
                let uri = if self.options.exports.is_direct {
                    address(call.origin, &export.id)
                } else {
                    format!("{}{DOWNLOADS}{}", call.origin, export.id)
                };
                (
                    200,
                    json!({ "uri": uri, "exportTimestamp": format!("{:.3}", export.at) }),
                )
            }
            _ => not_found(),
        }
    }

    fn file(&self, list: &List) -> Bytes {
        let options = self.options.exports;
        let mut text = if options.bom { "\u{feff}" } else { "" }.to_owned();
        let columns: Vec<&str> = list.columns.iter().flatten().map(String::as_str).collect();
        let channels = &CHANNELS[..if options.tells_whatsapp { 4 } else { 3 }];
        let phones = list.phone_columns.as_array().into_iter().flatten();
        let phones: Vec<&str> = phones.filter_map(|of| of["columnName"].as_str()).collect();
        let mut header = vec!["inin-outbound-id".to_owned()];
        header.extend(columns.iter().map(|name| (*name).to_owned()));
        header.push("ContactCallable".to_owned());
        header.extend(
            channels
                .iter()
                .map(|channel| format!("ContactableBy{channel}")),
        );
        header.push("ZipCodeAutomaticTimeZone".to_owned());
        for name in &phones {
            let own = [
                "CallRecordLastAttempt",
                "CallRecordLastResult",
                "CallRecordLastAgentWrapup",
                "Callable",
            ];
            header.extend(own.map(|of| format!("{of}-{name}")));
        }
        line(&mut text, header.iter().map(String::as_str));
        for (key, contact) in &list.contacts {
            let mut cells = vec![key.as_str()];
            let value = |name: &&str| contact.data.get(*name).map_or("", String::as_str);
            cells.extend(columns.iter().map(value));
            cells.push(digit(contact.callable));
            let says = |member, name: &str, switch| digit(is_up(contact, member, name, switch));
            cells.extend(
                channels
                    .iter()
                    .map(|of| says("contactableStatus", of, "contactable")),
            );
            cells.push("");
            for name in &phones {
                cells.extend(["", "", "", says("phoneNumberStatus", name, "callable")]);
            }
            line(&mut text, cells.into_iter());
        }
        if !options.gzip {
            return text.into();
        }
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        // Writing to a `Vec` cannot fail.
        let _ = packed.write_all(text.as_bytes());
        packed.finish().unwrap_or_default().into()
    }

    /// Answers for the host that keeps the files. It counts a request that shows a token, and
    /// refuses it as S3 does.
    pub(in crate::genesys) fn storage(&self, request: &Http<Bytes>) -> Option<Response<Bytes>> {
        let id = request.uri().path().strip_prefix(FILES)?;
        let mut state = self.state();
        let refuse = |status: StatusCode| {
            let mut refused = Response::new(Bytes::new());
            *refused.status_mut() = status;
            Some(refused)
        };
        if request.headers().contains_key("authorization") {
            state.tokens_elsewhere += 1;
            return refuse(StatusCode::BAD_REQUEST);
        }
        let Some(mut file) = state.export(id).map(|export| export.file.clone()) else {
            return refuse(StatusCode::FORBIDDEN);
        };
        state.downloads += 1;
        let length = file.len();
        if self.options.exports.cut_short {
            file.truncate(length / 2);
        }
        let mut response = Response::new(file);
        response
            .headers_mut()
            .insert("content-length", length.into());
        Some(response)
    }
}

impl State {
    fn export(&self, id: &str) -> Option<&Export> {
        let mut exports = self.lists.values().flat_map(|list| &list.exports);
        exports.find(|export| export.id == id)
    }

    /// Answers `GET /api/v2/downloads/{id}`.
    pub(in crate::genesys) fn download(&self, call: &Request<'_>) -> Answer {
        let id = call.path.strip_prefix(DOWNLOADS).unwrap_or_default();
        let is_there = call.method == "GET" && self.export(id).is_some();
        let redirects = call.query("issueRedirect") != ["false"];
        match (is_there, redirects) {
            (false, _) => not_found(),
            (true, true) => (303, Value::Null),
            (true, false) => (200, json!({ "url": address(call.origin, id) })),
        }
    }
}

/// The address of a file. Without a host name the service is on loopback, and serves the file
/// itself.
fn address(origin: &str, id: &str) -> String {
    let host = if origin.starts_with("http:") {
        origin
    } else {
        HOST
    };
    format!("{host}{FILES}{id}?X-Amz-Signature=0123456789abcdef")
}

fn digit(is_up: bool) -> &'static str {
    if is_up { "1" } else { "0" }
}

fn is_up(contact: &Contact, member: &str, name: &str, switch: &str) -> bool {
    let status = contact
        .of_the_dialler
        .get(member)
        .map(|of| &of[name][switch]);
    status.and_then(Value::as_bool) != Some(false)
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (n, cell) in cells.enumerate() {
        if n > 0 {
            text.push(',');
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    text.push_str("\r\n");
}
