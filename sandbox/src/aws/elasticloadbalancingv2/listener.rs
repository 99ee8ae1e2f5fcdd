//! Listeners of network load balancers.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::operation::create_listener::{CreateListenerInput, CreateListenerOutput};
use aws_sdk_elasticloadbalancingv2::operation::delete_listener::{DeleteListenerInput, DeleteListenerOutput};
use aws_sdk_elasticloadbalancingv2::operation::describe_listeners::{
    DescribeListenersInput, DescribeListenersOutput,
};
use aws_sdk_elasticloadbalancingv2::operation::modify_listener::{ModifyListenerInput, ModifyListenerOutput};
use aws_sdk_elasticloadbalancingv2::types;
use serde::{Deserialize, Serialize};

use super::super::{Answer, ApiError, Services, World};
use super::{error, load_balancer, tag, target_group, validation};

/// One listener.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Listener {
    pub(super) arn: String,
    pub(super) load_balancer: String,
    port: i32,
    protocol: String,
    /// ARN of the target group to which it forwards.
    pub(super) target_group: String,
    certificates: Vec<String>,
    ssl_policy: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
}

pub(super) fn register(services: &mut Services) {
    services.on(create);
    services.on(describe);
    services.on(modify);
    services.on(delete);
}

/// The refusal of an unknown listener.
pub(super) fn not_found(arn: &str) -> ApiError {
    error("ListenerNotFound", format!("One or more listeners not found: '{arn}'"))
}

fn create(world: &mut World, input: &CreateListenerInput) -> Answer<CreateListenerOutput> {
    let balancer = load_balancer::find_mut(world, input.load_balancer_arn())?.arn.clone();
    let port = input.port().unwrap_or_default();
    let protocol = protocol(input.protocol())?;
    let target_group = target_group_of(world, input.default_actions(), &protocol)?;
    let tags = tag::tags_of(input.tags())?;
    check_port(world, &balancer, port, &protocol, None)?;
    let id = super::new_id(world);
    let arn = format!("{}/{id}", balancer.replacen(":loadbalancer/", ":listener/", 1));
    let listener = Listener {
        arn: arn.clone(),
        load_balancer: balancer,
        port,
        protocol,
        target_group,
        certificates: certificates(input.certificates()),
        ssl_policy: input.ssl_policy().map(str::to_owned),
        tags,
    };
    let shown = view(&listener);
    world.elasticloadbalancingv2.listeners.insert(arn, listener);
    Ok(CreateListenerOutput::builder().listeners(shown).build())
}

fn protocol(given: Option<&types::ProtocolEnum>) -> Answer<String> {
    use types::ProtocolEnum as P;
    match given {
        Some(known @ (P::Tcp | P::Tls | P::Udp | P::TcpUdp)) => Ok(known.as_str().to_owned()),
        other => Err(error(
            "UnsupportedProtocol",
            format!(
                "Protocol '{}' is not supported by network load balancers",
                other.map_or("", |other| other.as_str())
            ),
        )),
    }
}

/// A network load balancer forwards to one target group of the same transport.
fn target_group_of(world: &mut World, actions: &[types::Action], protocol: &str) -> Answer<String> {
    let [action] = actions else {
        return Err(validation("A listener has exactly one default action"));
    };
    let forward = action.forward_config().and_then(|config| config.target_groups().first());
    let arn = action.target_group_arn().or(forward.and_then(|tuple| tuple.target_group_arn()));
    if action.r#type() != Some(&types::ActionTypeEnum::Forward) {
        return Err(error("InvalidLoadBalancerAction", "Listeners of network load balancers forward only"));
    }
    let group = target_group::find_mut(world, arn)?;
    let transport = |protocol: &str| if protocol == "TLS" { "TCP".to_owned() } else { protocol.to_owned() };
    if transport(&group.protocol) != transport(protocol) {
        return Err(error(
            "IncompatibleProtocols",
            format!(
                "Listener protocol '{protocol}' is not compatible with the target group protocol '{}'",
                group.protocol
            ),
        ));
    }
    Ok(group.arn.clone())
}

