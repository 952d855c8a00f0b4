//! `campaign-sync console`: one web application on loopback, with the operator's own AWS
//! credentials (docs/console.md).
//!
//! This file reads the arguments, binds the port and lists the routes. It decides nothing about a
//! request and renders nothing. The guard is in `guard` and `gate`, the frame of a page in `page`,
//! and each page in a module of its own: `pipeline`, `parked`, `contact`, `sources` and `local`.

mod assets;
mod contact;
mod fields;
mod gate;
mod guard;
mod local;
mod page;
mod parked;
mod pipeline;
mod sources;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use aws_config::SdkConfig;
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use io::config::{DlqConfig, checked_stack_name};
use io::{Clock, Config, Https};
use tokio::net::TcpListener;

use crate::contact::story::CloudWatchLogs;
use crate::{args, connect};
use contact::Lookups;
use guard::Guard;
pub(crate) use local::{Action, Failing, Local};
use parked::Desk;
pub(crate) use pipeline::{Alarm, MEASURES, MeasureScope, Metrics, PERIODS, Series, Stat};
use pipeline::{CloudWatch, RecentAnswers};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  campaign-sync console
  campaign-sync console --port 8500 --read-only

It prints an address with a token: open it in a browser on this machine. Only that browser gets in. Nothing is deployed: the
pages use your own AWS credentials and the code of the other commands.

It reads the environment: QUEUE_URL and DEAD_LETTER_QUEUE_URL are required; SECRET_PREFIX and, in local runs,
GENESYS_BASE_URL may be set. AWS credentials and region come from where the AWS SDK looks for them (AWS_PROFILE, AWS_REGION,
AWS_ENDPOINT_URL, …).

It serves until Ctrl-C. The exit status is 2 when it could not serve.")]
pub(crate) struct Args {
    /// The port to serve on, on 127.0.0.1 only; 0 takes any free port
    #[arg(long, default_value_t = 8686, value_parser = args::number::<u16>(0..=65_535), allow_hyphen_values = true)]
    port: u16,
    /// Shows everything and changes nothing: redrives, deletes and sends nothing
    #[arg(long)]
    read_only: bool,
    /// The stack's name, which the pages show [default: `STACK_NAME`, or campaign-sync]
    #[arg(long, value_name = "NAME", value_parser = args::stack)]
    stack: Option<String>,
}

/// The state that every page reads.
pub(crate) struct App {
    pub(crate) guard: Guard,
    pub(crate) is_read_only: bool,
    pub(crate) stack: String,
    pub(crate) desk: Desk,
    pub(crate) config: Config,
    pub(crate) sdk: SdkConfig,
    pub(crate) https: Https,
    pub(crate) logs: CloudWatchLogs,
    pub(crate) lookups: Lookups,
    pub(crate) known: Vec<(String, String)>,
    pub(crate) webhooks: Option<String>,
    pub(crate) metrics: Arc<dyn Metrics>,
    /// `None` means that the console looks at a deployed stack.
    pub(crate) local: Option<Arc<dyn Local>>,
    pub(crate) asked: RecentAnswers,
    pub(crate) dead_letter_queue_url: String,
}

/// The parts that a console serves.
pub(crate) struct Setup {
    pub(crate) port: u16,
    pub(crate) is_read_only: bool,
    pub(crate) stack: String,
    pub(crate) config: Config,
    pub(crate) dlq: DlqConfig,
    pub(crate) sdk: SdkConfig,
    pub(crate) https: Https,
    /// The known orgs and campaigns, which forms offer to choose from.
    pub(crate) known: Vec<(String, String)>,
    /// The URL of a webhook up to the source's name, if it is known.
    pub(crate) webhooks: Option<String>,
    /// `None` means that the metrics come from `CloudWatch`.
    pub(crate) metrics: Option<Arc<dyn Metrics>>,
    /// The embedded parts, if the console serves them.
    pub(crate) local: Option<Arc<dyn Local>>,
}

