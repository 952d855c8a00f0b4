//! Several copies of apply that spend one client's budget at the same time. One copy alone is in
//! [`super`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use emulator::Genesys;
use emulator::genesys::Options;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use io::http::{Transport, TransportError};
use jiff::Timestamp;
use serde_json::json;

use crate::support::{World, change};

/// The refused calls by copy and window, while several copies spend one client's budget on a
/// backlog.
pub(super) async fn spend(
    copies: usize,
    options: Options,
    contacts: usize,
) -> (World, BTreeMap<(usize, i64), usize>, usize) {
    let allowed = options.calls_per_minute.unwrap();
    let world = World::with(options);
    let contexts: Vec<_> = (0..copies)
        .map(|n| {
            let transport = Tagged {
                copy: n,
                genesys: world.genesys.clone(),
                log: Default::default(),
            };
            let transport = Arc::new(transport);
            let copies = u32::try_from(copies).unwrap();
            (
                world.copy(Some(transport.clone()), move |config| {
                    config.apply_concurrency = copies
                }),
                transport,
            )
        })
        .collect();
    world.put_secret("acme", &json!({"callsPerMinute": allowed}));
    // One contact in seven exists. Otherwise apply would take it for a first load and create
    // without reading.
    for n in (0..contacts).step_by(7) {
        world.put(&format!("k{n}"), 1, "");
    }
    world.send((0..contacts).map(|n| change(&format!("k{n}"), 1)));
    world.queue.close();
    let source = world.event_source();
    let feeds = contexts.iter().map(|(context, _)| {
        source.feed(async |event| {
            let mut lambda = lambda_runtime::Context::default();
            lambda.deadline = (world.clock.now() + Duration::from_secs(30))
                .as_millisecond()
                .unsigned_abs();
            let event =
                lambda_runtime::LambdaEvent::new(serde_json::from_value(event).unwrap(), lambda);
            serde_json::to_value(apply::handle(context, event).await.unwrap()).ok()
        })
    });
    tokio::time::timeout(
        Duration::from_hours(6),
        futures_util::future::join_all(feeds),
    )
    .await
    .expect("comes to rest");

    let first = world
        .genesys
        .calls()
        .iter()
        .find(|call| call.client_id.is_some())
        .unwrap()
        .at;
    let mut refused = BTreeMap::new();
    for (n, (_, transport)) in contexts.iter().enumerate() {
        for (at, status) in transport
            .log
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, status)| *status == 429)
        {
            assert_eq!(*status, 429);
            let window = at.duration_since(first).as_secs() / 60;
            *refused.entry((n, window)).or_default() += 1;
        }
    }
    let calls = world
        .genesys
        .calls()
        .iter()
        .filter(|call| call.client_id.is_some())
        .count();
    (world, refused, calls)
}

/// The transport of one copy. It records the time and the status of every call.
struct Tagged {
    copy: usize,
    genesys: Arc<Genesys>,
    log: Mutex<Vec<(Timestamp, u16)>>,
}

impl Transport for Tagged {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        async move {
            // Copies do not run in step.
            tokio::time::sleep(Duration::from_millis(self.copy as u64)).await;
            let calls = self.genesys.calls().len();
            let answer = self.genesys.send(request, timeout).await?;
            let at = self.genesys.calls()[calls].at;
            self.log
                .lock()
                .unwrap()
                .push((at, answer.status().as_u16()));
            Ok(answer)
        }
        .boxed()
    }
}
