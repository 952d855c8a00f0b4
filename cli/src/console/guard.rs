//! Decides which requests are the operator's own. Their sender must know the printed address, and a
//! page of this address must have sent them.
//!
//! Any program of this machine and any page in the operator's browser can send requests to
//! loopback. So a request must hold a secret that neither knows. The printed address holds a token,
//! which becomes a cookie. A request that sends something also needs a second token, which is in
//! the page.
//!
//! The guard sees values only and answers nothing; `gate` turns its verdict into a response.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};

/// 256 bits from the operating system, as text.
pub(crate) struct Secret(String);

impl Secret {
    fn new() -> Result<Secret, String> {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes)
            .map_err(|_| "the operating system gives no random numbers".to_owned())?;
        Ok(Secret(
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        ))
    }

    /// Compares in constant time, so that the time does not tell how much of the text is right.
    fn is(&self, other: &str) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), other.as_bytes()).is_ok()
    }

    /// The text, for the person or page that is meant to have it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// The secrets that a request must show.
pub(crate) struct Guard {
    port: u16,
    token: Secret,
    session: Secret,
    form: Secret,
}

/// The verdict on a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The request brought the token of the printed address. It gets the cookie.
    Enters,
    /// The request is the operator's own. If it sends something, the page's token is needed
    /// too.
    IsIn,
    /// The request is refused, for this reason.
    Refused(&'static str),
}

const NO_COOKIE: &str = "open the address that campaign-sync printed when it began; if you just followed a link to it from another \
     page, reload this page";

impl Guard {
    /// Makes new secrets. `port` is the port that is served.
    pub(crate) fn new(port: u16) -> Result<Guard, String> {
        Ok(Guard {
            port,
            token: Secret::new()?,
            session: Secret::new()?,
            form: Secret::new()?,
        })
    }

    /// The address to open.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}/?token={}", self.port, self.token.0)
    }

    /// The token that each form holds.
    pub(crate) fn form(&self) -> &str {
        self.form.expose()
    }

    /// Judges everything in a request except its body.
    pub(crate) fn judge(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Verdict {
        if !self.is_host(headers) {
            return Verdict::Refused("the request names another host than this one");
        }
        let is_read = *method == Method::GET || *method == Method::HEAD;
        if !is_read && *method != Method::POST {
            return Verdict::Refused("only GET and POST are understood");
        }
        if is_read && uri.path() == "/" && token(uri).is_some_and(|given| self.token.is(given)) {
            return Verdict::Enters;
        }
        if !is_from_here(headers, is_read) {
            return Verdict::Refused("the request comes from a page of another address");
        }
        if !cookies(headers, &self.cookie_name()).any(|given| self.session.is(given)) {
            return Verdict::Refused(NO_COOKIE);
        }
        Verdict::IsIn
    }

    /// Whether a form holds the token of this console's pages.
    pub(crate) fn is_of_a_page(&self, given: Option<&str>) -> bool {
        given.is_some_and(|given| self.form.is(given))
    }

    /// The cookie that brings the session's secret back, to this address only.
    pub(crate) fn cookie(&self) -> Option<HeaderValue> {
        let (name, value) = (self.cookie_name(), &self.session.0);
        HeaderValue::from_str(&format!(
            "{name}={value}; Path=/; HttpOnly; SameSite=Strict"
        ))
        .ok()
    }

    /// A cookie is shared by all ports of a host, so the name of the cookie holds the port.
    fn cookie_name(&self) -> String {
        format!("campaign-sync-console-{}", self.port)
    }

    /// Only the usual names of loopback with this port are accepted. To a browser another name
    /// that leads here is another site, and a page of that site could ask.
    fn is_host(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return false;
        };
        ["127.0.0.1", "localhost", "[::1]"]
            .iter()
            .any(|name| *host == format!("{name}:{}", self.port))
    }
}

/// The token in the address's query.
fn token(uri: &Uri) -> Option<&str> {
    let pairs = uri.query()?.split('&');
    pairs
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(name, value)| (name == "token").then_some(value))
}

fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let all = headers.get_all(header::COOKIE).iter();
    let all = all.filter_map(|cookies| cookies.to_str().ok());
    let pairs = all.flat_map(|cookies| cookies.split(';'));
    let pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs.filter_map(move |(of, value)| (of == name).then_some(value))
}

