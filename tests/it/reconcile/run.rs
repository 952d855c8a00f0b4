//! The services that a test of reconcile runs on. Services for tests of apply are in `support`.

use std::sync::Arc;
use std::time::Duration;

use emulator::Feed;
use emulator::genesys::Options;
use io::Config;
use io::http::Transport;
use lambda_runtime::LambdaEvent;
use reconcile::{Answer, Context, Error, Runs};
use serde_json::{Value, json};

use super::TOKEN;
use crate::support::{CAMPAIGN, World};

/// The services, one copy of apply, and one copy of reconcile with this CRM.
pub(crate) struct RunBeside<C> {
    pub(crate) world: World,
    pub(crate) feed: Arc<C>,
    pub(super) context: Context,
}

/// A run with the feed that docs/contract.md "CRM feed" describes.
pub(crate) type Run = RunBeside<Feed>;

impl Run {
    pub(crate) fn new(world: World) -> Run {
        Run::with(world, 100, |_| ())
    }

    pub(super) fn with(world: World, page_size: usize, configure: impl Fn(&mut Config)) -> Run {
        let feed = Arc::new(Feed::new(world.clock.clone(), TOKEN, page_size));
        let secret = json!({ "url": "https://crm.test/contacts?tenant=7", "bearerToken": TOKEN });
        world.put_feed("acme", &secret);
        RunBeside::beside(world, feed, configure)
    }

    /// A world whose rate limit does not matter.
    pub(super) fn fast(page_size: usize) -> Run {
        Run::with(
            World::with(Options {
                calls_per_minute: Some(1_000_000),
                ..Options::default()
            }),
            page_size,
            |_| (),
        )
        .allowing(1_000_000)
    }

    pub(super) fn allowing(self, calls_per_minute: u64) -> Run {
        self.world
            .put_secret("acme", &json!({ "callsPerMinute": calls_per_minute }));
        self
    }

    /// Sets what the CRM says about a contact of [`CAMPAIGN`].
    pub(super) fn says(&self, key: &str, version: u64, phone: &str) {
        self.says_more(key, version, phone, json!({}));
    }

    pub(super) fn says_more(&self, key: &str, version: u64, phone: &str, more: Value) {
        let mut contact = json!({ "campaignId": CAMPAIGN, "contactKey": key, "version": version, "data": { "phone": phone } });
        contact
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.feed.put(contact);
    }
}

impl<C: Transport + 'static> RunBeside<C> {
    pub(super) fn beside(world: World, feed: Arc<C>, configure: impl Fn(&mut Config)) -> Self {
        let context = Context::new(
            world.shared(configure),
            Arc::clone(&world.sqs) as _,
            Arc::clone(&feed) as _,
        );
        let (_, own) = Config::read_for_runs(|name| world.variable(name)).unwrap();
        let context = context.with_runs(Runs::new(own, Arc::clone(&world.parameters) as _));
        RunBeside {
            world,
            feed,
            context,
        }
    }

    /// Runs by invocation, with a quarter of an hour.
    pub(crate) async fn run(&self, more: Value) -> Result<Answer, Error> {
        self.run_for(Duration::from_mins(15), more).await
    }

    pub(super) async fn run_for(&self, time: Duration, more: Value) -> Result<Answer, Error> {
        let mut input = json!({ "org": "acme", "campaignIds": [CAMPAIGN] });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let mut lambda = lambda_runtime::Context::default();
        lambda.deadline = (self.world.clock.now() + time)
            .as_millisecond()
            .unsigned_abs();
        reconcile::at_once(&self.context, LambdaEvent::new(input, lambda)).await
    }

    /// Applies everything in the queue.
    pub(crate) async fn apply_all(&self) {
        while !self.world.queue.is_empty() {
            self.world.invoke().await;
        }
    }

    /// The contact keys of the queued changes, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        let queued = self.queued();
        let keys = queued.iter();
        let mut keys: Vec<_> = keys
            .map(|change| change["contactKey"].as_str().unwrap().to_owned())
            .collect();
        keys.sort_unstable();
        keys
    }

    /// The messages in the queue.
    pub(super) fn queued(&self) -> Vec<Value> {
        self.world
            .queue
            .messages()
            .iter()
            .map(|message| serde_json::from_str(&message.body).unwrap())
            .collect()
    }
}
