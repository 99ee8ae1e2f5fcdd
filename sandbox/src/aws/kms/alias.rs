//! Aliases: names for keys, unique in a region. Those of AWS's services begin with `alias/aws/`; the key behind one is made
//! when it is first asked for, as AWS does (KMS Developer Guide, "AWS managed keys").

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use aws_sdk_kms::operation::create_alias::{CreateAliasInput, CreateAliasOutput};
use aws_sdk_kms::operation::delete_alias::{DeleteAliasInput, DeleteAliasOutput};
use aws_sdk_kms::operation::list_aliases::{ListAliasesInput, ListAliasesOutput};
use aws_sdk_kms::operation::update_alias::{UpdateAliasInput, UpdateAliasOutput};
use aws_sdk_kms::types::AliasListEntry;

use super::{arn, find, key, not_found, validation};
use crate::aws::paging::page;
use crate::aws::{Answer, ApiError, Services, World, date_time};

/// How the aliases of AWS's own keys begin.
const AWS_PREFIX: &str = "alias/aws/";
/// The services whose keys are reachable by `alias/aws/NAME`.
const AWS_SERVICES: &[&str] = &["ebs", "rds", "s3", "secretsmanager", "ssm"];

/// One alias.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Alias {
    pub(super) key_id: Option<String>,
    created: Timestamp,
    updated: Timestamp,
}

pub(super) fn register(services: &mut Services) {
    services.on(create).on(update).on(delete).on(list);
}

pub(super) fn missing(world: &World, name: &str) -> ApiError {
    not_found(format!("Alias {} is not found.", arn(world, name)))
}

/// The service of AWS whose key `reference` names, by alias.
pub(super) fn aws_service(world: &World, reference: &str) -> Option<&'static str> {
    let prefix = arn(world, "");
    let service = reference.strip_prefix(&prefix).unwrap_or(reference).strip_prefix(AWS_PREFIX)?;
    AWS_SERVICES.iter().find(|known| **known == service).copied()
}

/// Makes the key behind the alias of an AWS service, if that is what `reference` names.
pub(super) fn ensure_aws_key(world: &mut World, reference: &str) {
    let Some(service) = aws_service(world, reference) else { return };
    let name = format!("{AWS_PREFIX}{service}");
    if world.kms.aliases.contains_key(&name) {
        return;
    }
    // The id does not come from the world's count, since asking for a key changes nothing that is written.
    let digest = Sha256::digest(arn(world, &name).as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let id = format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..]);
    key::add(world, &id, |key| {
        key.aws_managed = true;
        key.description = format!("Default key that protects my {service} data when no other key is defined");
    });
    let now = world.now;
    world.kms.aliases.insert(name, Alias { key_id: Some(id), created: now, updated: now });
}

fn check_name(name: &str) -> Answer<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
    let short = name.strip_prefix("alias/").unwrap_or_default();
    if short.is_empty() || name.len() > 256 || !short.chars().all(allowed) {
        return Err(validation(format!(
            "Alias '{name}' must be alias/ and letters, digits, slash, dash, underscore"
        )));
    }
    if short.starts_with("aws/") {
        return Err(ApiError::new("NotAuthorizedException", "The alias prefix alias/aws/ is reserved"));
    }
    Ok(())
}

/// The key that an alias is to point to: by id or ARN, not by another alias, and not one on its way out.
fn target(world: &World, reference: Option<&str>) -> Answer<String> {
    if reference.is_some_and(|reference| reference.contains("alias/")) {
        return Err(validation("Aliases must refer to keys. Not aliases"));
    }
    let key = find(world, reference)?;
    key.ours()?;
    key.not_pending_deletion()?;
    Ok(key.id.clone())
}

fn create(world: &mut World, input: &CreateAliasInput) -> Answer<CreateAliasOutput> {
    let name = input.alias_name().unwrap_or_default();
    check_name(name)?;
    let key_id = Some(target(world, input.target_key_id())?);
    if world.kms.aliases.contains_key(name) {
        return Err(ApiError::new(
            "AlreadyExistsException",
            format!("An alias with the name {} already exists", arn(world, name)),
        ));
    }
    let now = world.now;
    world.kms.aliases.insert(name.to_owned(), Alias { key_id, created: now, updated: now });
    Ok(CreateAliasOutput::builder().build())
}

fn update(world: &mut World, input: &UpdateAliasInput) -> Answer<UpdateAliasOutput> {
    let name = input.alias_name().unwrap_or_default();
    check_name(name)?;
    let key_id = Some(target(world, input.target_key_id())?);
    let now = world.now;
    let missing = missing(world, name);
    let alias = world.kms.aliases.get_mut(name).ok_or(missing)?;
    alias.key_id = key_id;
    alias.updated = now;
    Ok(UpdateAliasOutput::builder().build())
}

fn delete(world: &mut World, input: &DeleteAliasInput) -> Answer<DeleteAliasOutput> {
    let name = input.alias_name().unwrap_or_default();
    check_name(name)?;
    let missing = missing(world, name);
    world.kms.aliases.remove(name).ok_or(missing)?;
    Ok(DeleteAliasOutput::builder().build())
}

fn list(world: &mut World, input: &ListAliasesInput) -> Answer<ListAliasesOutput> {
    let of_key = match input.key_id() {
        Some(reference) => Some(find(world, Some(reference))?.id.clone()),
        None => None,
    };
    let aliases = world.kms.aliases.iter().filter(|(_, alias)| of_key.is_none() || alias.key_id == of_key);
    let entries = aliases.map(|(name, alias)| {
        AliasListEntry::builder()
            .alias_name(name)
            .alias_arn(arn(world, name))
            .set_target_key_id(alias.key_id.clone())
            .creation_date(date_time(alias.created))
            .last_updated_date(date_time(alias.updated))
            .build()
    });
    let (entries, marker) = page(entries.collect(), input.marker(), input.limit(), 50, 100)
        .map_err(|error| error.with_code("InvalidMarkerException"))?;
    Ok(ListAliasesOutput::builder()
        .set_aliases(Some(entries))
        .truncated(marker.is_some())
        .set_next_marker(marker)
        .build())
}
