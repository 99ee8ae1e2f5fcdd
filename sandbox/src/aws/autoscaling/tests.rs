//! Behaviour of the simulated Auto Scaling, through the real client.

use aws_sdk_autoscaling::types::{Filter, LifecycleState, Tag};

use super::super::landscape::{Landscape, minutes};
use super::super::testing::code;

#[tokio::test(start_paused = true)]
async fn groups_are_found_by_name_and_tag_with_their_instances() {
    let landscape = Landscape::with_nodes().await;
    let scaling = landscape.account.autoscaling();
    let name = landscape.scaling_group("general").await;
    let tagged = |key: &str, value: &str| {
        let filter = Filter::builder().name(format!("tag:{key}")).values(value).build();
        scaling.describe_auto_scaling_groups().filters(filter).send()
    };
    let found = tagged("eks:nodegroup-name", "general").await.unwrap();
    let group = &found.auto_scaling_groups()[0];
    assert_eq!((group.auto_scaling_group_name(), group.desired_capacity()), (Some(name.as_str()), Some(2)));
    assert!(group.instances().iter().all(|of| of.lifecycle_state() == Some(&LifecycleState::InService)));
    assert!(tagged("eks:nodegroup-name", "other").await.unwrap().auto_scaling_groups().is_empty());
    let unknown = Filter::builder().name("colour").values("red").build();
    assert_eq!(code(scaling.describe_auto_scaling_groups().filters(unknown).send().await), "ValidationError");
    let tag =
        Tag::builder().resource_id(&name).resource_type("auto-scaling-group").key("team").value("infra");
    scaling.create_or_update_tags().tags(tag.propagate_at_launch(true).build()).send().await.unwrap();
    assert_eq!(tagged("team", "infra").await.unwrap().auto_scaling_groups().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_lost_is_replaced() {
    let landscape = Landscape::with_nodes().await;
    let scaling = landscape.account.autoscaling();
    let name = landscape.scaling_group("general").await;
    let instances = async || {
        let groups =
            scaling.describe_auto_scaling_groups().auto_scaling_group_names(&name).send().await.unwrap();
        let of = groups.auto_scaling_groups()[0].instances().to_vec();
        of.into_iter().filter_map(|instance| instance.instance_id).collect::<Vec<_>>()
    };
    let lost = instances().await[0].clone();
    landscape.account.ec2().terminate_instances().instance_ids(&lost).send().await.unwrap();
    instances().await;
    minutes(2).await;
    let now = instances().await;
    assert!(now.len() == 2 && !now.contains(&lost), "{now:?}");
    let activities =
        scaling.describe_scaling_activities().auto_scaling_group_name(&name).send().await.unwrap();
    assert_eq!(activities.activities().len(), 4, "three launches and an end");
}

#[tokio::test(start_paused = true)]
async fn attachments_are_limited_and_of_known_groups() {
    let landscape = Landscape::with_nodes().await;
    let scaling = landscape.account.autoscaling();
    let name = landscape.scaling_group("general").await;
    let attach = |arns: Vec<String>| {
        let request = scaling.attach_load_balancer_target_groups().auto_scaling_group_name(&name);
        request.set_target_group_arns(Some(arns)).send()
    };
    assert_eq!(code(attach(vec!["arn:none".into()]).await), "ValidationError");
    assert_eq!(code(attach((0..11).map(|number| number.to_string()).collect()).await), "ValidationError");
    let unknown = scaling.describe_traffic_sources().auto_scaling_group_name("none");
    assert_eq!(code(unknown.send().await), "ValidationError");
}
