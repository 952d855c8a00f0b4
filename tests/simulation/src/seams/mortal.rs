//! A copy of reconcile that may end at each of its calls to a CRM, a queue or Parameter Store. Calls to
//! Genesys Cloud have crashes of their own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use io::http::{Transport, TransportError};
use io::queue::{Message, Queue, QueueError, Receive, Record, RefusedEntry, Visibility};
use io::records::{Records, RecordsError};

use super::{Crash, FeedLine, Outside, Sqs, Store};
use crate::chaos::Kind;
use crate::lock;
use crate::mutants::Mutant;

/// What a copy has, until it ends.
#[derive(Clone)]
pub(crate) struct Life {
    outside: Arc<Outside>,
    crash: Arc<Crash>,
    /// Of a copy that notes its place first: what it did not send yet.
    unsent: Arc<Mutex<Vec<Message>>>,
}

/// One of the ways out of such a copy.
pub(crate) struct Mortal<T> {
    inner: T,
    life: Life,
}

impl Life {
    pub(crate) fn new(outside: &Arc<Outside>, crash: &Arc<Crash>) -> Life {
        Life {
            outside: Arc::clone(outside),
            crash: Arc::clone(crash),
            unsent: Arc::default(),
        }
    }

    pub(crate) fn of<T>(&self, inner: T) -> Mortal<T> {
        let life = self.clone();
        Mortal { inner, life }
    }

    /// A call of this name, unless the copy ends before or right after it.
    async fn step<A>(&self, name: &str, call: impl Future<Output = A>) -> A {
        let kill = async |kind: Kind, when: &str| {
            if self.outside.chaos.strikes(kind, name) {
                let say = || format!("reconcile   is killed {when} {name}");
                self.outside.say(say);
                self.crash.now();
                std::future::pending::<()>().await;
            }
        };
        kill(Kind::KillBefore, "before").await;
        let answer = call.await;
        kill(Kind::KillAfter, "after").await;
        answer
    }

    /// Sends what was not sent before the place was noted.
    fn send_late(&self) {
        for message in lock(&self.unsent).drain(..) {
            let _ = self.outside.store(message);
        }
    }
}

impl Transport for Mortal<FeedLine> {
    fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        let call = self.inner.send(request, timeout);
        self.life.step("a page of the feed", call).boxed()
    }
}

impl Queue for Mortal<Sqs> {
    fn send_batch<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Message>,
    ) -> BoxFuture<'a, Result<Vec<Result<(), RefusedEntry>>, QueueError>> {
        if self.life.outside.is(Mutant::NoteFirst) {
            let all = messages.iter().map(|_| Ok(())).collect();
            lock(&self.life.unsent).extend(messages);
            return std::future::ready(Ok(all)).boxed();
        }
        let call = self.inner.send_batch(queue_url, messages);
        self.life.step("the changes are sent", call).boxed()
    }

    fn send<'a>(
        &'a self,
        queue_url: &'a str,
        message: Message,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        let call = self.inner.send(queue_url, message);
        self.life.step("a failed run is told of", call).boxed()
    }

    fn receive<'a>(
        &'a self,
        queue_url: &'a str,
        receive: Receive,
    ) -> BoxFuture<'a, Result<Vec<Record>, QueueError>> {
        self.inner.receive(queue_url, receive)
    }

    fn delete_batch<'a>(
        &'a self,
        queue_url: &'a str,
        receipt_handles: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Result<(), QueueError>>, QueueError>> {
        self.inner.delete_batch(queue_url, receipt_handles)
    }

    fn set_visibility<'a>(
        &'a self,
        queue_url: &'a str,
        messages: Vec<Visibility>,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        let call = self.inner.set_visibility(queue_url, messages);
        self.life.step("the message is given back", call).boxed()
    }

    fn depth<'a>(&'a self, queue_url: &'a str) -> BoxFuture<'a, Result<u64, QueueError>> {
        let call = self.inner.depth(queue_url);
        self.life.step("the queue is looked at", call).boxed()
    }
}

impl Records for Mortal<Store> {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, RecordsError>> {
        let call = self.inner.read(name);
        self.life.step("the record is read", call).boxed()
    }

    fn write<'a>(&'a self, name: &'a str, text: String) -> BoxFuture<'a, Result<(), RecordsError>> {
        async move {
            let call = self.inner.write(name, text);
            let written = self.life.step("the record is written", call).await;
            self.life.send_late();
            written
        }
        .boxed()
    }
}
