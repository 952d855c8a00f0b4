//! Ends a copy of reconcile before or after one of its calls to a CRM, a queue or Parameter Store.
//!
//! Calls to Genesys Cloud have crashes of their own (`super::genesys`).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use io::http::{Transport, TransportError};
use io::queue::{Message, Queue, QueueError, Receive, Record, RefusedEntry, Visibility};
use io::records::{Records, RecordsError};

use super::{Crash, FeedTransport, Outside, ParameterStore, Sqs};
use crate::chaos::FaultKind;
use crate::lock;
use crate::mutants::Mutant;

/// Decides at each call whether the copy ends there.
#[derive(Clone)]
pub(crate) struct KillSwitch {
    outside: Arc<Outside>,
    crash: Arc<Crash>,
    /// The changes that a copy did not send yet, if its defect is to write the record first.
    unsent: Arc<Mutex<Vec<Message>>>,
}

/// One of the ways out of a copy. The copy may end at each call that takes it.
pub(crate) struct Killable<T> {
    way: T,
    kill_switch: KillSwitch,
}

impl KillSwitch {
    pub(crate) fn new(outside: &Arc<Outside>, crash: &Arc<Crash>) -> KillSwitch {
        KillSwitch {
            outside: Arc::clone(outside),
            crash: Arc::clone(crash),
            unsent: Arc::default(),
        }
    }

    /// Lets the copy end at the calls that take this way out.
    pub(crate) fn guard<T>(&self, way: T) -> Killable<T> {
        let kill_switch = self.clone();
        Killable { way, kill_switch }
    }

    /// A call of this name, unless the copy ends before or right after it. `Chaos` draws by the
    /// name, so another name gives other runs.
    async fn step<A>(&self, name: &str, call: impl Future<Output = A>) -> A {
        let kill = async |kind: FaultKind, when: &str| {
            if self.outside.chaos.strikes(kind, name) {
                self.outside
                    .trace(|| format!("reconcile   is killed {when} {name}"));
                self.crash.now();
                std::future::pending::<()>().await;
            }
        };
        kill(FaultKind::KillBefore, "before").await;
        let answer = call.await;
        kill(FaultKind::KillAfter, "after").await;
        answer
    }

    /// Sends the changes that were not sent before the record was written.
    fn send_late(&self) {
        for message in lock(&self.unsent).drain(..) {
            let _ = self.outside.store(message);
        }
    }
}

impl Transport for Killable<FeedTransport> {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        let call = self.way.send(request, timeout);
        self.kill_switch.step("a page of the feed", call).boxed()
    }
}

impl Queue for Killable<Sqs> {
    fn send_batch<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Message>,
    ) -> BoxFuture<'a, Result<Vec<Result<(), RefusedEntry>>, QueueError>> {
        if self.kill_switch.outside.has_defect(Mutant::NoteFirst) {
            let all = messages.iter().map(|_| Ok(())).collect();
            lock(&self.kill_switch.unsent).extend(messages);
            return std::future::ready(Ok(all)).boxed();
        }
        let call = self.way.send_batch(queue_url, messages);
        self.kill_switch.step("the changes are sent", call).boxed()
    }

    fn send<'a>(
        &'a self,
        queue_url: &'a str,
        message: Message,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        let call = self.way.send(queue_url, message);
        self.kill_switch
            .step("a failed run is told of", call)
            .boxed()
    }

    fn receive<'a>(
        &'a self,
        queue_url: &'a str,
        receive: Receive,
    ) -> BoxFuture<'a, Result<Vec<Record>, QueueError>> {
        self.way.receive(queue_url, receive)
    }

    fn delete_batch<'a>(
        &'a self,
        queue_url: &'a str,
        receipt_handles: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Result<(), QueueError>>, QueueError>> {
        self.way.delete_batch(queue_url, receipt_handles)
    }

    fn set_visibility<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Visibility>,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        let call = self.way.set_visibility(queue_url, messages);
        self.kill_switch
            .step("the message is given back", call)
            .boxed()
    }

    fn depth<'a>(&'a self, queue_url: &'a str) -> BoxFuture<'a, Result<u64, QueueError>> {
        let call = self.way.depth(queue_url);
        self.kill_switch
            .step("the queue is looked at", call)
            .boxed()
    }
}

impl Records for Killable<ParameterStore> {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, RecordsError>> {
        let call = self.way.read(name);
        self.kill_switch.step("the record is read", call).boxed()
    }

    fn write<'a>(&'a self, name: &'a str, text: String) -> BoxFuture<'a, Result<(), RecordsError>> {
        async move {
            let call = self.way.write(name, text);
            let written = self.kill_switch.step("the record is written", call).await;
            self.kill_switch.send_late();
            written
        }
        .boxed()
    }
}
