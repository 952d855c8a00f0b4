//! The HTTP client for Genesys Cloud and for the CRMs' feeds: one request in, one response out. It
//! retries nothing and knows nothing of tokens: `genesys::call` and `reconcile::feed` do. A
//! simulation implements [`Transport`] itself.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::{BoxStream, once, unfold};
use futures_util::{FutureExt, StreamExt};
use http::{Request, Response};
pub use reqwest::Url;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

/// Why there is no response. It is not known whether the request was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// There was no connection, or it was lost before the response was complete.
    #[error("no connection, or it was lost")]
    Lost,
    /// The response was not complete in time.
    #[error("timed out")]
    TimedOut,
    /// The response is larger than 16 MiB, which is more than any expected one.
    #[error("the answer is larger than 16 MiB")]
    TooLarge,
}

/// The body of a response in pieces, as they arrive. It may have any size.
pub type Pieces = BoxStream<'static, Result<Bytes, TransportError>>;

/// Carries requests to Genesys Cloud, or to a CRM's feed.
pub trait Transport: Send + Sync {
    /// Sends one request and reads its whole response within `timeout`. It follows no redirect and
    /// retries nothing.
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>>;

    /// Sends one request and returns its response once the head has arrived. The head and each
    /// piece may take as long as `timeout`. It follows no redirect and retries nothing. By default
    /// the whole body comes as one piece, with the limits of [`send`](Transport::send).
    fn stream(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Pieces>, TransportError>> {
        let whole = |body| once(ready(Ok(body))).boxed();
        self.send(request, timeout)
            .map(move |answer| answer.map(|answer| answer.map(whole)))
            .boxed()
    }
}

const AGENT: &str = concat!("campaign-sync/", env!("CARGO_PKG_VERSION"));
/// The longest time from the DNS lookup to the end of the TLS handshake. It is divided among the
/// addresses of a name, so that a dead one leaves time for the next.
const CONNECT: Duration = Duration::from_secs(2);
/// How long an idle connection is kept. It is shorter than a load balancer's idle timeout, so that
/// a copy that was frozen rarely wakes to a dead connection.
pub(crate) const IDLE: Duration = Duration::from_secs(50);
/// The most bytes of a response. A faulty service must not fill the memory.
const MAX_BODY: usize = 16 << 20;

/// The machine has no root certificate that can be read and used.
#[derive(Debug, thiserror::Error)]
#[error(
    "no TLS root: expected the system's CA certificates (package ca-certificates), or SSL_CERT_FILE to name a file of them"
)]
pub struct NoRoots(#[source] reqwest::Error);

/// HTTP/1.1 over TLS, with connections kept open. No proxy variable is read and no redirect is
/// followed, so that a token goes only to its own host. A request is sent over another connection
/// only if its kept connection had closed before anything was written. The caller retries
/// everything else. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Https(Client);

impl Https {
    /// Reads the machine's TLS roots.
    ///
    /// # Errors
    /// The machine has no usable root certificate.
    pub fn new() -> Result<Https, NoRoots> {
        builder().build().map(Https).map_err(NoRoots)
    }

    /// Sends one request and reads its whole response. Once there is a connection, there is no time
    /// limit.
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        // An error of reqwest names the address, which may hold a contact key, so it is dropped
        // here.
        let lost = |_: reqwest::Error| TransportError::Lost;
        let request = request.try_into().map_err(lost)?;
        let mut answer = self.0.execute(request).await.map_err(lost)?;
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(lost)? {
            if body.len() + piece.len() > MAX_BODY {
                return Err(TransportError::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        let mut response = Response::new(body.into());
        *response.status_mut() = answer.status();
        std::mem::swap(response.headers_mut(), answer.headers_mut());
        Ok(response)
    }

    async fn begin(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<Pieces>, TransportError> {
        let lost = |_: reqwest::Error| TransportError::Lost;
        let request = request.try_into().map_err(lost)?;
        let answer = tokio::time::timeout(timeout, self.0.execute(request)).await;
        let mut answer = answer
            .map_err(|_| TransportError::TimedOut)?
            .map_err(lost)?;
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let pieces = unfold(Some(answer), move |answer| async move {
            let mut answer = answer?;
            match tokio::time::timeout(timeout, answer.chunk()).await {
                Ok(Ok(None)) => None,
                Ok(Ok(Some(piece))) => Some((Ok(piece), Some(answer))),
                Ok(Err(_)) => Some((Err(TransportError::Lost), None)),
                Err(_) => Some((Err(TransportError::TimedOut), None)),
            }
        });
        let mut response = Response::new(pieces.boxed());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(AGENT)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        // The caller decides how long to wait for a silent service.
        .tcp_keepalive(None)
        .tcp_user_timeout(None)
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        // Nothing is retried here, so no copy of a request is kept.
        .retry(reqwest::retry::never().max_retries_per_request(0))
}

impl Transport for Https {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        tokio::time::timeout(timeout, self.answer(request))
            .map(|answer| answer.unwrap_or(Err(TransportError::TimedOut)))
            .boxed()
    }

    fn stream(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Pieces>, TransportError>> {
        self.begin(request, timeout).boxed()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpSocket, TcpStream};

    use super::*;

    /// An address that answers nobody, because its queue for connections is full.
    async fn dead() -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut taken = Vec::new();
        let connect =
            || tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address));
        while let Ok(stream) = connect().await {
            taken.push(stream.unwrap());
            assert!(taken.len() < 100, "the queue never fills");
        }
        (listener, taken)
    }

    #[tokio::test]
    async fn a_dead_address_leaves_time_for_the_next() {
        let alive = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (dead, _taken) = dead().await;
        let addresses = [&dead, &alive].map(|listener| listener.local_addr().unwrap());
        let served = async {
            let (mut stream, _) = alive.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1_024]).await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            stream.write_all(answer).await.unwrap();
        };
        let client = builder().resolve_to_addrs("two.test", &addresses);
        let https = Https(client.build().unwrap());
        let request = Request::get("http://two.test/").body(Bytes::new()).unwrap();
        let sent = https.send(request, Duration::from_secs(5));
        let (answer, ()) = tokio::time::timeout(CONNECT, async { tokio::join!(sent, served) })
            .await
            .unwrap();
        assert_eq!(answer.unwrap().body(), "{}");
    }

    #[tokio::test]
    async fn a_body_that_is_larger_than_any_answer_comes_in_pieces_and_one_cut_short_is_lost() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        const WHOLE: usize = MAX_BODY + 1;
        let serve = async |sent: usize| {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1_024]).await.unwrap();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {WHOLE}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            // A client that stops reading closes the connection.
            let _ = stream.write_all(&vec![b'a'; sent]).await;
        };
        let https = Https(builder().build().unwrap());
        let request = || Request::get(&address).body(Bytes::new()).unwrap();
        let all = async {
            let answer = https
                .stream(request(), Duration::from_secs(5))
                .await
                .unwrap();
            let pieces: Vec<_> = answer.into_body().collect().await;
            let bytes: usize = pieces.iter().flatten().map(Bytes::len).sum();
            (bytes, pieces.into_iter().find_map(Result::err))
        };
        let (read, ()) = tokio::join!(all, serve(WHOLE));
        assert_eq!(read, (WHOLE, None));
        let sent = https.send(request(), Duration::from_secs(5));
        let (answer, ()) = tokio::join!(sent, serve(WHOLE));
        assert_eq!(answer.unwrap_err(), TransportError::TooLarge);
        let all = async {
            let answer = https
                .stream(request(), Duration::from_secs(5))
                .await
                .unwrap();
            let pieces: Vec<_> = answer.into_body().collect().await;
            pieces.into_iter().find_map(Result::err)
        };
        let (error, ()) = tokio::join!(all, serve(WHOLE / 2));
        assert_eq!(error, Some(TransportError::Lost));
    }
}
