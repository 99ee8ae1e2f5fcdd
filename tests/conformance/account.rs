//! A simulated account with an environment in it, and the engine's commands on it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use holodeck_bootstrap::aws::client::Aws;
use holodeck_bootstrap::aws::owner::Owner;
use holodeck_engine::apply::apply;
use holodeck_engine::observe::observe;
use holodeck_engine::{Clock, Graph, Host, Outcome, Plan, Policy, Settings, Snapshot};
use holodeck_sandbox::fault::Faults;
use holodeck_sandbox::store::StoreError;
use holodeck_sandbox::{Options, Sandbox, SimulatedAws};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The environment that the tests play in.
pub const ENVIRONMENT: &str = "staging";
/// The account's number.
pub const ACCOUNT: &str = "123456789012";
/// The account's region.
pub const REGION: &str = "eu-west-1";

/// The connection of an environment to some part of an account's world.
pub trait Connection: Send + Sync + Sized + 'static {
    /// That of `environment`.
    fn to(sandbox: &Sandbox, environment: &str) -> Self;
}

impl Connection for Aws {
    fn to(sandbox: &Sandbox, environment: &str) -> Self {
        let owner = Owner { environment: environment.to_owned() };
        let (simulated, interceptor) = (sandbox.aws(), sandbox.aws().interceptor());
        Self::new(&simulated.sdk_config(), Some(&interceptor), owner, REGION.to_owned(), ACCOUNT.to_owned())
    }
}

/// A simulated account.
pub struct Account {
    /// The world that it is in.
    pub sandbox: Sandbox,
    simulated: SimulatedAws,
    /// The clients of [`ENVIRONMENT`] in it.
    pub aws: Arc<Aws>,
}

impl Account {
    /// A fresh account that leaves nothing on the disk.
    pub fn fresh() -> Self {
        Self::with_faults(&[])
    }

    /// The same, in which requests go wrong by these rules.
    pub fn with_faults(rules: &[&str]) -> Self {
        Self::open(Sandbox::in_memory, rules)
    }

    /// The account that `folder` holds.
    pub fn kept_in(folder: &Path, rules: &[&str]) -> Self {
        Self::open(|options| Sandbox::open(folder, options), rules)
    }

    fn open(open: impl FnOnce(Options) -> Result<Sandbox, StoreError>, rules: &[&str]) -> Self {
        let options = Options {
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            start: "2026-11-02T08:00:00Z".parse().expect("a moment"),
            speed: 1.0,
            faults: Faults::new(rules.iter().map(|rule| rule.parse().expect("a fault")).collect()),
            on_stop: Arc::new(|| ()),
        };
        let sandbox = open(options).expect("a world");
        let simulated = sandbox.aws().clone();
        let aws = Arc::new(Aws::to(&sandbox, ENVIRONMENT));
        Self { sandbox, simulated, aws }
    }

    /// The connection of [`ENVIRONMENT`].
    pub fn connection<C: Connection>(&self) -> C {
        C::to(&self.sandbox, ENVIRONMENT)
    }

    /// The connection of another environment in the same account.
    pub fn other_environment<C: Connection>(&self) -> C {
        C::to(&self.sandbox, "other")
    }

    /// The host of this account's resources in `graph`.
    pub fn host<C: Connection>(&self, graph: &mut Graph) -> Host<C> {
        let connection = Arc::new(self.connection());
        graph.host(&(), move |()| {
            let connection = Arc::clone(&connection);
            Box::pin(async move { Ok(connection) })
        })
    }

    /// How many requests so far may have changed something.
    pub fn changing_requests(&self) -> usize {
        self.simulated.calls().iter().filter(|call| call.changes).count()
    }

    /// Lets virtual time pass.
    pub async fn pass(&self, duration: Duration) {
        self.simulated.clock().sleep(duration).await;
    }

    /// What exists of the kinds in `graph`.
    pub async fn observe(&self, graph: &Graph) -> Snapshot {
        match observe(graph).await {
            Ok(snapshot) => snapshot,
            Err(failures) => panic!("observing: {failures:?}"),
        }
    }

    /// The plan that makes `graph`; replacing `replaceable` is allowed.
    pub async fn plan(&self, graph: &Graph, replaceable: Option<&str>) -> (Snapshot, Plan) {
        let snapshot = self.observe(graph).await;
        let policy = Policy {
            allow_replace: replaceable.map(str::to_owned).into_iter().collect(),
            ..Policy::default()
        };
        let plan = Plan::up(graph, &snapshot, &policy).expect("a plan");
        (snapshot, plan)
    }

    /// Makes `graph`; replacing `replaceable` is allowed.
    pub async fn up(&self, graph: &Graph, replaceable: Option<&str>) -> Outcome {
        let (snapshot, plan) = self.plan(graph, replaceable).await;
        self.carry_out(graph, &snapshot, &plan).await
    }

    /// Removes everything of the kinds in `graph`.
    pub async fn destroy(&self, graph: &Graph) -> Outcome {
        let snapshot = self.observe(graph).await;
        let plan = Plan::destroy(graph, &snapshot).expect("a plan");
        self.carry_out(graph, &snapshot, &plan).await
    }

    async fn carry_out(&self, graph: &Graph, snapshot: &Snapshot, plan: &Plan) -> Outcome {
        let settings = Settings {
            parallelism: 8,
            clock: Arc::new(VirtualTime(self.simulated.clock())),
            interrupt: CancellationToken::new(),
        };
        let (events, _) = mpsc::unbounded_channel();
        apply(graph, snapshot, plan, &settings, events).await
    }
}

/// The sandbox's clock as the engine's.
struct VirtualTime(holodeck_sandbox::Clock);

impl Clock for VirtualTime {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.0.sleep(duration))
    }
}
