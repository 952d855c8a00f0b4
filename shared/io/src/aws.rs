//! The AWS SDK's configuration, as all clients share it.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};

use crate::Https;
use crate::http::TransportError;

/// The longest that an operation of an AWS client takes, its retries included.
pub const LONGEST_CALL: Duration = Duration::from_millis(2_800);

/// Region, credentials and endpoints as the SDK finds them (docs/contract.md "Environment"), with
/// timeouts that fit into the time that an invocation keeps for its report.
pub async fn sdk_config(https: &Https) -> SdkConfig {
    loader(https).load().await
}

/// What [`sdk_config`] loads, before it looks for what is not set.
pub fn loader(https: &Https) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(LONGEST_CALL)
        .build();
    let https = https.connecting_within(Duration::from_secs(1));
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(https)
        .timeout_config(timeouts)
}

/// The SDK's calls go the way of all others: TLS roots are read once, and there is one HTTP client.
/// The time to connect is the client's.
impl HttpClient for Https {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            https: self.clone(),
            read_timeout: settings.read_timeout(),
        })
    }
}

#[derive(Debug)]
struct Connector {
    https: Https,
    /// Of those who look for credentials; the SDK's other calls have timeouts of their own.
    read_timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (https, read_timeout) = (
            self.https.clone(),
            self.read_timeout.unwrap_or(Duration::MAX),
        );
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            let (head, body) = request.into_parts();
            let body = body
                .bytes()
                .ok_or_else(|| ConnectorError::user("a body is streamed".into()))?;
            let mut request = Request::from_parts(head, Full::new(Bytes::copy_from_slice(body)));
            let captured = capture_connection(&mut request);
            if let Some(sdk) = request.extensions().get::<CaptureSmithyConnection>() {
                sdk.set_connection_retriever(move || connection(&captured));
            }
            let answer = tokio::time::timeout(read_timeout, https.answer(request)).await;
            let answer = answer
                .unwrap_or(Err(TransportError::TimedOut))
                .map_err(|error| match error {
                    TransportError::TimedOut => ConnectorError::timeout(error.into()),
                    TransportError::Lost => ConnectorError::io(error.into()),
                    TransportError::TooLarge => ConnectorError::other(error.into(), None),
                })?;
            HttpResponse::try_from(answer.map(SdkBody::from))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// What lets the SDK send nothing more over a connection after a transient fault.
fn connection(captured: &CaptureConnection) -> Option<ConnectionMetadata> {
    captured.connection_metadata().as_ref()?;
    let captured = captured.clone();
    let poison = move || {
        if let Some(connection) = captured.connection_metadata().as_ref() {
            connection.poison();
        }
    };
    Some(
        ConnectionMetadata::builder()
            .proxied(false)
            .poison_fn(poison)
            .build(),
    )
}
