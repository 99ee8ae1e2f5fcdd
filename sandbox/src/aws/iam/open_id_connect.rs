//! OpenID Connect providers: issuers, such as a cluster's, whose tokens may assume roles.
//!
//! The ARN of a provider is made of its address, so there is one an address. Deleting one that does not exist succeeds
//! (IAM API Reference, DeleteOpenIDConnectProvider).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use aws_sdk_iam::operation::create_open_id_connect_provider::{
    CreateOpenIdConnectProviderInput, CreateOpenIdConnectProviderOutput,
};
use aws_sdk_iam::operation::delete_open_id_connect_provider::{
    DeleteOpenIdConnectProviderInput, DeleteOpenIdConnectProviderOutput,
};
use aws_sdk_iam::operation::get_open_id_connect_provider::{
    GetOpenIdConnectProviderInput, GetOpenIdConnectProviderOutput,
};
use aws_sdk_iam::operation::list_open_id_connect_providers::{
    ListOpenIdConnectProvidersInput, ListOpenIdConnectProvidersOutput,
};
use aws_sdk_iam::operation::tag_open_id_connect_provider::{
    TagOpenIdConnectProviderInput, TagOpenIdConnectProviderOutput,
};
use aws_sdk_iam::operation::untag_open_id_connect_provider::{
    UntagOpenIdConnectProviderInput, UntagOpenIdConnectProviderOutput,
};
use aws_sdk_iam::operation::update_open_id_connect_provider_thumbprint::{
    UpdateOpenIdConnectProviderThumbprintInput, UpdateOpenIdConnectProviderThumbprintOutput,
};
use aws_sdk_iam::types::OpenIdConnectProviderListEntry;

use super::{arn, invalid, no_such_entity, role};
use crate::aws::{Answer, ApiError, Services, Tags, World, date_time};

/// One provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Provider {
    /// Without its scheme, as the API returns it.
    url: String,
    client_ids: Vec<String>,
    /// SHA-1 fingerprints in 40 hexadecimal digits.
    thumbprints: Vec<String>,
    created: Timestamp,
    tags: Tags,
}

pub(super) fn register(services: &mut Services) {
    services.on(create).on(get).on(list).on(update_thumbprint).on(tag).on(untag).on(delete);
}

fn find_mut<'a>(world: &'a mut World, arn: Option<&str>) -> Answer<&'a mut Provider> {
    let arn = arn.unwrap_or_default();
    world
        .iam
        .open_id_connect_providers
        .get_mut(arn)
        .ok_or_else(|| no_such_entity(format!("OpenIDConnect Provider not found for arn {arn}")))
}

fn check_thumbprints(thumbprints: &[String]) -> Answer<()> {
    let right =
        |thumbprint: &String| thumbprint.len() == 40 && thumbprint.chars().all(|c| c.is_ascii_hexdigit());
    if thumbprints.len() > 5 {
        return Err(invalid("Thumbprint list must contain fewer than 5 entries."));
    }
    match thumbprints.iter().find(|thumbprint| !right(thumbprint)) {
        None => Ok(()),
        Some(wrong) => Err(invalid(format!("Thumbprint {wrong} is not 40 hexadecimal digits."))),
    }
}

fn create(
    world: &mut World,
    input: &CreateOpenIdConnectProviderInput,
) -> Answer<CreateOpenIdConnectProviderOutput> {
    let Some(url) = input.url().and_then(|url| url.strip_prefix("https://")) else {
        return Err(invalid("Invalid Open ID Connect Provider URL"));
    };
    check_thumbprints(input.thumbprint_list())?;
    let tags = role::tags_in(input.tags())?;
    let arn = arn(world, "oidc-provider", "/", url);
    if world.iam.open_id_connect_providers.contains_key(&arn) {
        return Err(ApiError::new(
            "EntityAlreadyExists",
            format!("Provider with url https://{url} already exists."),
        ));
    }
    let provider = Provider {
        url: url.to_owned(),
        client_ids: input.client_id_list().to_vec(),
        thumbprints: input.thumbprint_list().to_vec(),
        created: world.now,
        tags: tags.clone(),
    };
    world.iam.open_id_connect_providers.insert(arn.clone(), provider);
    Ok(CreateOpenIdConnectProviderOutput::builder()
        .open_id_connect_provider_arn(arn)
        .set_tags(Some(role::tags_out(&tags)?))
        .build())
}

fn get(world: &mut World, input: &GetOpenIdConnectProviderInput) -> Answer<GetOpenIdConnectProviderOutput> {
    let provider = find_mut(world, input.open_id_connect_provider_arn())?;
    Ok(GetOpenIdConnectProviderOutput::builder()
        .url(&provider.url)
        .set_client_id_list(Some(provider.client_ids.clone()))
        .set_thumbprint_list(Some(provider.thumbprints.clone()))
        .create_date(date_time(provider.created))
        .set_tags(Some(role::tags_out(&provider.tags)?))
        .build())
}

fn list(world: &mut World, _: &ListOpenIdConnectProvidersInput) -> Answer<ListOpenIdConnectProvidersOutput> {
    let arns = world.iam.open_id_connect_providers.keys();
    let entries = arns.map(|arn| OpenIdConnectProviderListEntry::builder().arn(arn).build());
    Ok(ListOpenIdConnectProvidersOutput::builder()
        .set_open_id_connect_provider_list(Some(entries.collect()))
        .build())
}

fn update_thumbprint(
    world: &mut World,
    input: &UpdateOpenIdConnectProviderThumbprintInput,
) -> Answer<UpdateOpenIdConnectProviderThumbprintOutput> {
    check_thumbprints(input.thumbprint_list())?;
    find_mut(world, input.open_id_connect_provider_arn())?.thumbprints = input.thumbprint_list().to_vec();
    Ok(UpdateOpenIdConnectProviderThumbprintOutput::builder().build())
}

fn tag(world: &mut World, input: &TagOpenIdConnectProviderInput) -> Answer<TagOpenIdConnectProviderOutput> {
    let tags = role::tags_in(input.tags())?;
    find_mut(world, input.open_id_connect_provider_arn())?.tags.extend(tags);
    Ok(TagOpenIdConnectProviderOutput::builder().build())
}

fn untag(
    world: &mut World,
    input: &UntagOpenIdConnectProviderInput,
) -> Answer<UntagOpenIdConnectProviderOutput> {
    let provider = find_mut(world, input.open_id_connect_provider_arn())?;
    provider.tags.retain(|key, _| !input.tag_keys().contains(key));
    Ok(UntagOpenIdConnectProviderOutput::builder().build())
}

fn delete(
    world: &mut World,
    input: &DeleteOpenIdConnectProviderInput,
) -> Answer<DeleteOpenIdConnectProviderOutput> {
    let arn = input.open_id_connect_provider_arn().unwrap_or_default();
    world.iam.open_id_connect_providers.remove(arn);
    Ok(DeleteOpenIdConnectProviderOutput::builder().build())
}
