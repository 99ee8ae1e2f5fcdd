//! Reading parameters: by name, by path, and their descriptions, which never hold a value.

use jiff::Timestamp;

use aws_sdk_ssm::operation::describe_parameters::{DescribeParametersInput, DescribeParametersOutput};
use aws_sdk_ssm::operation::get_parameter::{GetParameterInput, GetParameterOutput};
use aws_sdk_ssm::operation::get_parameters::{GetParametersInput, GetParametersOutput};
use aws_sdk_ssm::operation::get_parameters_by_path::{GetParametersByPathInput, GetParametersByPathOutput};
use aws_sdk_ssm::types::{
    Parameter as Shown, ParameterMetadata, ParameterStringFilter, ParameterTier, ParameterType,
};

use super::{Parameter, arn, not_found, public, sealed, validation};
use crate::aws::paging::page;
use crate::aws::{Answer, ApiError, Services, World, date_time, kms};

pub(super) fn register(services: &mut Services) {
    services.on(get).on(get_many).on(get_by_path).on(describe);
}

/// The value at `selector`: the name, the name and `:version`, or an ARN in place of the name.
fn read(world: &World, selector: &str, decrypt: bool) -> Answer<Shown> {
    let own = arn(world, "/");
    let named = selector.strip_prefix(&own).map(|name| format!("/{name}"));
    let named = named.as_deref().unwrap_or(selector);
    let (name, wanted) = match named.split_once(':') {
        None => (named, None),
        Some((name, wanted)) => (name, Some(wanted)),
    };
    if let Some(value) = public::value(&world.region, name) {
        return Ok(published(world, name, value));
    }
    let parameter = world.ssm.parameters.get(name).ok_or_else(|| not_found(selector))?;
    let found = match wanted {
        None => parameter.versions.last_key_value(),
        Some(wanted) => wanted.parse().ok().and_then(|number: i64| parameter.versions.get_key_value(&number)),
    };
    let (number, version) = found.ok_or_else(|| {
        ApiError::new(
            "ParameterVersionNotFound",
            format!("Systems Manager could not find the version of {selector}"),
        )
    })?;
    let value = match &parameter.key {
        None => version.value.clone(),
        Some(_) if !decrypt => sealed(&version.value),
        Some(key) if kms::usable(world, key) => version.value.clone(),
        Some(key) => return Err(ApiError::new("InvalidKeyId", format!("The key {key} cannot be used"))),
    };
    Ok(Shown::builder()
        .name(name)
        .r#type(ParameterType::from(parameter.kind.as_str()))
        .value(value)
        .version(*number)
        .set_selector(wanted.map(|wanted| format!(":{wanted}")))
        .last_modified_date(date_time(version.modified))
        .arn(arn(world, name))
        .data_type(&parameter.data_type)
        .build())
}

/// A parameter of AWS: its ARN has no account.
fn published(world: &World, name: &str, value: String) -> Shown {
    Shown::builder()
        .name(name)
        .r#type(ParameterType::String)
        .value(value)
        .version(1)
        .last_modified_date(date_time(Timestamp::UNIX_EPOCH))
        .arn(format!("arn:aws:ssm:{}::parameter{name}", world.region))
        .data_type("text")
        .build()
}

fn get(world: &mut World, input: &GetParameterInput) -> Answer<GetParameterOutput> {
    let decrypt = input.with_decryption().unwrap_or(false);
    let parameter = read(world, input.name().unwrap_or_default(), decrypt)?;
    Ok(GetParameterOutput::builder().parameter(parameter).build())
}

fn get_many(world: &mut World, input: &GetParametersInput) -> Answer<GetParametersOutput> {
    let names = input.names();
    if names.is_empty() || names.len() > 10 {
        return Err(validation("1 to 10 names can be given"));
    }
    let decrypt = input.with_decryption().unwrap_or(false);
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for name in names {
        match read(world, name, decrypt) {
            Ok(parameter) => found.push(parameter),
            Err(error) if error.code.starts_with("Parameter") => missing.push(name.clone()),
            Err(error) => return Err(error),
        }
    }
    Ok(GetParametersOutput::builder()
        .set_parameters(Some(found))
        .set_invalid_parameters(Some(missing))
        .build())
}

