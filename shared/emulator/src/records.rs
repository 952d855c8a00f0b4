//! SSM Parameter Store. It keeps the records of reconcile, and fails on demand. Its calls over HTTP
//! are in [`crate::aws`].

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use io::records::{Records, RecordsError};

/// The most bytes of a parameter of the advanced tier
/// (docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html).
const MOST_BYTES: usize = 8 << 10;

/// Parameters by name.
#[derive(Default)]
pub struct Parameters(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    texts: BTreeMap<String, String>,
    allow_writes: usize,
    refuse_writes: usize,
    refuse_reads: usize,
    is_denied: bool,
}

impl Parameters {
    /// The text of a parameter.
    pub fn text(&self, name: &str) -> Option<String> {
        self.inner().texts.get(name).cloned()
    }

    /// Stores or replaces a parameter.
    pub fn put(&self, name: &str, text: &str) {
        self.inner().texts.insert(name.to_owned(), text.to_owned());
    }

    /// Deletes a parameter.
    pub fn forget(&self, name: &str) {
        self.inner().texts.remove(name);
    }

    /// Refuses the next `calls` writes.
    pub fn refuse_writes(&self, calls: usize) {
        self.inner().refuse_writes = calls;
    }

    /// Accepts one more write, then refuses the next `calls` writes.
    pub fn refuse_writes_after_one(&self, calls: usize) {
        let mut inner = self.inner();
        (inner.allow_writes, inner.refuse_writes) = (1, calls);
    }

    /// Refuses the next `calls` reads.
    pub fn refuse_reads(&self, calls: usize) {
        self.inner().refuse_reads = calls;
    }

    /// Denies every read and write, or allows them again.
    pub fn deny(&self, is_denied: bool) {
        self.inner().is_denied = is_denied;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn may_be_used(&self) -> Result<(), RecordsError> {
        match self.is_denied {
            true => Err(RecordsError::new("AccessDeniedException")),
            false => Ok(()),
        }
    }
}

impl Records for Parameters {
    fn read<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, RecordsError>> {
        async move {
            let mut inner = self.inner();
            inner.may_be_used()?;
            if inner.refuse_reads > 0 {
                inner.refuse_reads -= 1;
                return Err(RecordsError::new("InternalServerError"));
            }
            Ok(inner.texts.get(name).cloned())
        }
        .boxed()
    }

    fn write<'a>(&'a self, name: &'a str, text: String) -> BoxFuture<'a, Result<(), RecordsError>> {
        async move {
            let mut inner = self.inner();
            inner.may_be_used()?;
            if inner.allow_writes > 0 {
                inner.allow_writes -= 1;
            } else if inner.refuse_writes > 0 {
                inner.refuse_writes -= 1;
                return Err(RecordsError::new("ThrottlingException"));
            }
            if text.is_empty() || text.len() > MOST_BYTES {
                return Err(RecordsError::new("ValidationException"));
            }
            inner.texts.insert(name.to_owned(), text);
            Ok(())
        }
        .boxed()
    }
}
