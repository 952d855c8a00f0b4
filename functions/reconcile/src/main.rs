//! The Lambda function `reconcile`. This file only wires it up; `reconcile::handle` does the work.

use std::process::ExitCode;

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Error> {
    io::telemetry::init(io::config::stack_name());
    let context = match reconcile::Context::from_env().await {
        Ok(context) => context,
        Err(error) => {
            tracing::error!(detail = %error, "reconcile cannot start");
            return Ok(ExitCode::FAILURE);
        }
    };
    let failed = |error: reconcile::Error| Diagnostic {
        error_type: "reconcile::Error".to_owned(),
        error_message: error.to_string(),
    };
    let handle = async |event: LambdaEvent<_>| {
        let answer = reconcile::handle(&context, event).await;
        io::telemetry::flush(std::io::stdout().lock());
        answer.map_err(failed)
    };
    run(service_fn(handle)).await?;
    Ok(ExitCode::SUCCESS)
}
