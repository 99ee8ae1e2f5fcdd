//! The simulated STS: who is calling.

use aws_sdk_sts::operation::get_caller_identity::{GetCallerIdentityInput, GetCallerIdentityOutput};

use super::{Answer, Services, World};

/// Registers the operations.
pub(super) fn register(services: &mut Services) {
    services.on(get_caller_identity);
}

/// The name of the role that the caller assumed.
const CALLER: &str = "infra";

/// The ARN of the role that the caller assumed, which is the principal that access is given to.
pub(super) fn caller_role(world: &World) -> String {
    world.global_arn("iam", &format!("role/{CALLER}"))
}

fn get_caller_identity(
    world: &mut World,
    _input: &GetCallerIdentityInput,
) -> Answer<GetCallerIdentityOutput> {
    Ok(GetCallerIdentityOutput::builder()
        .account(&world.account)
        .user_id("AROASANDBOX:operator")
        .arn(world.global_arn("sts", &format!("assumed-role/{CALLER}/operator")))
        .build())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Options, SimulatedAws};
    use crate::fault::{Faults, Rule};
    use crate::store::Store;

    fn client(faults: &[&str]) -> (SimulatedAws, aws_sdk_sts::Client) {
        let rules: Vec<Rule> = faults.iter().map(|rule| rule.parse().unwrap()).collect();
        let options = Options {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            start: "2026-01-01T00:00:00Z".parse().unwrap(),
            speed: 1.0,
            faults: Faults::new(rules),
            on_stop: Arc::new(|| ()),
        };
        let aws = SimulatedAws::open(Arc::new(Store::nowhere()), options).unwrap();
        let config =
            aws_sdk_sts::config::Builder::from(&aws.sdk_config()).interceptor(aws.interceptor()).build();
        (aws, aws_sdk_sts::Client::from_conf(config))
    }

    #[tokio::test(start_paused = true)]
    async fn the_caller_is_in_the_simulated_account() {
        let (_, sts) = client(&[]);
        assert_eq!(sts.get_caller_identity().send().await.unwrap().account(), Some("123456789012"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_operation_that_is_not_simulated_is_named() {
        let (_, sts) = client(&[]);
        let error = sts.get_session_token().send().await.unwrap_err();
        let text = format!("{}", aws_sdk_sts::error::DisplayErrorContext(error));
        assert!(text.contains("the sandbox does not simulate STS GetSessionToken"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_client_retries_what_is_throttled_and_what_lost_its_answer() {
        for fault in ["GetCallerIdentity:throttle@1", "GetCallerIdentity:lose-answer@1"] {
            let (aws, sts) = client(&[fault]);
            sts.get_caller_identity().send().await.unwrap();
            let carried_out = if fault.contains("throttle") { 1 } else { 2 };
            assert_eq!(aws.calls().len(), carried_out, "{fault}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_has_its_code() {
        use aws_sdk_sts::error::ProvideErrorMetadata;
        let (_, sts) = client(&["GetCallerIdentity:fail=AccessDenied"]);
        assert_eq!(sts.get_caller_identity().send().await.unwrap_err().code(), Some("AccessDenied"));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_stop_nothing_is_carried_out() {
        let (aws, sts) = client(&["GetCallerIdentity:stop-before@1"]);
        assert!(sts.get_caller_identity().send().await.is_err());
        assert!(aws.is_stopped() && aws.calls().is_empty());
    }
}
