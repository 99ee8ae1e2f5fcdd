//! Updates: the one way to change a cluster, node group or add-on, and DescribeUpdate and ListUpdates over them.
//!
//! An update takes effect when it ends. Just after its start the changed thing may still be shown as active, as on AWS.

use aws_sdk_eks::operation::describe_update::{DescribeUpdateInput, DescribeUpdateOutput};
use aws_sdk_eks::operation::list_updates::{ListUpdatesInput, ListUpdatesOutput};
use aws_sdk_eks::types;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::{Answer, Services, World, date_time};

/// How long a change is not yet visible in the state of what it changes.
const NOTICE: SignedDuration = SignedDuration::from_secs(2);

/// One change under way or over; `C` is what changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Update<C> {
    id: String,
    /// Of the API's UpdateType.
    kind: String,
    /// Of the API's UpdateParamType, with their values.
    params: Vec<(String, String)>,
    pub(super) created: Timestamp,
    /// When it ends; none while that depends on something else.
    pub(super) ends: Option<Timestamp>,
    pub(super) change: C,
    token: Option<String>,
    result: Progress,
}

/// How far an update got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Progress {
    Running,
    Successful,
    Failed { code: String, message: String, resources: Vec<String> },
}

/// An update to begin.
pub(super) struct NewUpdate<C> {
    pub(super) kind: types::UpdateType,
    pub(super) params: Vec<(types::UpdateParamType, String)>,
    pub(super) takes: Option<SignedDuration>,
    pub(super) change: C,
    pub(super) token: Option<String>,
}

impl<C> Update<C> {
    /// Begins an update.
    pub(super) fn begin(world: &mut World, new: NewUpdate<C>) -> Self {
        let created = world.now;
        Self {
            id: world.uuid(),
            kind: new.kind.as_str().to_owned(),
            params: new.params.into_iter().map(|(kind, value)| (kind.as_str().to_owned(), value)).collect(),
            created,
            ends: new.takes.map(|takes| created + takes),
            change: new.change,
            token: new.token,
            result: Progress::Running,
        }
    }

    pub(super) fn in_progress(&self) -> bool {
        self.result == Progress::Running
    }

    /// Whether what it changes is shown as updating.
    pub(super) fn visible(&self, now: Timestamp) -> bool {
        self.in_progress() && self.created + NOTICE <= now
    }

    /// Whether it was begun by a request with this client token.
    pub(super) fn begun_by(&self, token: Option<&str>) -> bool {
        token.is_some() && self.token.as_deref() == token
    }

    /// Whether its time is over while it still runs.
    pub(super) fn due(&self, now: Timestamp) -> bool {
        self.in_progress() && self.ends.is_some_and(|end| end <= now)
    }

    pub(super) fn succeed(&mut self) {
        self.result = Progress::Successful;
    }

    pub(super) fn fail(&mut self, code: types::ErrorCode, message: String, resources: Vec<String>) {
        self.result = Progress::Failed { code: code.as_str().to_owned(), message, resources };
    }

    /// The update as the API shows it.
    pub(super) fn view(&self) -> types::Update {
        let param = |(kind, value): &(String, String)| {
            types::UpdateParam::builder()
                .r#type(types::UpdateParamType::from(kind.as_str()))
                .value(value)
                .build()
        };
        let (status, errors) = match &self.result {
            Progress::Running => (types::UpdateStatus::InProgress, Vec::new()),
            Progress::Successful => (types::UpdateStatus::Successful, Vec::new()),
            Progress::Failed { code, message, resources } => {
                let error = types::ErrorDetail::builder()
                    .error_code(types::ErrorCode::from(code.as_str()))
                    .error_message(message)
                    .set_resource_ids(Some(resources.clone()))
                    .build();
                (types::UpdateStatus::Failed, vec![error])
            }
        };
        types::Update::builder()
            .id(&self.id)
            .status(status)
            .r#type(types::UpdateType::from(self.kind.as_str()))
            .set_params(Some(self.params.iter().map(param).collect()))
            .created_at(date_time(self.created))
            .set_errors(Some(errors))
            .build()
    }
}

pub(super) fn register(services: &mut Services) {
    services.on(describe);
    services.on(list);
}

fn describe(world: &mut World, input: &DescribeUpdateInput) -> Answer<DescribeUpdateOutput> {
    let id = input.update_id().unwrap_or_default();
    let all = updates(world, input.name(), input.nodegroup_name(), input.addon_name())?;
    let found = all.into_iter().find(|update| update.id() == Some(id));
    let update = found.ok_or_else(|| super::not_found(format!("No update found for ID: {id}")))?;
    Ok(DescribeUpdateOutput::builder().update(update).build())
}

fn list(world: &mut World, input: &ListUpdatesInput) -> Answer<ListUpdatesOutput> {
    let all = updates(world, input.name(), input.nodegroup_name(), input.addon_name())?;
    let newest_first = all.into_iter().rev().filter_map(|update| update.id).collect();
    let (ids, next) = super::page(newest_first, input.next_token(), input.max_results())?;
    Ok(ListUpdatesOutput::builder().set_update_ids(Some(ids)).set_next_token(next).build())
}

/// The updates of a node group or an add-on where one is named, else those of the cluster itself; oldest first.
fn updates(
    world: &World,
    cluster: Option<&str>,
    node_group: Option<&str>,
    addon: Option<&str>,
) -> Answer<Vec<types::Update>> {
    let owner = super::find(world, cluster)?;
    Ok(match (node_group, addon) {
        (Some(name), _) => {
            super::node_group::find(world, cluster, Some(name))?.updates.iter().map(Update::view).collect()
        }
        (None, Some(name)) => {
            super::addon::find(world, cluster, Some(name))?.updates.iter().map(Update::view).collect()
        }
        (None, None) => owner.updates.iter().map(Update::view).collect(),
    })
}
