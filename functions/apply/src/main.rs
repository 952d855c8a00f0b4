//! The Lambda function `apply`. It only builds the context; [`apply::handle`] does the work.

use std::process::ExitCode;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Error> {
    io::telemetry::init(io::config::stack_name());
    let context = match apply::Context::from_env().await {
        Ok(context) => context,
        Err(error) => {
            tracing::error!(detail = %error, "apply cannot start");
            return Ok(ExitCode::FAILURE);
        }
    };
    let handle = async |event: LambdaEvent<_>| {
        let answer = apply::handle(&context, event).await;
        io::telemetry::flush(std::io::stdout().lock());
        answer
    };
    run(service_fn(handle)).await?;
    Ok(ExitCode::SUCCESS)
}
