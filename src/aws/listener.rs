//! A port on which a network load balancer takes connections
//! (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html>).

use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, Listener as Description, ProtocolEnum};
use futures::future::try_join_all;
use holodeck_engine::{Error, FieldChange, Input, Observed, Order, Resource, Status, Verdict};
use serde::{Deserialize, Serialize};

use crate::aws::answer::{Answer, Given};
use crate::aws::changes::touches;
use crate::aws::client::Aws;
use crate::aws::elb_tags::{self, Owned};
use crate::aws::load_balancer;
use crate::aws::owner::{self, Tags};

/// A listener for TCP.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Listener {
    /// The ARN of the load balancer.
    pub load_balancer: Input<String>,
    /// The port.
    pub port: i32,
    /// The ARN of the target group that connections go to.
    pub target_group: Input<String>,
    /// Tags beyond those that mark ownership.
    pub tags: Tags,
}

/// A listener puts nothing out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {}

impl Resource for Listener {
    const KIND: &'static str = "aws.listener";
    type Outputs = Outputs;
    type Client = Aws;

    fn judge(&self, _actual: &Self, changes: &[FieldChange]) -> Verdict {
        Verdict::replace_if_changed(changes, &["load_balancer"], Order::DeleteFirst)
    }

    fn project(&self, actual: Self) -> Self {
        Self { tags: owner::managed(&self.tags, actual.tags), ..actual }
    }

    /// Listeners are listed by load balancer only, so those of our load balancers come first.
    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        let balancers = load_balancer::named_like_ours(aws).await?;
        let arns = balancers.into_iter().filter_map(|balancer| balancer.load_balancer_arn);
        let found: Vec<Description> =
            try_join_all(arns.map(|arn| of_load_balancer(aws, arn))).await?.into_iter().flatten().collect();
        let owned = elb_tags::owned(aws, found, Description::listener_arn).await?;
        owned.into_iter().map(observe).collect()
    }

    async fn create(&self, aws: &Aws, name: &str) -> Result<Option<Observed<Self>>, Error> {
        let request = aws
            .elb
            .create_listener()
            .load_balancer_arn(self.load_balancer.get()?)
            .protocol(ProtocolEnum::Tcp)
            .port(self.port)
            .default_actions(self.action()?)
            .set_tags(Some(elb_tags::all(aws, name, &self.tags)));
        request.send().await.answer("CreateListener")?;
        Ok(None)
    }

    async fn update(
        &self,
        aws: &Aws,
        seen: &Observed<Self>,
        changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        if touches(changes, "port") || touches(changes, "target_group") {
            let request = aws.elb.modify_listener().listener_arn(&seen.id).port(self.port);
            request.default_actions(self.action()?).send().await.answer("ModifyListener")?;
        }
        if touches(changes, "tags") {
            elb_tags::set(aws, &seen.id, &self.tags).await?;
        }
        Ok(None)
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        let request = aws.elb.delete_listener().listener_arn(&seen.id).send().await;
        request.removed("DeleteListener", &["ListenerNotFound"], &["ResourceInUse"])
    }
}

impl Listener {
    fn action(&self) -> Result<Action, Error> {
        let action = Action::builder().r#type(ActionTypeEnum::Forward);
        Ok(action.target_group_arn(self.target_group.get()?).build())
    }
}

/// The listeners of a load balancer; none, if it went meanwhile.
async fn of_load_balancer(aws: &Aws, arn: String) -> Result<Vec<Description>, Error> {
    let pages = aws.elb.describe_listeners().load_balancer_arn(arn).into_paginator().items().send();
    let found = pages.collect::<Result<Vec<_>, _>>().await;
    Ok(found.answer_unless("DescribeListeners", &["LoadBalancerNotFound"])?.unwrap_or_default())
}

fn observe(owned: Owned<Description>) -> Result<Observed<Listener>, Error> {
    let Owned { found, arn, name, tags } = owned;
    let actions = found.default_actions.unwrap_or_default();
    let attributes = Listener {
        load_balancer: found.load_balancer_arn.given("the load balancer of a listener")?.into(),
        port: found.port.given("the port of a listener")?,
        target_group: actions
            .into_iter()
            .find_map(|action| action.target_group_arn)
            .unwrap_or_default()
            .into(),
        tags,
    };
    Ok(Observed { name, id: arn, attributes, outputs: Outputs {}, status: Status::Ready, uses: Vec::new() })
}
