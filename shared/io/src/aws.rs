//! The configuration of the AWS SDK that all clients share.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use crate::http::IDLE;

/// The longest time for an operation of an AWS client, with its retries.
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