/// Two listeners of a load balancer may share a port only where one is TCP or TLS and the other UDP.
fn check_port(world: &World, balancer: &str, port: i32, protocol: &str, own: Option<&str>) -> Answer<()> {
    if !(1..=65535).contains(&port) {
        return Err(validation(format!("Port '{port}' is not within 1 and 65535")));
    }
    let clashes = |listener: &&Listener| {
        let stands_alone = |protocol: &str| protocol == "UDP";
        let same_transport = stands_alone(&listener.protocol) == stands_alone(protocol)
            || [listener.protocol.as_str(), protocol].contains(&"TCP_UDP");
        listener.load_balancer == balancer
            && listener.port == port
            && same_transport
            && own != Some(&listener.arn)
    };
    if world.elasticloadbalancingv2.listeners.values().any(|listener| clashes(&listener)) {
        return Err(error(
            "DuplicateListener",
            "A listener already exists on this port for this load balancer",
        ));
    }
    Ok(())
}

fn certificates(given: &[types::Certificate]) -> Vec<String> {
    given.iter().filter_map(|certificate| certificate.certificate_arn().map(str::to_owned)).collect()
}

fn describe(world: &mut World, input: &DescribeListenersInput) -> Answer<DescribeListenersOutput> {
    let state = &world.elasticloadbalancingv2;
    if let Some(arn) = input.load_balancer_arn()
        && !state.load_balancers.contains_key(arn)
    {
        return Err(load_balancer::not_found(arn));
    }
    if let Some(arn) = input.listener_arns().iter().find(|arn| !state.listeners.contains_key(*arn)) {
        return Err(not_found(arn));
    }
    if input.load_balancer_arn().is_none() && input.listener_arns().is_empty() {
        return Err(validation("You must specify either listener ARNs or a load balancer ARN"));
    }
    let wanted = |listener: &&Listener| {
        input.load_balancer_arn().is_none_or(|arn| listener.load_balancer == arn)
            && (input.listener_arns().is_empty() || input.listener_arns().contains(&listener.arn))
    };
    let all = state.listeners.values().filter(wanted).map(view).collect();
    let (listeners, marker) = super::page(all, input.marker(), input.page_size())?;
    Ok(DescribeListenersOutput::builder().set_listeners(Some(listeners)).set_next_marker(marker).build())
}

fn modify(world: &mut World, input: &ModifyListenerInput) -> Answer<ModifyListenerOutput> {
    let arn = input.listener_arn().unwrap_or_default();
    let listeners = &world.elasticloadbalancingv2.listeners;
    let mut listener = listeners.get(arn).ok_or_else(|| not_found(arn))?.clone();
    listener.port = input.port().unwrap_or(listener.port);
    if input.protocol().is_some() {
        listener.protocol = protocol(input.protocol())?;
    }
    if input.default_actions.is_some() {
        listener.target_group = target_group_of(world, input.default_actions(), &listener.protocol)?;
    }
    if input.certificates.is_some() {
        listener.certificates = certificates(input.certificates());
    }
    listener.ssl_policy = input.ssl_policy().map(str::to_owned).or(listener.ssl_policy);
    check_port(world, &listener.load_balancer, listener.port, &listener.protocol, Some(arn))?;
    let shown = view(&listener);
    world.elasticloadbalancingv2.listeners.insert(arn.to_owned(), listener);
    Ok(ModifyListenerOutput::builder().listeners(shown).build())
}

fn delete(world: &mut World, input: &DeleteListenerInput) -> Answer<DeleteListenerOutput> {
    let arn = input.listener_arn().unwrap_or_default();
    world.elasticloadbalancingv2.listeners.remove(arn).ok_or_else(|| not_found(arn))?;
    Ok(DeleteListenerOutput::builder().build())
}

fn view(listener: &Listener) -> types::Listener {
    let tuple = types::TargetGroupTuple::builder().target_group_arn(&listener.target_group).weight(1).build();
    let action = types::Action::builder()
        .r#type(types::ActionTypeEnum::Forward)
        .target_group_arn(&listener.target_group)
        .order(1)
        .forward_config(types::ForwardActionConfig::builder().target_groups(tuple).build())
        .build();
    let certificates = listener.certificates.iter();
    let certificates: Vec<_> =
        certificates.map(|arn| types::Certificate::builder().certificate_arn(arn).build()).collect();
    types::Listener::builder()
        .listener_arn(&listener.arn)
        .load_balancer_arn(&listener.load_balancer)
        .port(listener.port)
        .protocol(types::ProtocolEnum::from(listener.protocol.as_str()))
        .set_certificates((!certificates.is_empty()).then_some(certificates))
        .set_ssl_policy(listener.ssl_policy.clone())
        .default_actions(action)
        .build()
}
