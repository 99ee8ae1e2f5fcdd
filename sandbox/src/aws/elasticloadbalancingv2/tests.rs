//! Behaviour of the simulated Elastic Load Balancing v2, through the real client.

use aws_sdk_autoscaling::types::TrafficSourceIdentifier;
use aws_sdk_elasticloadbalancingv2::types::*;

use super::super::landscape::{Landscape, minutes};
use super::super::testing::code;

impl Landscape {
    fn create_load_balancer(
        &self,
        name: &str,
    ) -> aws_sdk_elasticloadbalancingv2::operation::create_load_balancer::builders::CreateLoadBalancerFluentBuilder
    {
        let request = self.account.elasticloadbalancingv2().create_load_balancer().name(name);
        request
            .r#type(LoadBalancerTypeEnum::Network)
            .set_subnets(Some(self.subnets.clone()))
            .security_groups(&self.security_group)
            .tags(Tag::builder().key("team").value("infra").build())
    }

    async fn load_balancer(&self) -> LoadBalancer {
        self.create_load_balancer("ingress").send().await.unwrap().load_balancers()[0].clone()
    }

    async fn target_group(&self, name: &str, port: i32) -> String {
        let request = self.account.elasticloadbalancingv2().create_target_group().name(name).port(port);
        let created = request.protocol(ProtocolEnum::Tcp).vpc_id(&self.vpc).send().await.unwrap();
        created.target_groups()[0].target_group_arn().unwrap().to_owned()
    }

