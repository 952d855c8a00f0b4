//! Secrets Manager, and the secrets of orgs, sources and CRM feeds (docs/contract.md "Secrets").
//!
//! [`OrgSecret`], [`SourceSecret`] and `feed` check what a secret holds. [`Secrets`] is the trait
//! by which secrets are read, and [`SecretsManager`] implements it. Caches are kept by those who
//! read secrets.

mod feed;
mod members;
mod org;
mod region;
mod source;

pub use feed::{
    Asked, FeedAuth, FeedSecret, FeedToken, Next, NoToken, OAuth2, Pages, Plain, TokenRequest,
    Unfit, add_parameter, is_id,
};
pub use members::MalformedSecret;
pub use org::{Api, OrgSecret};
pub use region::Region;
pub use source::{
    Algorithm, Auth, BodyToken, CampaignNames, Encoding, HeaderToken, LONGEST_TOLERANCE, OnFault,
    Part, Piece, QueryToken, Scheme, Signature, SignedTime, SigningSecret, SourceSecret, Template,
    TimePlace,
};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::SecretString;

use crate::aws::Unanswered;

/// The reason for which a secret could not be read, and what a person can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// There is no secret of this name.
    #[error(
        "there is no such secret in this account and region: create it (docs/deploy.md), or set SECRET_PREFIX as the stack \
         has it"
    )]
    Missing,
    /// The secret is scheduled for deletion and can still be restored.
    #[error(
        "it is scheduled for deletion: bring it back with aws secretsmanager restore-secret (it cannot be created anew)"
    )]
    PendingDeletion,
    /// The secret has versions, but none with the staging label `AWSCURRENT`.
    #[error(
        "no version of it is AWSCURRENT: end its rotation with aws secretsmanager update-secret-version-stage, or put a \
         value with put-secret-value"
    )]
    NoCurrentVersion,
    /// The value of the secret is `SecretBinary`.
    #[error(
        "it holds SecretBinary and no text: store its JSON with aws secretsmanager put-secret-value --secret-string"
    )]
    NoText,
    /// The role of the function may not read or decrypt the secret.
    #[error("the function's role may not read or decrypt it")]
    Denied,
    /// Secrets Manager does not answer now.
    #[error("Secrets Manager does not answer")]
    Unavailable,
    /// Secrets Manager was not asked, because the call could not be sent.
    #[error("Secrets Manager: {0}")]
    NotAsked(Unanswered),
}

impl SecretsError {
    /// Whether nothing is known of the secret, and the same call may succeed later.
    pub fn is_temporary(self) -> bool {
        matches!(self, SecretsError::Unavailable | SecretsError::NotAsked(_))
    }

    /// The reason for which there is no answer.
    fn unanswered(reason: Unanswered) -> SecretsError {
        match reason {
            Unanswered::NoCredentials | Unanswered::NoRegion | Unanswered::NotReached => {
                SecretsError::NotAsked(reason)
            }
            Unanswered::TimedOut | Unanswered::Other => SecretsError::Unavailable,
        }
    }

    /// The meaning of an error of `GetSecretValue` (Secrets Manager API reference). The codes do
    /// not distinguish every cause, but the messages do: "Secrets Manager can't find the specified
    /// secret." and "Secrets Manager can't find the specified secret value for staging label:
    /// AWSCURRENT". Only one cause of `InvalidRequestException` concerns reading: a scheduled
    /// deletion.
    fn of(code: Option<&str>, message: Option<&str>) -> SecretsError {
        match code {
            Some("ResourceNotFoundException")
                if message.is_some_and(|message| message.contains("staging label")) =>
            {
                SecretsError::NoCurrentVersion
            }
            Some("ResourceNotFoundException") => SecretsError::Missing,
            Some("InvalidRequestException") => SecretsError::PendingDeletion,
            Some("AccessDeniedException" | "DecryptionFailure") => SecretsError::Denied,
            _ => SecretsError::Unavailable,
        }
    }
}

/// A store of secrets.
pub trait Secrets: Send + Sync {
    /// The current text of a secret, by name.
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<SecretString, SecretsError>>;
}

/// AWS Secrets Manager.
pub struct SecretsManager(Client);

impl SecretsManager {
    /// A client with the region and credentials that the SDK finds.
    pub fn new(config: &aws_config::SdkConfig) -> SecretsManager {
        SecretsManager(Client::new(config))
    }
}

impl Secrets for SecretsManager {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<SecretString, SecretsError>> {
        async move {
            let answer = self.0.get_secret_value().secret_id(name).send().await;
            let answer = answer.map_err(|error| match error.code() {
                None => SecretsError::unanswered(Unanswered::of(&error)),
                code => SecretsError::of(code, error.message()),
            })?;
            answer
                .secret_string
                .map(SecretString::from)
                .ok_or(SecretsError::NoText)
        }
        .boxed()
    }
}
