//! Secrets Manager.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use io::secrets::{Secrets, SecretsError};
use secrecy::SecretString;

/// Secrets by name. A name may hold an error instead, which every read of it returns.
#[derive(Default)]
pub struct Vault(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    secrets: BTreeMap<String, Result<String, SecretsError>>,
    reads: BTreeMap<String, usize>,
    latency: Duration,
}

impl Vault {
    /// Stores or replaces a secret.
    pub fn put(&self, name: &str, text: impl Into<String>) {
        self.set(name, Ok(text.into()));
    }

    /// Makes every read of a secret fail.
    pub fn fail(&self, name: &str, error: SecretsError) {
        self.set(name, Err(error));
    }

    fn set(&self, name: &str, secret: Result<String, SecretsError>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .secrets
            .insert(name.to_owned(), secret);
    }

    /// Makes every read take this long from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .latency = latency;
    }

    /// How often a secret was read.
    pub fn reads(&self, name: &str) -> usize {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .reads
            .get(name)
            .copied()
            .unwrap_or(0)
    }
}

impl Secrets for Vault {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<SecretString, SecretsError>> {
        async move {
            let latency = self
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .latency;
            tokio::time::sleep(latency).await;
            let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *inner.reads.entry(name.to_owned()).or_default() += 1;
            let secret = inner
                .secrets
                .get(name)
                .cloned()
                .unwrap_or(Err(SecretsError::Missing));
            secret.map(SecretString::from)
        }
        .boxed()
    }
}
