//! The connection to one AWS account and region: one client a service, and the mark of ownership.
//!
//! Clients retry by themselves, adaptively. Creations that AWS cannot recognise as repeated (no client token, no unique
//! name) go through the `_once` clients, which never retry: after a lost answer the engine looks before it asks again.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;

use crate::aws::owner::Owner;

/// The clients of all services in use, for one account and region.
pub struct Aws {
    /// Whom the resources belong to.
    pub owner: Owner,
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// The account's twelve digits.
    pub account: String,
    /// The partition, the second part of every ARN: `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// Auto Scaling.
    pub autoscaling: aws_sdk_autoscaling::Client,
    /// EC2, which includes VPC.
    pub ec2: aws_sdk_ec2::Client,
    /// EC2 without retries.
    pub ec2_once: aws_sdk_ec2::Client,
    /// EKS.
    pub eks: aws_sdk_eks::Client,
    /// Elastic Load Balancing v2.
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// KMS.
    pub kms: aws_sdk_kms::Client,
    /// KMS without retries.
    pub kms_once: aws_sdk_kms::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// RDS.
    pub rds: aws_sdk_rds::Client,
    /// Route 53.
    pub route53: aws_sdk_route53::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// STS.
    pub sts: aws_sdk_sts::Client,
}

macro_rules! client {
    ($service:ident, $config:expr, $interceptor:expr) => {
        client!($service, $config, $interceptor, |builder| builder)
    };
    ($service:ident, $config:expr, $interceptor:expr, |$builder:ident| $adapt:expr) => {{
        let $builder = $service::config::Builder::from($config);
        let builder = $adapt;
        let builder = match $interceptor {
            Some(interceptor) => builder.interceptor(SharedInterceptor::clone(interceptor)),
            None => builder,
        };
        $service::Client::from_conf(builder.build())
    }};
}

impl Aws {
    /// The clients for `config`; an interceptor, if there is one, answers in the place of AWS.
    pub fn new(
        config: &SdkConfig,
        interceptor: Option<&SharedInterceptor>,
        owner: Owner,
        region: String,
        account: String,
    ) -> Self {
        let once =
            |config: &SdkConfig| config.clone().into_builder().retry_config(RetryConfig::disabled()).build();
        let once = once(config);
        Self {
            partition: partition(&region).to_owned(),
            owner,
            region,
            account,
            autoscaling: client!(aws_sdk_autoscaling, config, interceptor),
            ec2: client!(aws_sdk_ec2, config, interceptor),
            ec2_once: client!(aws_sdk_ec2, &once, interceptor),
            eks: client!(aws_sdk_eks, config, interceptor),
            elb: client!(aws_sdk_elasticloadbalancingv2, config, interceptor),
            iam: client!(aws_sdk_iam, config, interceptor),
            kms: client!(aws_sdk_kms, config, interceptor),
            kms_once: client!(aws_sdk_kms, &once, interceptor),
            logs: client!(aws_sdk_cloudwatchlogs, config, interceptor),
            rds: client!(aws_sdk_rds, config, interceptor),
            route53: client!(aws_sdk_route53, config, interceptor),
            s3: client!(aws_sdk_s3, config, interceptor),
            secrets: client!(aws_sdk_secretsmanager, config, interceptor),
            sts: client!(aws_sdk_sts, config, interceptor),
        }
    }

    /// The ARN of a resource in this account; `region` only where the service has regions.
    pub fn arn(&self, service: &str, region: bool, resource: &str) -> String {
        let region = if region { &*self.region } else { "" };
        format!("arn:{}:{service}:{region}:{}:{resource}", self.partition, self.account)
    }
}

/// The partition that a region belongs to
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>).
pub fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
