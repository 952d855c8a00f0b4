//! How the loopback port is served: without TLS, or with a throw-away certificate.
//!
//! Both listeners count the connections that the function opens. What is answered on them is in
//! `super`.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::Backend;

/// Serves requests in a task of its own.
pub(super) fn serve(app: Router, listener: TcpListener, tls: Option<&Tls>, backend: Arc<Backend>) {
    match tls {
        Some(tls) => {
            let acceptor = tls.acceptor.clone();
            let listener = TlsListener {
                listener,
                acceptor,
                backend,
            };
            tokio::spawn(axum::serve(listener, app).into_future())
        }
        None => tokio::spawn(axum::serve(Plain { listener, backend }, app).into_future()),
    };
}

/// A throw-away certificate authority, and a certificate for localhost.
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    pub(crate) authority: PathBuf,
}

impl Tls {
    pub(crate) fn new(folder: &Path) -> Result<Tls, String> {
        let text = |error: rcgen::Error| format!("--tls: {error}");
        let mut authority = rcgen::CertificateParams::new(Vec::new()).map_err(text)?;
        authority
            .distinguished_name
            .push(rcgen::DnType::CommonName, "bench: throw-away authority");
        authority.key_usages = vec![
            rcgen::KeyUsagePurpose::KeyCertSign,
            rcgen::KeyUsagePurpose::CrlSign,
        ];
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_key = rcgen::KeyPair::generate().map_err(text)?;
        let pem = authority.self_signed(&authority_key).map_err(text)?.pem();
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let key = rcgen::KeyPair::generate().map_err(text)?;
        let mut leaf = rcgen::CertificateParams::new(["localhost".to_owned()]).map_err(text)?;
        leaf.distinguished_name
            .push(rcgen::DnType::CommonName, "localhost");
        // OpenSSL requires it, and also a name other than that of the authority.
        leaf.use_authority_key_identifier_extension = true;
        let leaf = leaf.signed_by(&key, &issuer).map_err(text)?;
        let path = folder
            .canonicalize()
            .map_err(|error| error.to_string())?
            .join("authority.pem");
        std::fs::write(&path, pem).map_err(|error| format!("{}: {error}", path.display()))?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(ToOwned::to_owned)?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key);
        let config = config.map_err(|error| format!("--tls: {error}"))?;
        Ok(Tls {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            authority: path,
        })
    }
}

/// A listener without Nagle's algorithm: an answer is sent as soon as it is complete.
struct Plain {
    listener: TcpListener,
    backend: Arc<Backend>,
}

impl Listener for Plain {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if let Ok((stream, address)) = self.listener.accept().await {
                self.backend.connections.fetch_add(1, Ordering::Relaxed);
                let _ = stream.set_nodelay(true);
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    backend: Arc<Backend>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TlsStream<TcpStream>, SocketAddr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else {
                continue;
            };
            let _ = stream.set_nodelay(true);
            // One handshake after the other, since they share one CPU anyway.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                self.backend.connections.fetch_add(1, Ordering::Relaxed);
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
