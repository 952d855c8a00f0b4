//! The configuration of the AWS SDK that all clients share, and the reasons for which a call has no
//! answer. The clients themselves are in `queue`, `records` and `secrets`.

use std::error::Error;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use crate::http::IDLE;

/// The longest time for an operation of an AWS client, including its retries.
pub const LONGEST_CALL: Duration = Duration::from_millis(2_800);

/// Region, credentials and endpoints as the SDK finds them (docs/contract.md "Environment"). The
/// timeouts fit into the time that an invocation keeps for its report.
pub async fn sdk_config() -> SdkConfig {
    loader().load().await
}

/// The loader behind [`sdk_config`], before it looks up what is not set.
pub fn loader() -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(LONGEST_CALL)
        .build();
    // This is the SDK's own HTTP client. The default one would read proxy variables.
    let https = Builder::new()
        .pool_idle_timeout(IDLE)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(https)
        .timeout_config(timeouts)
}

/// The reason for which a call to AWS has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The SDK finds no credentials, so that it sent nothing.
    #[error(
        "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (aws sts get-caller-identity \
         tells whose they are)"
    )]
    NoCredentials,
    /// The SDK finds no region, so that it sent nothing.
    #[error("no AWS region: set AWS_REGION")]
    NoRegion,
    /// There is no connection to the service.
    #[error(
        "not reached: look at the network (no proxy variable is read), the CA certificates and AWS_ENDPOINT_URL"
    )]
    NotReached,
    /// The answer did not come in time.
    #[error("timed out")]
    TimedOut,
    /// The answer broke off, or does not come from the service.
    #[error("no answer")]
    Other,
}

impl Unanswered {
    /// The reason for an error that has no error code from the service.
    pub fn of<E, R>(error: &SdkError<E, R>) -> Unanswered {
        match error {
            SdkError::TimeoutError(_) => Unanswered::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => {
                Unanswered::NotReached
            }
            SdkError::DispatchFailure(failure) => failure
                .as_connector_error()
                .map_or(Unanswered::Other, |error| Unanswered::unsent(error)),
            _ => Unanswered::Other,
        }
    }

    /// Finds out what the SDK lacked. Its errors have no public type for this, so their texts are
    /// searched for words.
    fn unsent(error: &(dyn Error + 'static)) -> Unanswered {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let text = error.to_string().to_lowercase();
            if text.contains("missing region") || text.contains("missing signing region") {
                return Unanswered::NoRegion;
            }
            if text.contains("credential") {
                return Unanswered::NoCredentials;
            }
            cause = error.source();
        }
        Unanswered::Other
    }

    /// Whether every call fails until the operator sets something.
    pub fn is_of_setup(self) -> bool {
        matches!(self, Unanswered::NoCredentials | Unanswered::NoRegion)
    }
}

/// The error code of the service, or the reason for which there is none.
pub fn code_or_reason<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error.code() {
        Some(code) => code.to_owned(),
        None => Unanswered::of(error).to_string(),
    }
}