impl App {
    pub(crate) fn new(of: Setup) -> Result<Arc<App>, String> {
        let queue_url = &of.config.queue_url;
        let of_aws = || Arc::new(CloudWatch::new(&of.sdk, &of.stack, queue_url)) as _;
        let metrics = of.metrics.unwrap_or_else(of_aws);
        Ok(Arc::new(App {
            guard: Guard::new(of.port)?,
            is_read_only: of.is_read_only,
            desk: Desk::new(&of.sdk, &of.dlq, of.config.secret_prefix.clone()),
            logs: CloudWatchLogs::new(&of.sdk, &of.stack),
            stack: of.stack,
            config: of.config,
            sdk: of.sdk,
            https: of.https,
            lookups: Lookups::default(),
            known: of.known,
            webhooks: of.webhooks,
            metrics,
            local: of.local,
            asked: RecentAnswers::default(),
            dead_letter_queue_url: of.dlq.dead_letter_queue_url,
        }))
    }

    /// The address to open.
    pub(crate) fn address(&self) -> String {
        self.guard.address()
    }

    /// Every page behind the guard. The caller may merge other routes with it.
    pub(crate) fn pages(self: Arc<App>) -> Router {
        pages(&self)
            .route_layer(from_fn_with_state(Arc::clone(&self), gate::gate))
            .with_state(self)
    }
}

/// Serves until Ctrl-C.
pub(crate) fn run(args: &Args) -> Result<bool, String> {
    let (config, dlq) = DlqConfig::from_env_with_genesys().map_err(|error| error.to_string())?;
    let stack = match &args.stack {
        Some(stack) => stack.clone(),
        None => checked_stack_name().map_err(|error| error.to_string())?,
    };
    crate::block_on(serve(args, stack, config, dlq)).map(|()| true)
}

async fn serve(args: &Args, stack: String, config: Config, dlq: DlqConfig) -> Result<(), String> {
    let (https, sdk) = connect::clients().await?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| args::no_port(args.port, &error))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let app = App::new(Setup {
        port: address.port(),
        is_read_only: args.read_only,
        stack,
        config,
        dlq,
        sdk,
        https,
        known: Vec::new(),
        webhooks: None,
        metrics: None,
        local: None,
    })?;
    crate::print(&format!(
        "The console of {}; Ctrl-C ends it. Open\n{}",
        app.stack,
        app.address()
    ))?;
    let router = pages(&app)
        .fallback(not_found)
        .layer(from_fn_with_state(Arc::clone(&app), gate::gate))
        .with_state(app);
    let server = axum::serve(listener, router).into_future();
    tokio::select! {
        ended = server => ended.map_err(|error| error.to_string()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// The routes of all pages and of their forms.
fn pages(app: &Arc<App>) -> Router<Arc<App>> {
    let alter = Router::new()
        .route("/parked/redrive", post(parked::redrive))
        .route("/parked/drop", post(parked::drop))
        .route("/sources/send", post(sources::sign_and_send))
        .route("/local", post(local::act))
        .route_layer(from_fn_with_state(Arc::clone(app), gate::alters));
    let local = Router::new()
        .route("/local", get(local::show))
        .route("/local/lines", get(local::part));
    let local = app.local.as_ref().map_or_else(Router::new, |_| local);
    Router::new()
        .route("/", get(pipeline::show))
        .route("/pipeline", get(pipeline::part))
        .route("/console/console.css", get(assets::style))
        .route("/console/console.js", get(assets::script))
        .route("/contact", get(contact::form).post(contact::look_up))
        .route("/contact/{id}", get(contact::found))
        .route("/contact/{id}/why", get(contact::why_part))
        .route("/contact/{id}/waits", get(contact::waits_part))
        .route("/parked", get(parked::table))
        .route("/parked/work", get(parked::work))
        .route("/parked/look", post(parked::look))
        .route("/parked/try", post(parked::try_out))
        .route("/parked/reveal", post(parked::reveal))
        .route("/parked/item/{id}", get(parked::item))
        .route("/sources", get(sources::form).post(sources::try_out))
        .merge(local)
        .merge(alter)
}

async fn not_found() -> Response {
    let body = page::alone("Not found", "There is no such page.");
    std::future::ready((StatusCode::NOT_FOUND, page::html(body)).into_response()).await
}

/// Prints what the operator read or changed, without personal data.
pub(crate) fn note(what: &str) {
    // A closed standard output does not end the console.
    let _ = crate::print(&format!("{} {what}", page::second(Clock::system().now())));
}
