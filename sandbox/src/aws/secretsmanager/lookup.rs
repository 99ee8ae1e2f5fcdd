//! Finding secrets: descriptions and filtered lists, which never hold a value.

use std::collections::HashMap;

use aws_sdk_secretsmanager::operation::describe_secret::{DescribeSecretInput, DescribeSecretOutput};
use aws_sdk_secretsmanager::operation::list_secrets::{ListSecretsInput, ListSecretsOutput};
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry, SortOrderType, Tag};

use super::{Secret, find_mut, invalid_parameter};
use crate::aws::paging::page;
use crate::aws::{Answer, Services, World, date_time};

pub(super) fn register(services: &mut Services) {
    services.on(describe).on(list);
}

/// The versions that have a label: the others are outdated and not shown.
fn stages(secret: &Secret) -> Option<HashMap<String, Vec<String>>> {
    let versions = secret.versions.iter().filter(|(_, version)| !version.stages.is_empty());
    let stages = versions.map(|(id, version)| (id.clone(), version.stages.iter().cloned().collect()));
    (!secret.versions.is_empty()).then(|| stages.collect())
}

fn tags(secret: &Secret) -> Option<Vec<Tag>> {
    let tags = secret.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    (!secret.tags.is_empty()).then(|| tags.collect())
}

fn describe(world: &mut World, input: &DescribeSecretInput) -> Answer<DescribeSecretOutput> {
    let secret = find_mut(world, input.secret_id())?;
    Ok(DescribeSecretOutput::builder()
        .arn(&secret.arn)
        .name(&secret.name)
        .set_description(secret.description.clone())
        .set_kms_key_id(secret.kms_key.clone())
        .created_date(date_time(secret.created))
        .last_changed_date(date_time(secret.changed))
        .set_deleted_date(secret.deletion.as_ref().map(|deletion| date_time(deletion.asked)))
        .set_tags(tags(secret))
        .set_version_ids_to_stages(stages(secret))
        .set_owning_service(secret.owner.clone())
        .build())
}

/// Whether one of the filter's values fits. A value beginning with `!` must not fit; names, tags and their values are compared by
/// their beginning (Secrets Manager API Reference, Filter).
fn fits(secret: &Secret, filter: &Filter) -> Answer<bool> {
    let begins = |text: &str, value: &str| match value.strip_prefix('!') {
        None => text.starts_with(value),
        Some(value) => !text.starts_with(value),
    };
    let any = |text: &str| filter.values().iter().any(|value| begins(text, value));
    Ok(match filter.key() {
        Some(FilterNameStringType::Name) => any(&secret.name),
        Some(FilterNameStringType::TagKey) => secret.tags.keys().any(|key| any(key)),
        Some(FilterNameStringType::TagValue) => secret.tags.values().any(|value| any(value)),
        Some(FilterNameStringType::Description) => secret.description.as_deref().is_some_and(any),
        Some(FilterNameStringType::OwningService) => secret.owner.as_deref().is_some_and(any),
        other => {
            let name = other.map(FilterNameStringType::as_str).unwrap_or_default();
            return Err(invalid_parameter(&format!("the filter '{name}' is not simulated")));
        }
    })
}

fn list(world: &mut World, input: &ListSecretsInput) -> Answer<ListSecretsOutput> {
    let planned = input.include_planned_deletion().unwrap_or(false);
    let mut found = Vec::new();
    for secret in world.secretsmanager.secrets.values().filter(|secret| planned || secret.deletion.is_none())
    {
        let mut fit = true;
        for filter in input.filters() {
            fit &= fits(secret, filter)?;
        }
        if fit {
            found.push(secret);
        }
    }
    // By the time of creation, the newest first unless told otherwise.
    found.sort_by_key(|secret| secret.created);
    if input.sort_order() != Some(&SortOrderType::Asc) {
        found.reverse();
    }
    let (found, token) = page(found, input.next_token(), input.max_results(), 100, 100)
        .map_err(|error| error.with_code("InvalidNextTokenException"))?;
    let entries = found.into_iter().map(|secret| {
        SecretListEntry::builder()
            .arn(&secret.arn)
            .name(&secret.name)
            .set_description(secret.description.clone())
            .set_kms_key_id(secret.kms_key.clone())
            .created_date(date_time(secret.created))
            .last_changed_date(date_time(secret.changed))
            .set_deleted_date(secret.deletion.as_ref().map(|deletion| date_time(deletion.asked)))
            .set_tags(tags(secret))
            .set_secret_versions_to_stages(stages(secret))
            .set_owning_service(secret.owner.clone())
            .build()
    });
    Ok(ListSecretsOutput::builder().set_secret_list(Some(entries.collect())).set_next_token(token).build())
}
