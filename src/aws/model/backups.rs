//! What must outlive the cluster: the bucket for backups, and the secret that Vault's recovery keys are put into.

use holodeck_engine::{Graph, Handle, Host};

use crate::aws::bucket::Bucket;
use crate::aws::client::Aws;
use crate::aws::kms_key::KmsKey;
use crate::aws::model::Model;
use crate::aws::model::keys::Keys;
use crate::aws::secret::Secret;

/// Days after which an upload in parts that was given up is removed.
const ABORT_UPLOAD_DAYS: u32 = 7;
/// Days for which removed recovery keys can be recovered, the most that AWS offers.
const RECOVERY_DAYS: u32 = 30;

/// Where backups and recovery keys go.
pub struct Backups {
    /// The bucket for backups.
    pub bucket: Handle<Bucket>,
    /// The container of Vault's recovery keys.
    pub recovery_keys: Handle<Secret>,
}

/// The name of the container of Vault's recovery keys.
pub const RECOVERY_KEYS: &str = "vault-recovery";

/// Registers the kinds of this layer.
pub fn register(graph: &mut Graph, host: Host<Aws>) {
    graph.register::<Bucket>(host);
    graph.register::<Secret>(host);
}

/// Adds the bucket and the secret.
pub fn declare(model: &Model<'_>, graph: &mut Graph, keys: &Keys) -> Backups {
    graph.group("Backups");
    let bucket = graph.add(
        "backups",
        Bucket {
            versioned: true,
            key_arn: keys.key.output(KmsKey::ARN),
            private: true,
            owner_enforced: true,
            tls_only: true,
            noncurrent_days: model.settings.backups.retention_days,
            abort_upload_days: ABORT_UPLOAD_DAYS,
            tags: model.tags(),
        },
    );
    let recovery_keys = graph.add(
        RECOVERY_KEYS,
        Secret {
            description: format!("Recovery keys of Vault in the environment {}", model.environment.name),
            key_arn: keys.key.output(KmsKey::ARN),
            recovery_days: RECOVERY_DAYS,
            tags: model.tags(),
        },
    );
    Backups { bucket, recovery_keys }
}
