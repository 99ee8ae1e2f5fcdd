//! AssociateEncryptionConfig: secrets encryption can be added to a cluster once, never changed or removed.

use aws_sdk_eks::operation::associate_encryption_config::{
    AssociateEncryptionConfigInput, AssociateEncryptionConfigOutput,
};
use aws_sdk_eks::types::{UpdateParamType, UpdateType};
use jiff::SignedDuration;

use super::super::{Answer, Services, World};
use super::cluster_change::{self, Change};
use super::{cluster, invalid_parameter};

/// How long it takes until all secrets are encrypted.
const ENCRYPTION: SignedDuration = SignedDuration::from_secs(12 * 60);

pub(super) fn register(services: &mut Services) {
    services.on(associate);
}

fn associate(
    world: &mut World,
    input: &AssociateEncryptionConfigInput,
) -> Answer<AssociateEncryptionConfigOutput> {
    let name = input.cluster_name();
    let token = input.client_request_token();
    let wanted = cluster::encryption(input.encryption_config())?;
    let wanted = wanted.ok_or_else(|| invalid_parameter("encryptionConfig must not be empty"))?;
    cluster::check_key(world, &wanted.key_arn)?;
    let cluster = super::find(world, name)?;
    if cluster.settings.encryption.is_some() && !cluster.updates.iter().any(|update| update.begun_by(token)) {
        return Err(invalid_parameter(
            "Cluster already has encryption enabled: it cannot be changed or removed",
        ));
    }
    let params =
        vec![(UpdateParamType::EncryptionConfig, format!("{:?} {}", wanted.resources, wanted.key_arn))];
    let change = (Change::Encryption(wanted), ENCRYPTION);
    let update =
        cluster_change::begin(world, name, token, (UpdateType::AssociateEncryptionConfig, params), change)?;
    Ok(AssociateEncryptionConfigOutput::builder().update(update).build())
}
