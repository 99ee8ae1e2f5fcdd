//! Launch templates and their versions
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html>).
//!
//! Invariants: a version never changes and its number is never used again; the default version exists.

use std::collections::BTreeMap;

use aws_sdk_ec2::operation::create_launch_template::{CreateLaunchTemplateInput, CreateLaunchTemplateOutput};
use aws_sdk_ec2::operation::create_launch_template_version::{
    CreateLaunchTemplateVersionInput, CreateLaunchTemplateVersionOutput,
};
use aws_sdk_ec2::operation::delete_launch_template::{DeleteLaunchTemplateInput, DeleteLaunchTemplateOutput};
use aws_sdk_ec2::operation::delete_launch_template_versions::{
    DeleteLaunchTemplateVersionsInput, DeleteLaunchTemplateVersionsOutput,
};
use aws_sdk_ec2::operation::describe_launch_template_versions::{
    DescribeLaunchTemplateVersionsInput, DescribeLaunchTemplateVersionsOutput,
};
use aws_sdk_ec2::operation::describe_launch_templates::{
    DescribeLaunchTemplatesInput, DescribeLaunchTemplatesOutput,
};
use aws_sdk_ec2::operation::modify_launch_template::{ModifyLaunchTemplateInput, ModifyLaunchTemplateOutput};
use aws_sdk_ec2::types::{
    self, DeleteLaunchTemplateVersionsResponseErrorItem, DeleteLaunchTemplateVersionsResponseSuccessItem,
    LaunchTemplateErrorCode, LaunchTemplateVersion, RequestLaunchTemplateData, ResourceType, ResponseError,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::launch_template_data::Data;
use super::request::{self, not_found, required};
use crate::aws::filters::{Fields, one};
use crate::aws::{Answer, ApiError, Services, Tags, World, date_time};

/// A launch template.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LaunchTemplate {
    name: String,
    created: Timestamp,
    default: i64,
    /// The number of the newest version, deleted or not.
    latest: i64,
    versions: BTreeMap<i64, Version>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Version {
    description: Option<String>,
    created: Timestamp,
    data: Data,
}

/// A version of a template, as the services see it that launch instances by it.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    /// The template's id.
    pub id: String,
    /// The template's name.
    pub name: String,
    /// The version's number.
    pub version: String,
    /// The instance type, where the template sets it.
    pub instance_type: Option<String>,
    /// The machine image, where the template sets it.
    pub image_id: Option<String>,
    /// The security groups, none where the template leaves them open.
    pub security_groups: Vec<String>,
    /// The tags of instances.
    pub instance_tags: Tags,
}

const FIELDS: &Fields<types::LaunchTemplate> =
    &[("launch-template-name", |template| one(template.launch_template_name()))];

const VERSION_FIELDS: &Fields<LaunchTemplateVersion> = &[
    ("image-id", |version| one(version.launch_template_data().and_then(|data| data.image_id()))),
    ("instance-type", |version| one(version.launch_template_data().and_then(|data| data.instance_type()))),
    ("is-default-version", |version| one(version.default_version())),
];

pub(super) fn register(services: &mut Services) {
    super::operations!(
        services,
        create_launch_template: CreateLaunchTemplateInput,
        create_launch_template_version: CreateLaunchTemplateVersionInput,
        delete_launch_template: DeleteLaunchTemplateInput,
        delete_launch_template_versions: DeleteLaunchTemplateVersionsInput,
        describe_launch_template_versions: DescribeLaunchTemplateVersionsInput,
        describe_launch_templates: DescribeLaunchTemplatesInput,
        modify_launch_template: ModifyLaunchTemplateInput,
    );
}

