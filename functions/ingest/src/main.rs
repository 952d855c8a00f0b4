//! The Lambda function `ingest`. It only builds the context; [`ingest::handle`] does the work.

use std::convert::Infallible;
use std::process::ExitCode;

use ingest::lambda_event::legal;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Error, LambdaEvent, Request, Service, lambda_runtime, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Error> {
    io::telemetry::init(io::config::stack_name());
    let context = match ingest::Context::from_env().await {
        Ok(context) => context,
        Err(error) => {
            tracing::error!(detail = %error, "ingest cannot start");
            return Ok(ExitCode::FAILURE);
        }
    };
    let handle = async |request: Request| {
        let response = ingest::handle(&context, request).await;
        io::telemetry::flush(std::io::stdout().lock());
        Ok::<_, Infallible>(response)
    };
    let mut adapter = Adapter::from(service_fn(handle));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<LambdaRequest>| {
        adapter.call(LambdaEvent::new(legal(event.payload), event.context))
    }))
    .await?;
    Ok(ExitCode::SUCCESS)
}
