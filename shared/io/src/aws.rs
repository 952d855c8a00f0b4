//! The AWS SDK's configuration, as all clients share it.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::Https;

/// Region, credentials and endpoints as the SDK finds them (CONTRACT.md section 3), with timeouts that fit into the time
/// that an invocation keeps for its report.
pub async fn sdk_config(https: &Https) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_millis(2_800))
        .build();
    aws_config::defaults(BehaviorVersion::latest()).http_client(https.clone()).timeout_config(timeouts).load().await
}

/// The SDK's calls go where all others go: TLS roots are read once, and there is one TLS stack. How long they may take is
/// for the SDK's own timeouts, and how long it may take to connect is the client's.
impl HttpClient for Https {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Https {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let https = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (head, body) = request.into_parts();
            let body = body.bytes().ok_or_else(|| ConnectorError::user("a body is streamed".into()))?;
            let request = http::Request::from_parts(head, Bytes::copy_from_slice(body));
            let answer = https.answer(request).await.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