/// The version that is meant by an id or a name and a number, `$Latest` or `$Default`; the default one unless told.
pub(crate) fn launch_template(
    world: &World,
    id: Option<&str>,
    name: Option<&str>,
    version: Option<&str>,
) -> Answer<Template> {
    let id = find_id(world, id, name)?;
    let template = find(world, &id)?;
    let (number, version) = template.version(&id, version.unwrap_or(DEFAULT))?;
    Ok(Template {
        id,
        name: template.name.clone(),
        version: number.to_string(),
        instance_type: version.data.instance_type.clone(),
        image_id: version.data.image.clone(),
        security_groups: version.data.security_groups.clone().unwrap_or_default(),
        instance_tags: version.data.instance_tags(),
    })
}

const LATEST: &str = "$Latest";
const DEFAULT: &str = "$Default";

fn find<'a>(world: &'a World, id: &str) -> Answer<&'a LaunchTemplate> {
    world.ec2.launch_templates.get(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ApiError {
    not_found("InvalidLaunchTemplateId.NotFound", "specified launch template, with template ID", id)
}

fn find_id(world: &World, id: Option<&str>, name: Option<&str>) -> Answer<String> {
    match (id, name) {
        (Some(id), None) => find(world, id).map(|_| id.to_owned()),
        (None, Some(name)) => {
            let named = world.ec2.launch_templates.iter().find(|(_, template)| template.name == name);
            named.map(|(id, _)| id.clone()).ok_or_else(|| {
                let what = "specified launch template, with template name";
                not_found("InvalidLaunchTemplateName.NotFoundException", what, name)
            })
        }
        (None, None) => Err(request::missing("launchTemplateId or launchTemplateName")),
        (Some(_), Some(_)) => {
            let message = "Specify the template's id or its name, not both.";
            Err(ApiError::new("InvalidParameterCombination", message))
        }
    }
}

fn no_version(id: &str, version: &str) -> ApiError {
    let message =
        format!("Could not find the specified version {version} for the launch template with ID {id}.");
    ApiError::new("InvalidLaunchTemplateId.VersionNotFound", message)
}

impl LaunchTemplate {
    fn version(&self, id: &str, version: &str) -> Answer<(i64, &Version)> {
        let number = match version {
            LATEST => self.versions.keys().next_back().copied(),
            DEFAULT => Some(self.default),
            number => number.parse().ok(),
        };
        let found = number.and_then(|number| Some((number, self.versions.get(&number)?)));
        found.ok_or_else(|| no_version(id, version))
    }

    fn show(&self, world: &World, id: &str) -> types::LaunchTemplate {
        types::LaunchTemplate::builder()
            .launch_template_id(id)
            .launch_template_name(&self.name)
            .create_time(date_time(self.created))
            .created_by(world.global_arn("sts", "assumed-role/infra/operator"))
            .default_version_number(self.default)
            .latest_version_number(self.latest)
            .set_tags(request::shown_tags(world, id))
            .build()
    }

    fn show_version(&self, world: &World, id: &str, number: i64, version: &Version) -> LaunchTemplateVersion {
        LaunchTemplateVersion::builder()
            .launch_template_id(id)
            .launch_template_name(&self.name)
            .create_time(date_time(version.created))
            .created_by(world.global_arn("sts", "assumed-role/infra/operator"))
            .default_version(number == self.default)
            .launch_template_data(version.data.show())
            .set_version_description(version.description.clone())
            .version_number(number)
            .build()
    }
}

fn read(data: Option<&RequestLaunchTemplateData>) -> Answer<Data> {
    Data::read(data.ok_or_else(|| request::missing("launchTemplateData"))?)
}

fn create_launch_template(
    world: &mut World,
    input: &CreateLaunchTemplateInput,
) -> Answer<CreateLaunchTemplateOutput> {
    let token = input.client_token();
    if let Some(id) = world.tokens.recall("CreateLaunchTemplate", token, input)?
        && let Some(template) = world.ec2.launch_templates.get(&id)
    {
        return Ok(CreateLaunchTemplateOutput::builder().launch_template(template.show(world, &id)).build());
    }
    let tags = request::tags_for(input.tag_specifications(), &ResourceType::LaunchTemplate)?;
    let name = required(input.launch_template_name(), "launchTemplateName")?;
    let data = read(input.launch_template_data())?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "().-/_".contains(c);
    if !(3..=128).contains(&name.len()) || !name.chars().all(allowed) {
        let message = "A launch template's name has 3 to 128 letters, digits and ().-/_ characters.";
        return Err(ApiError::new("InvalidLaunchTemplateName.MalformedException", message));
    }
    if world.ec2.launch_templates.values().any(|template| template.name == name) {
        let message = "Launch template name already in use.";
        return Err(ApiError::new("InvalidLaunchTemplateName.AlreadyExistsException", message));
    }
    let (id, created) = (world.id("lt"), world.now);
    let description = input.version_description().map(str::to_owned);
    let versions = BTreeMap::from([(1, Version { description, created, data })]);
    let template = LaunchTemplate { name: name.to_owned(), created, default: 1, latest: 1, versions };
    world.ec2.launch_templates.insert(id.clone(), template);
    world.ec2.tags.insert(id.clone(), tags);
    world.tokens.remember("CreateLaunchTemplate", token, input, &id);
    let template = find(world, &id)?.show(world, &id);
    Ok(CreateLaunchTemplateOutput::builder().launch_template(template).build())
}

fn create_launch_template_version(
    world: &mut World,
    input: &CreateLaunchTemplateVersionInput,
) -> Answer<CreateLaunchTemplateVersionOutput> {
    let id = find_id(world, input.launch_template_id(), input.launch_template_name())?;
    if input.source_version().is_some() {
        let message = "The sandbox does not simulate source versions of launch templates.";
        return Err(ApiError::new("NotSimulated", message));
    }
    let token = input.client_token();
    let made = world.tokens.recall("CreateLaunchTemplateVersion", token, input)?;
    let number = match made.and_then(|made| made.parse().ok()) {
        Some(number) => number,
        None => {
            let data = read(input.launch_template_data())?;
            let description = input.version_description().map(str::to_owned);
            let created = world.now;
            let template = world.ec2.launch_templates.get_mut(&id).ok_or_else(|| unknown(&id))?;
            template.latest += 1;
            let number = template.latest;
            template.versions.insert(number, Version { description, created, data });
            world.tokens.remember("CreateLaunchTemplateVersion", token, input, &number.to_string());
            number
        }
    };
    let template = find(world, &id)?;
    let version = template.versions.get(&number).ok_or_else(|| no_version(&id, &number.to_string()))?;
    let shown = template.show_version(world, &id, number, version);
    Ok(CreateLaunchTemplateVersionOutput::builder().launch_template_version(shown).build())
}

fn describe_launch_templates(
    world: &mut World,
    input: &DescribeLaunchTemplatesInput,
) -> Answer<DescribeLaunchTemplatesOutput> {
    for name in input.launch_template_names() {
        find_id(world, None, Some(name))?;
    }
    let templates = request::by_ids(
        &world.ec2.launch_templates,
        input.launch_template_ids(),
        "InvalidLaunchTemplateId.NotFound",
        "specified launch template, with template ID",
    )?;
    let names = input.launch_template_names();
    let named = |template: &LaunchTemplate| names.is_empty() || names.contains(&template.name);
    let templates = templates.into_iter().filter(|(_, template)| named(template));
    let templates = templates.map(|(id, template)| template.show(world, id));
    let templates = request::filtered(templates, input.filters(), FIELDS, types::LaunchTemplate::tags)?;
    let (templates, next) = request::page(templates, input.next_token(), input.max_results())?;
    let output = DescribeLaunchTemplatesOutput::builder().set_launch_templates(Some(templates));
    Ok(output.set_next_token(next).build())
}

/// Without a template, `$Latest` and `$Default` list these versions of all templates.
fn describe_launch_template_versions(
    world: &mut World,
    input: &DescribeLaunchTemplateVersionsInput,
) -> Answer<DescribeLaunchTemplateVersionsOutput> {
    let ids: Vec<String> = match (input.launch_template_id(), input.launch_template_name()) {
        (None, None) if !input.versions().is_empty() => world.ec2.launch_templates.keys().cloned().collect(),
        (id, name) => vec![find_id(world, id, name)?],
    };
    let mut shown = Vec::new();
    for id in &ids {
        let template = find(world, id)?;
        let mut chosen = BTreeMap::new();
        if input.versions().is_empty() {
            chosen.extend(template.versions.iter().map(|(number, version)| (*number, version)));
        }
        for version in input.versions() {
            let (number, version) = template.version(id, version)?;
            chosen.insert(number, version);
        }
        let newest_first = chosen.into_iter().rev();
        shown.extend(newest_first.map(|(number, version)| template.show_version(world, id, number, version)));
    }
    let shown = request::filtered(shown, input.filters(), VERSION_FIELDS, |_| &[])?;
    let (shown, next) = request::page(shown, input.next_token(), input.max_results())?;
    let output = DescribeLaunchTemplateVersionsOutput::builder().set_launch_template_versions(Some(shown));
    Ok(output.set_next_token(next).build())
}

fn modify_launch_template(
    world: &mut World,
    input: &ModifyLaunchTemplateInput,
) -> Answer<ModifyLaunchTemplateOutput> {
    let id = find_id(world, input.launch_template_id(), input.launch_template_name())?;
    let default = required(input.default_version(), "setDefaultVersion")?;
    let (number, _) = find(world, &id)?.version(&id, default)?;
    if let Some(template) = world.ec2.launch_templates.get_mut(&id) {
        template.default = number;
    }
    let template = find(world, &id)?.show(world, &id);
    Ok(ModifyLaunchTemplateOutput::builder().launch_template(template).build())
}

fn delete_launch_template_versions(
    world: &mut World,
    input: &DeleteLaunchTemplateVersionsInput,
) -> Answer<DeleteLaunchTemplateVersionsOutput> {
    let id = find_id(world, input.launch_template_id(), input.launch_template_name())?;
    let template = world.ec2.launch_templates.get_mut(&id).ok_or_else(|| unknown(&id))?;
    let mut output = DeleteLaunchTemplateVersionsOutput::builder();
    for version in input.versions() {
        let number = version.parse().unwrap_or_default();
        let failure = if number == template.default {
            let message = "The default version of a launch template cannot be deleted.";
            Some((LaunchTemplateErrorCode::UnexpectedError, message))
        } else if template.versions.remove(&number).is_none() {
            let message = "The specified version of the launch template does not exist.";
            Some((LaunchTemplateErrorCode::LaunchTemplateVersionDoesNotExist, message))
        } else {
            None
        };
        output = match failure {
            Some((code, message)) => output.unsuccessfully_deleted_launch_template_versions(
                DeleteLaunchTemplateVersionsResponseErrorItem::builder()
                    .launch_template_id(&id)
                    .launch_template_name(&template.name)
                    .version_number(number)
                    .response_error(ResponseError::builder().code(code).message(message).build())
                    .build(),
            ),
            None => output.successfully_deleted_launch_template_versions(
                DeleteLaunchTemplateVersionsResponseSuccessItem::builder()
                    .launch_template_id(&id)
                    .launch_template_name(&template.name)
                    .version_number(number)
                    .build(),
            ),
        };
    }
    Ok(output.build())
}

fn delete_launch_template(
    world: &mut World,
    input: &DeleteLaunchTemplateInput,
) -> Answer<DeleteLaunchTemplateOutput> {
    let id = find_id(world, input.launch_template_id(), input.launch_template_name())?;
    let template = find(world, &id)?.show(world, &id);
    world.ec2.launch_templates.remove(&id);
    world.ec2.tags.remove(&id);
    Ok(DeleteLaunchTemplateOutput::builder().launch_template(template).build())
}
