//! The rules of orgs and sources, as their secrets hold them.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::change::{Change, VersionFrom};
use io::secrets::{OrgSecret, SecretsManager, SourceSecret};

use crate::connect;

/// The rules of orgs and sources, read once each.
pub(crate) struct Rules {
    secrets: SecretsManager,
    prefix: String,
    orgs: BTreeMap<String, Result<Option<VersionFrom>, String>>,
    sources: BTreeMap<String, Result<Arc<SourceSecret>, String>>,
}

impl Rules {
    pub(crate) fn new(secrets: SecretsManager, prefix: String) -> Rules {
        Rules {
            secrets,
            prefix,
            orgs: BTreeMap::new(),
            sources: BTreeMap::new(),
        }
    }

    /// The source's secret: how its requests are signed, and how they become changes.
    pub(crate) async fn source(&mut self, source: &str) -> Result<Arc<SourceSecret>, String> {
        if let Some(known) = self.sources.get(source) {
            return known.clone();
        }
        let name = format!("{}/source/{source}", self.prefix);
        let read = connect::secret(&self.secrets, &name).await;
        let secret = read.and_then(|text| {
            let secret = SourceSecret::parse(&text);
            let secret = secret.map_err(|error| format!("secret {name}: {error}"))?;
            Ok(Arc::new(secret))
        });
        self.sources.insert(source.to_owned(), secret.clone());
        secret
    }

    /// Whether the change may be sent without overwriting what is newer: it has a rank, or it
    /// is an operator's change.
    pub(crate) async fn is_ranked(&mut self, change: &Change) -> Result<bool, String> {
        let ranking = self.ranking(change.org.as_str()).await?;
        let has_rank = ranking.is_some_and(|from| change.rank(from).is_some());
        // An operator's change names the state that it expects, so it cannot overwrite anything
        // newer.
        Ok(change.operation.is_of_operator() || has_rank)
    }

    /// The member that ranks this org's changes. `None` means that the org stores no ranks.
    async fn ranking(&mut self, org: &str) -> Result<Option<VersionFrom>, String> {
        if let Some(known) = self.orgs.get(org) {
            return known.clone();
        }
        let name = format!("{}/org/{org}", self.prefix);
        let read = connect::secret(&self.secrets, &name).await;
        let ranking = read.and_then(|text| {
            let secret =
                OrgSecret::parse(&text).map_err(|error| format!("secret {name}: {error}"))?;
            Ok(secret.rules.ranking())
        });
        self.orgs.insert(org.to_owned(), ranking.clone());
        ranking
    }
}