    fn create_listener(
        &self,
        balancer: &str,
        group: &str,
    ) -> aws_sdk_elasticloadbalancingv2::operation::create_listener::builders::CreateListenerFluentBuilder
    {
        let forward = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group).build();
        let request = self.account.elasticloadbalancingv2().create_listener().load_balancer_arn(balancer);
        request.port(443).protocol(ProtocolEnum::Tcp).default_actions(forward)
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_is_provisioned_and_an_equal_request_gives_the_same() {
    let landscape = Landscape::new().await;
    let balancer = landscape.load_balancer().await;
    assert_eq!(balancer.state().unwrap().code(), Some(&LoadBalancerStateEnum::Provisioning));
    assert!(balancer.load_balancer_arn().unwrap().contains(":loadbalancer/net/ingress/"));
    assert!(balancer.dns_name().unwrap().ends_with(".elb.eu-west-1.amazonaws.com"));
    assert_eq!(balancer.canonical_hosted_zone_id(), Some("Z2IFOLAFXWLO4F"));
    assert_eq!(balancer.availability_zones().len(), 2);
    assert_eq!(landscape.load_balancer().await.load_balancer_arn(), balancer.load_balancer_arn());
    let other = landscape.create_load_balancer("ingress").scheme(LoadBalancerSchemeEnum::Internal);
    assert_eq!(code(other.send().await), "DuplicateLoadBalancerName");
    minutes(3).await;
    let elb = landscape.account.elasticloadbalancingv2();
    let found = elb.describe_load_balancers().names("ingress").send().await.unwrap();
    assert_eq!(found.load_balancers()[0].state().unwrap().code(), Some(&LoadBalancerStateEnum::Active));
    assert_eq!(code(elb.describe_load_balancers().names("none").send().await), "LoadBalancerNotFound");
}

#[tokio::test(start_paused = true)]
async fn interfaces_outlive_a_deleted_load_balancer() {
    let landscape = Landscape::new().await;
    let balancer = landscape.load_balancer().await;
    let filter =
        aws_sdk_ec2::types::Filter::builder().name("description").values("ELB net/ingress/*").build();
    let interfaces = async || {
        let request = landscape.account.ec2().describe_network_interfaces().filters(filter.clone());
        request.send().await.unwrap().network_interfaces().len()
    };
    assert_eq!(interfaces().await, 2);
    let elb = landscape.account.elasticloadbalancingv2();
    let arn = balancer.load_balancer_arn().unwrap();
    let protection =
        LoadBalancerAttribute::builder().key("deletion_protection.enabled").value("true").build();
    elb.modify_load_balancer_attributes().load_balancer_arn(arn).attributes(protection).send().await.unwrap();
    assert_eq!(code(elb.delete_load_balancer().load_balancer_arn(arn).send().await), "OperationNotPermitted");
    let open = LoadBalancerAttribute::builder().key("deletion_protection.enabled").value("false").build();
    elb.modify_load_balancer_attributes().load_balancer_arn(arn).attributes(open).send().await.unwrap();
    elb.delete_load_balancer().load_balancer_arn(arn).send().await.unwrap();
    assert_eq!(interfaces().await, 2);
    minutes(3).await;
    assert_eq!(interfaces().await, 0);
}

#[tokio::test(start_paused = true)]
async fn listeners_hold_their_target_groups() {
    let landscape = Landscape::new().await;
    let elb = landscape.account.elasticloadbalancingv2();
    let balancer = landscape.load_balancer().await.load_balancer_arn().unwrap().to_owned();
    let group = landscape.target_group("https", 30443).await;
    let tag = Tag::builder().key("team").value("infra").build();
    let listener = landscape.create_listener(&balancer, &group).tags(tag).send().await.unwrap();
    let listener = listener.listeners()[0].listener_arn().unwrap().to_owned();
    assert_eq!(code(landscape.create_listener(&balancer, &group).send().await), "DuplicateListener");
    assert_eq!(
        code(landscape.create_listener(&balancer, "none").port(80).send().await),
        "TargetGroupNotFound"
    );
    let groups = elb.describe_target_groups().target_group_arns(&group).send().await.unwrap();
    assert_eq!(groups.target_groups()[0].load_balancer_arns(), [balancer]);
    assert_eq!(code(elb.delete_target_group().target_group_arn(&group).send().await), "ResourceInUse");
    let tags = elb.describe_tags().resource_arns(&listener).send().await.unwrap();
    assert_eq!(tags.tag_descriptions()[0].tags()[0].value(), Some("infra"));
    elb.delete_listener().listener_arn(&listener).send().await.unwrap();
    assert_eq!(code(elb.delete_listener().listener_arn(&listener).send().await), "ListenerNotFound");
    elb.delete_target_group().target_group_arn(&group).send().await.unwrap();
    assert_eq!(code(elb.describe_tags().resource_arns(&group).send().await), "TargetGroupNotFound");
}

#[tokio::test(start_paused = true)]
async fn nodes_become_healthy_targets_through_their_auto_scaling_group() {
    let landscape = Landscape::with_nodes().await;
    let elb = landscape.account.elasticloadbalancingv2();
    let balancer = landscape.load_balancer().await.load_balancer_arn().unwrap().to_owned();
    let group = landscape.target_group("https", 30443).await;
    landscape.create_listener(&balancer, &group).send().await.unwrap();
    let scaling_group = landscape.scaling_group("general").await;
    let source = TrafficSourceIdentifier::builder().identifier(&group).r#type("elbv2").build();
    let request =
        landscape.account.autoscaling().attach_traffic_sources().auto_scaling_group_name(&scaling_group);
    request.traffic_sources(source).send().await.unwrap();
    let states = async || {
        let health = elb.describe_target_health().target_group_arn(&group).send().await.unwrap();
        let of = |target: &TargetHealthDescription| target.target_health().unwrap().state().unwrap().clone();
        health.target_health_descriptions().iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(states().await, [TargetHealthStateEnum::Initial, TargetHealthStateEnum::Initial]);
    minutes(3).await;
    assert_eq!(states().await, [TargetHealthStateEnum::Healthy, TargetHealthStateEnum::Healthy]);
    let request = landscape.account.autoscaling().detach_load_balancer_target_groups();
    request.auto_scaling_group_name(&scaling_group).target_group_arns(&group).send().await.unwrap();
    assert_eq!(states().await, [TargetHealthStateEnum::Draining, TargetHealthStateEnum::Draining]);
    minutes(6).await;
    assert!(states().await.is_empty());
}
