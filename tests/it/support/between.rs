//! A transport that lets a test act between a copy and the emulator.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use emulator::Genesys;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use io::http::{Transport, TransportError};

pub(crate) type Answer = Result<Response<Bytes>, TransportError>;

struct Between<F> {
    genesys: Arc<Genesys>,
    act: F,
}

impl<F, Acting> Transport for Between<F>
where
    F: Fn(Arc<Genesys>, Request<Bytes>, Duration) -> Acting + Send + Sync,
    Acting: Future<Output = Answer> + Send + 'static,
{
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> BoxFuture<'_, Answer> {
        (self.act)(Arc::clone(&self.genesys), request, timeout).boxed()
    }
}

/// A transport to the emulator that passes each request through this function.
pub(crate) fn between<F, Acting>(genesys: &Arc<Genesys>, act: F) -> Arc<dyn Transport>
where
    F: Fn(Arc<Genesys>, Request<Bytes>, Duration) -> Acting + Send + Sync + 'static,
    Acting: Future<Output = Answer> + Send + 'static,
{
    let genesys = Arc::clone(genesys);
    Arc::new(Between { genesys, act })
}
