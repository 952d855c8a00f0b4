//! The Lambda function `reconcile`: wiring alone, `reconcile::handle` does the work.

use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    io::telemetry::init();
    let context = match reconcile::Context::from_env().await {
        Ok(context) => context,
        Err(error) => {
            tracing::error!(detail = %error, "reconcile cannot start");
            return Err(error);
        }
    };
    let failed = |error: reconcile::Error| Diagnostic {
        error_type: "reconcile::Error".to_owned(),
        error_message: error.to_string(),
    };
    run(service_fn(async |event: LambdaEvent<_>| reconcile::handle(&context, event).await.map_err(failed))).await
}
