//! Records in SSM Parameter Store. Reconcile keeps in them what it knows of an org from one run to
//! the next.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::types::{ParameterTier, ParameterType};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::aws::code_or_reason;

/// Parameter Store refused a call or did not answer. It holds only the error code, and whether
/// there was no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Parameter Store: {0}")]
pub struct RecordsError(String, bool);

impl RecordsError {
    /// An error with this code.
    pub fn new(code: impl Into<String>) -> RecordsError {
        RecordsError(code.into(), false)
    }

    /// Whether Parameter Store did not answer, or cannot serve the call now. The same call may
    /// succeed later.
    pub fn is_away(&self) -> bool {
        const LATER: [&str; 6] = [
            "Throttl",
            "TooManyUpdates",
            "Internal",
            "Unavailable",
            "Timeout",
            "no answer",
        ];
        self.1 || LATER.iter().any(|code| self.0.contains(code))
    }
}

impl<E: ProvideErrorMetadata, R> From<SdkError<E, R>> for RecordsError {
    fn from(error: SdkError<E, R>) -> RecordsError {
        RecordsError(code_or_reason(&error), error.code().is_none())
    }
}

/// A store of records, each under a name.
pub trait Records: Send + Sync {
    /// Reads the text of a record. `None` means that there is no such record yet.
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, RecordsError>>;

    /// Stores a record and replaces the one before.
    fn write<'a>(&'a self, name: &'a str, text: String) -> BoxFuture<'a, Result<(), RecordsError>>;
}

/// AWS Systems Manager Parameter Store.
pub struct ParameterStore(Client);

impl ParameterStore {
    /// A client with the region and credentials that the SDK finds.
    pub fn new(config: &aws_config::SdkConfig) -> ParameterStore {
        ParameterStore(Client::new(config))
    }
}

impl Records for ParameterStore {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, RecordsError>> {
        async move {
            let call = self.0.get_parameter().name(name).with_decryption(true);
            match call.send().await {
                Ok(answer) => Ok(answer.parameter.and_then(|parameter| parameter.value)),
                Err(error) if error.code() == Some("ParameterNotFound") => Ok(None),
                Err(error) => Err(error.into()),
            }
        }
        .boxed()
    }

    fn write<'a>(&'a self, name: &'a str, text: String) -> BoxFuture<'a, Result<(), RecordsError>> {
        async move {
            // The parameter is encrypted, because a feed's cursor may hold the id of a CRM's
            // record. Over 4 KB it must be of the advanced tier, which Parameter Store then chooses
            // itself.
            let call = self.0.put_parameter().name(name).value(text);
            let call = call.r#type(ParameterType::SecureString);
            let call = call.tier(ParameterTier::IntelligentTiering).overwrite(true);
            call.send().await?;
            Ok(())
        }
        .boxed()
    }
}
