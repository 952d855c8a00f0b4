//! Secrets Manager, and the secrets of an org, of a source and of a CRM feed (docs/contract.md
//! "Secrets").

mod feed;
mod members;
mod org;
mod source;

pub use feed::FeedSecret;
pub use members::MalformedSecret;
pub use org::{Api, OrgSecret};
pub use source::{Auth, SourceSecret};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::SecretString;

/// Why a secret could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// There is no such secret, or it holds no text.
    #[error("there is no such secret")]
    Missing,
    /// The function's role may not read it, or not decrypt it.
    #[error("the function's role may not read it")]
    Denied,
    /// Secrets Manager does not answer now.
    #[error("Secrets Manager does not answer")]
    Unavailable,
}

/// Where secrets are read.
pub trait Secrets: Send + Sync {
    /// The current text of the secret of this name.
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<SecretString, SecretsError>>;
}

/// AWS Secrets Manager.
pub struct SecretsManager(Client);

impl SecretsManager {
    /// A client of the region and credentials that the SDK finds.
    pub fn new(config: &aws_config::SdkConfig) -> SecretsManager {
        SecretsManager(Client::new(config))
    }
}

impl Secrets for SecretsManager {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<SecretString, SecretsError>> {
        async move {
            let answer = self.0.get_secret_value().secret_id(name).send().await;
            let answer = answer.map_err(|error| match error.code() {
                Some("ResourceNotFoundException" | "InvalidRequestException") => {
                    SecretsError::Missing
                }
                Some("AccessDeniedException" | "DecryptionFailure") => SecretsError::Denied,
                _ => SecretsError::Unavailable,
            })?;
            answer
                .secret_string
                .map(SecretString::from)
                .ok_or(SecretsError::Missing)
        }
        .boxed()
    }
}