/// Whether the request comes from a page of this address, or from the operator by hand. Pages of
/// other ports are the same site to a browser, so the rule of the cookie would let them in.
fn is_from_here(headers: &HeaderMap, is_read: bool) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(header::HOST).unwrap_or_default();
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let is_site = match site {
        Some(b"same-origin") => true,
        Some(b"none") => is_read,
        Some(_) => return false,
        None => is_read,
    };
    match text(header::ORIGIN) {
        // A page with a referrer policy of `no-referrer` sends `Origin: null` with its own
        // forms too.
        Some("null") => site == Some(b"same-origin"),
        Some(origin) => origin == format!("http://{host}"),
        None => is_site,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "127.0.0.1:4000";

    fn judged(guard: &Guard, method: Method, uri: &str, headers: &[(&str, &str)]) -> Verdict {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let name = header::HeaderName::from_bytes(name.as_bytes()).unwrap();
            all.append(name, HeaderValue::from_str(value).unwrap());
        }
        guard.judge(&method, &uri.parse().unwrap(), &all)
    }

    fn is_in(guard: &Guard, method: Method, headers: &[(&str, &str)]) -> bool {
        let cookie = format!("a=b; {}={}", guard.cookie_name(), guard.session.expose());
        let mut all = vec![("cookie", cookie.as_str())];
        all.extend(headers);
        judged(guard, method, "/parked", &all) == Verdict::IsIn
    }

    #[test]
    fn every_console_has_secrets_of_its_own_of_256_bits() {
        let (one, other) = (Guard::new(4000).unwrap(), Guard::new(4000).unwrap());
        let all = [&one, &other].map(|guard| [&guard.token.0, &guard.session.0, &guard.form.0]);
        let all: std::collections::BTreeSet<_> = all.into_iter().flatten().collect();
        assert_eq!(all.len(), 6);
        assert!(all.iter().all(|secret| secret.len() == 64));
    }

    #[test]
    fn only_the_printed_address_opens_a_session() {
        let guard = Guard::new(4000).unwrap();
        let address = guard.address();
        let path = address.strip_prefix("http://127.0.0.1:4000").unwrap();
        let enters = |path: &str| judged(&guard, Method::GET, path, &[("host", HOST)]);
        assert_eq!(enters(path), Verdict::Enters);
        assert_eq!(
            judged(&guard, Method::GET, path, &[("host", "evil:4000")]),
            Verdict::Refused("the request names another host than this one")
        );
        for other in [
            "/",
            "/?token=",
            "/?token=0",
            "/?t=1&token=",
            &path[..path.len() - 1],
            &format!("{path}0"),
        ] {
            assert_eq!(enters(other), Verdict::Refused(NO_COOKIE), "{other}");
        }
        assert_eq!(
            enters(&path.replace("/?", "/parked?")),
            Verdict::Refused(NO_COOKIE)
        );
    }

    #[test]
    fn the_cookie_counts_from_this_address_alone() {
        let guard = Guard::new(4000).unwrap();
        let host = ("host", HOST);
        assert!(is_in(&guard, Method::GET, &[host]));
        assert!(is_in(
            &guard,
            Method::GET,
            &[host, ("sec-fetch-site", "none")]
        ));
        assert!(is_in(&guard, Method::GET, &[("host", "localhost:4000")]));
        assert!(is_in(&guard, Method::GET, &[("host", "[::1]:4000")]));
        for wrong in ["127.0.0.1", "127.0.0.1:4001", "localhost.evil:4000", "evil"] {
            assert!(!is_in(&guard, Method::GET, &[("host", wrong)]), "{wrong}");
        }
        for site in ["same-site", "cross-site"] {
            assert!(!is_in(
                &guard,
                Method::GET,
                &[host, ("sec-fetch-site", site)]
            ));
        }
        assert!(!is_in(&guard, Method::PUT, &[host]));
        assert_eq!(
            judged(&guard, Method::GET, "/parked", &[host]),
            Verdict::Refused(NO_COOKIE)
        );
    }

    #[test]
    fn a_post_is_let_in_only_from_the_consoles_own_origin() {
        let guard = Guard::new(4000).unwrap();
        let host = ("host", HOST);
        let own = ("origin", "http://127.0.0.1:4000");
        assert!(is_in(&guard, Method::POST, &[host, own]));
        assert!(is_in(
            &guard,
            Method::POST,
            &[host, ("sec-fetch-site", "same-origin")]
        ));
        assert!(!is_in(&guard, Method::POST, &[host]));
        let nowhere = ("origin", "null");
        assert!(!is_in(&guard, Method::POST, &[host, nowhere]));
        for (site, is_own) in [
            ("same-origin", true),
            ("same-site", false),
            ("cross-site", false),
        ] {
            let site = ("sec-fetch-site", site);
            assert_eq!(is_in(&guard, Method::POST, &[host, nowhere, site]), is_own);
        }
        assert!(!is_in(
            &guard,
            Method::POST,
            &[host, ("origin", "http://127.0.0.1:4001")]
        ));
        assert!(!is_in(
            &guard,
            Method::POST,
            &[host, own, ("sec-fetch-site", "same-site")]
        ));
        assert!(!is_in(
            &guard,
            Method::POST,
            &[host, ("sec-fetch-site", "none")]
        ));
        assert!(!guard.is_of_a_page(None) && !guard.is_of_a_page(Some("")));
        assert!(guard.is_of_a_page(Some(guard.form.expose())));
    }
}
