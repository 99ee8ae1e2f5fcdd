//! From an SDK operation's typed input to the handler that answers it, through an interceptor in the real client.
//!
//! Each attempt of a request reaches the handler anew, as each attempt of a real one reaches AWS; errors travel back in
//! their wire format and outputs as they are.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeSerializationInterceptorContextRef,
    BeforeTransmitInterceptorContextMut, FinalizerInterceptorContextMut, Input, Output,
};
use aws_smithy_runtime_api::client::orchestrator::{Metadata, OrchestratorError};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use jiff::Timestamp;

use super::admission::{Admission, Refusal};
use super::connection::Shared;
use super::{Answer, ApiError, World, wire};
use crate::fault::Action;

/// The header by which an attempt tells the connector how much longer to take, in virtual milliseconds.
pub(super) const DELAY_HEADER: &str = "x-sandbox-delay";

/// A request that reached the simulated AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The service's name in the SDK's metadata, such as `EC2`.
    pub service: String,
    /// The operation, such as `CreateVpc`.
    pub operation: String,
    /// When, in virtual time.
    pub at: Timestamp,
    /// Whether it may change something.
    pub changes: bool,
}

type Carry = Arc<dyn Fn(&mut World) -> Answer<Output> + Send + Sync>;
type Handler = Box<dyn Fn(&Input) -> Option<Carry> + Send + Sync>;

/// The operations that are simulated.
#[derive(Default)]
pub(crate) struct Services {
    handlers: Vec<Handler>,
}

impl Services {
    /// The operations of all services.
    pub fn all() -> Self {
        let mut services = Self::default();
        super::autoscaling::register(&mut services);
        super::cloudwatchlogs::register(&mut services);
        super::ec2::register(&mut services);
        super::eks::register(&mut services);
        super::elasticloadbalancingv2::register(&mut services);
        super::iam::register(&mut services);
        super::kms::register(&mut services);
        super::rds::register(&mut services);
        super::route53::register(&mut services);
        super::s3::register(&mut services);
        super::secretsmanager::register(&mut services);
        super::ssm::register(&mut services);
        super::sts::register(&mut services);
        services
    }

    /// Answers the operation with input `I` by `answer`.
    pub fn on<I, O>(&mut self, answer: fn(&mut World, &I) -> Answer<O>) -> &mut Self
    where
        I: Clone + fmt::Debug + Send + Sync + 'static,
        O: fmt::Debug + Send + Sync + 'static,
    {
        self.on_captured(I::clone, answer)
    }

    /// The same where the input cannot be cloned, since it holds a stream: `capture` takes what the answer needs of it.
    pub fn on_captured<I, C, O>(
        &mut self,
        capture: fn(&I) -> C,
        answer: fn(&mut World, &C) -> Answer<O>,
    ) -> &mut Self
    where
        I: fmt::Debug + Send + Sync + 'static,
        C: Send + Sync + 'static,
        O: fmt::Debug + Send + Sync + 'static,
    {
        self.handlers.push(Box::new(move |input| {
            let captured = capture(input.downcast_ref::<I>()?);
            Some(Arc::new(move |world: &mut World| answer(world, &captured).map(Output::erase)))
        }));
        self
    }

    fn find(&self, input: &Input) -> Option<Carry> {
        self.handlers.iter().find_map(|handler| handler(input))
    }
}

/// A request under way, kept beside it from attempt to attempt.
#[derive(Clone)]
struct Request {
    carry: Carry,
    service: String,
    operation: String,
    changes: bool,
    struck: Option<Action>,
    output: Arc<Mutex<Option<Output>>>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.service, self.operation)
    }
}

impl Storable for Request {
    type Storer = StoreReplace<Self>;
}

/// The interceptor that answers in the place of AWS.
#[derive(Clone)]
pub(super) struct Simulation(pub Arc<Shared>);

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Simulation")
    }
}

/// Whether an operation of that name changes nothing.
fn only_reads(operation: &str) -> bool {
    ["Describe", "List", "Get", "Head"].iter().any(|verb| operation.starts_with(verb))
}

impl Intercept for Simulation {
    fn name(&self) -> &'static str {
        "Simulation"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let metadata = config.load::<Metadata>().ok_or("a request without an operation's name")?;
        let (service, operation) = (metadata.service().to_owned(), metadata.name().to_owned());
        let carry = self
            .0
            .services
            .find(context.input())
            .ok_or_else(|| format!("the sandbox does not simulate {service} {operation}"))?;
        let changes = !only_reads(&operation);
        let output = Arc::default();
        config.interceptor_state().store_put(Request {
            carry,
            service,
            operation,
            changes,
            struck: None,
            output,
        });
        Ok(())
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut request = config.load::<Request>().ok_or("an attempt without its request")?.clone();
        request.struck = self.0.faults.strike(&request.operation, request.changes);
        if let Some(Action::Delay(delay)) = request.struck {
            context.request_mut().headers_mut().insert(DELAY_HEADER, delay.as_millis().to_string());
        }
        config.interceptor_state().store_put(request);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = config.load::<Request>().ok_or("an answer without its request")?;
        let answer = match self.0.arrive(request.struck.as_ref()) {
            Admission::Unreachable => return Ok(()),
            Admission::Refused(Refusal::Error(code)) => {
                Err(ApiError::new(code, "This request was made to fail."))
            }
            Admission::Refused(Refusal::Throttled) => {
                Err(ApiError::new(throttling_code(&request.service), "Rate exceeded"))
            }
            Admission::Served(_) => {
                self.0.carry_out(&request.service, &request.operation, request.changes, &request.carry)?
            }
        };
        match answer {
            Ok(output) => {
                *request.output.lock().unwrap_or_else(PoisonError::into_inner) = Some(output);
            }
            Err(error) => {
                let id = self.0.request_id();
                *context.response_mut() = wire::error_response(&request.service, &error, &id);
            }
        }
        if request.struck == Some(Action::StopAfter) {
            self.0.stop();
        }
        Ok(())
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(request) = config.load::<Request>() else { return Ok(()) };
        let output = request.output.lock().unwrap_or_else(PoisonError::into_inner).take();
        if self.0.is_stopped() || request.struck == Some(Action::LoseAnswer) {
            let lost = ConnectorError::io("the connection was closed before the answer arrived".into());
            context.inner_mut().set_output_or_error(Err(OrchestratorError::connector(lost)));
        } else if let Some(output) = output {
            context.inner_mut().set_output_or_error(Ok(output));
        }
        Ok(())
    }
}

fn throttling_code(service: &str) -> &'static str {
    if service == "EC2" { "RequestLimitExceeded" } else { "ThrottlingException" }
}

impl Shared {
    /// Carries one attempt out and keeps the world if it may have changed, before its answer is given.
    fn carry_out(
        &self,
        service: &str,
        operation: &str,
        changes: bool,
        carry: &Carry,
    ) -> Result<Answer<Output>, BoxError> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.now = self.clock.now();
        let call =
            Call { service: service.to_owned(), operation: operation.to_owned(), at: world.now, changes };
        self.record(call);
        super::settle(&mut world);
        let answer = carry(&mut world);
        if changes {
            self.store.save(super::connection::FILE, &*world)?;
        }
        Ok(answer)
    }
}

/// What a delay header asks for.
pub(super) fn delay(header: Option<&str>) -> Duration {
    header.and_then(|text| text.parse().ok()).map_or(Duration::ZERO, Duration::from_millis)
}