fn get_by_path(world: &mut World, input: &GetParametersByPathInput) -> Answer<GetParametersByPathOutput> {
    if !input.parameter_filters().is_empty() {
        return Err(validation("filters of GetParametersByPath are not simulated"));
    }
    let path = input.path().unwrap_or_default();
    if !path.starts_with('/') {
        return Err(validation(format!("The parameter path must begin with a slash: {path}")));
    }
    let within = |name: &str| below(name, path, input.recursive().unwrap_or(false));
    let decrypt = input.with_decryption().unwrap_or(false);
    let names: Vec<String> = world.ssm.parameters.keys().filter(|name| within(name)).cloned().collect();
    let (names, token) = page(names, input.next_token(), input.max_results(), 10, 10)
        .map_err(|error| error.with_code("InvalidNextToken"))?;
    let parameters = names.iter().map(|name| read(world, name, decrypt)).collect::<Answer<_>>()?;
    Ok(GetParametersByPathOutput::builder().set_parameters(Some(parameters)).set_next_token(token).build())
}

/// Whether a name lies below a path: one level, or any if `recursive`.
fn below(name: &str, path: &str, recursive: bool) -> bool {
    let rest = name.strip_prefix(path.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    rest.is_some_and(|rest| recursive || !rest.contains('/'))
}

/// Whether a parameter fits a filter; unknown keys and options are errors, as in the service.
fn fits(parameter: &Parameter, filter: &ParameterStringFilter) -> Answer<bool> {
    let option = filter.option();
    let values = filter.values();
    let compare = |text: &str| -> Answer<bool> {
        Ok(match option.unwrap_or("Equals") {
            "Equals" => values.iter().any(|value| text == value),
            "BeginsWith" => values.iter().any(|value| text.starts_with(value.as_str())),
            "Contains" => values.iter().any(|value| text.contains(value.as_str())),
            other => {
                return Err(ApiError::new(
                    "InvalidFilterOption",
                    format!("The filter option '{other}' is not valid"),
                ));
            }
        })
    };
    match filter.key() {
        "Name" => compare(&parameter.name),
        "Type" => compare(&parameter.kind),
        "KeyId" => compare(parameter.key.as_deref().unwrap_or_default()),
        "Tier" => compare(&parameter.tier),
        "Path" => Ok(values.iter().any(|path| below(&parameter.name, path, option == Some("Recursive")))),
        key => match key.strip_prefix("tag:") {
            Some(tag) => {
                Ok(parameter.tags.get(tag).is_some_and(|value| values.is_empty() || values.contains(value)))
            }
            None => Err(ApiError::new("InvalidFilterKey", format!("The filter key '{key}' is not valid"))),
        },
    }
}

fn describe(world: &mut World, input: &DescribeParametersInput) -> Answer<DescribeParametersOutput> {
    if !input.filters().is_empty() {
        return Err(validation("the older Filters are not simulated: use ParameterFilters"));
    }
    let mut found = Vec::new();
    for parameter in world.ssm.parameters.values() {
        let mut fit = true;
        for filter in input.parameter_filters() {
            fit &= fits(parameter, filter)?;
        }
        if fit {
            found.push(metadata(world, parameter));
        }
    }
    let (found, token) = page(found, input.next_token(), input.max_results(), 10, 50)
        .map_err(|error| error.with_code("InvalidNextToken"))?;
    Ok(DescribeParametersOutput::builder().set_parameters(Some(found)).set_next_token(token).build())
}

fn metadata(world: &World, parameter: &Parameter) -> ParameterMetadata {
    let newest = parameter.versions.last_key_value();
    ParameterMetadata::builder()
        .name(&parameter.name)
        .arn(arn(world, &parameter.name))
        .r#type(ParameterType::from(parameter.kind.as_str()))
        .set_key_id(parameter.key.clone())
        .set_last_modified_date(newest.map(|(_, version)| date_time(version.modified)))
        .set_description(parameter.description.clone())
        .version(newest.map_or(0, |(number, _)| *number))
        .tier(ParameterTier::from(parameter.tier.as_str()))
        .data_type(&parameter.data_type)
        .build()
}
