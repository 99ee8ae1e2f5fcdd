//! Scaling activities: what a group did about its instances, and whether it worked.

use aws_sdk_autoscaling::operation::describe_scaling_activities::{
    DescribeScalingActivitiesInput, DescribeScalingActivitiesOutput,
};
use aws_sdk_autoscaling::types;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::{Answer, Services, World, date_time};

/// One thing that a group did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Activity {
    id: String,
    group: String,
    group_arn: String,
    description: String,
    cause: String,
    start: Timestamp,
    end: Timestamp,
    /// Why it failed, where it did.
    failure: Option<String>,
}

pub(super) fn register(services: &mut Services) {
    services.on(describe);
}

/// What an activity is about.
pub(super) struct Report<'a> {
    pub(super) group: &'a str,
    pub(super) description: String,
    pub(super) cause: String,
    pub(super) start: Timestamp,
    pub(super) takes: SignedDuration,
    pub(super) failure: Option<String>,
}

/// Adds an activity to the group's history.
pub(super) fn record(world: &mut World, report: Report<'_>) {
    let id = world.uuid();
    let group_arn =
        world.autoscaling.groups.get(report.group).map(|group| group.arn.clone()).unwrap_or_default();
    world.autoscaling.activities.push(Activity {
        id,
        group: report.group.to_owned(),
        group_arn,
        description: report.description,
        cause: report.cause,
        start: report.start,
        end: report.start + report.takes,
        failure: report.failure,
    });
}

/// Why the group's newest activity failed, where it did.
pub(crate) fn last_failure(world: &World, group: &str) -> Option<String> {
    let newest = world.autoscaling.activities.iter().rev().find(|activity| activity.group == group)?;
    newest.failure.clone()
}

fn describe(
    world: &mut World,
    input: &DescribeScalingActivitiesInput,
) -> Answer<DescribeScalingActivitiesOutput> {
    if let Some(name) = input.auto_scaling_group_name()
        && !input.include_deleted_groups().unwrap_or_default()
    {
        super::find(world, Some(name))?;
    }
    let now = world.now;
    let state = &world.autoscaling;
    let wanted = |activity: &&Activity| {
        let of_group = input.auto_scaling_group_name().is_none_or(|name| activity.group == name);
        let named = input.activity_ids().is_empty() || input.activity_ids().contains(&activity.id);
        let alive =
            input.include_deleted_groups().unwrap_or_default() || state.groups.contains_key(&activity.group);
        of_group && named && alive
    };
    let newest_first =
        state.activities.iter().rev().filter(wanted).map(|activity| view(activity, now)).collect();
    let (activities, next) = super::page(newest_first, input.next_token(), input.max_records())?;
    Ok(DescribeScalingActivitiesOutput::builder()
        .set_activities(Some(activities))
        .set_next_token(next)
        .build())
}

fn view(activity: &Activity, now: Timestamp) -> types::Activity {
    use types::ScalingActivityStatusCode as Status;
    let over = activity.end <= now;
    let status = match (&activity.failure, over) {
        (Some(_), _) => Status::Failed,
        (None, true) => Status::Successful,
        (None, false) => Status::InProgress,
    };
    types::Activity::builder()
        .activity_id(&activity.id)
        .auto_scaling_group_name(&activity.group)
        .auto_scaling_group_arn(&activity.group_arn)
        .description(&activity.description)
        .cause(&activity.cause)
        .start_time(date_time(activity.start))
        .set_end_time(over.then(|| date_time(activity.end)))
        .status_code(status)
        .set_status_message(activity.failure.clone())
        .progress(if over { 100 } else { 50 })
        .build()
}
