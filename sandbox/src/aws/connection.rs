//! The simulated AWS as a whole, and how real SDK clients connect to it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use jiff::Timestamp;

use super::dispatch::{self, Call, Services, Simulation};
use super::name_server;
use super::world::World;
use crate::clock::Clock;
use crate::fault::Faults;
use crate::kubernetes::Cluster;
use crate::name_server::Zones;
use crate::store::{Store, StoreError};

/// The file in the sandbox's folder that holds the world.
pub(super) const FILE: &str = "aws.json";

/// How long a request takes, in virtual time.
const LATENCY: Duration = Duration::from_millis(80);

/// Which account is simulated, and how.
pub struct Options {
    /// The account's twelve digits.
    pub account: String,
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// The virtual time at which a fresh world begins.
    pub start: Timestamp,
    /// How many times as fast as real time the virtual time passes.
    pub speed: f64,
    /// What goes wrong.
    pub faults: Faults,
    /// Called when a fault stops the process. If it returns, nothing is carried out any more.
    pub on_stop: Arc<dyn Fn() + Send + Sync>,
}

/// A simulated AWS account and region. Cloning gives the same one.
#[derive(Clone)]
pub struct SimulatedAws(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub services: Services,
    pub world: Mutex<World>,
    pub clock: Clock,
    pub faults: Faults,
    pub calls: Mutex<Vec<Call>>,
    /// Objects of the clusters, by the cluster's id.
    pub clusters: Mutex<BTreeMap<String, Cluster>>,
    /// The zones of the name server.
    pub zones: Mutex<Zones>,
    pub store: Arc<Store>,
    requests: AtomicU64,
    stopped: AtomicBool,
    on_stop: Arc<dyn Fn() + Send + Sync>,
}

impl Shared {
    pub fn request_id(&self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.requests.fetch_add(1, Ordering::Relaxed))
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        (self.on_stop)();
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}

impl SimulatedAws {
    /// The account as `store` holds it, or a fresh one. Virtual time goes on where it stopped.
    pub fn open(store: Arc<Store>, options: Options) -> Result<Self, StoreError> {
        let Options { account, region, start, speed, faults, on_stop } = options;
        let world = store.load(FILE)?.unwrap_or_else(|| World::new(&account, &region, start));
        Ok(Self(Arc::new(Shared {
            services: Services::all(),
            clock: Clock::starting_at(world.now, speed),
            world: Mutex::new(world),
            faults,
            calls: Mutex::default(),
            clusters: Mutex::default(),
            zones: Mutex::new(store.load(name_server::FILE)?.unwrap_or_default()),
            store,
            requests: AtomicU64::new(1),
            stopped: AtomicBool::new(false),
            on_stop,
        })))
    }

    /// What clients are configured with: region, credentials, a connector that opens no socket, and virtual time.
    pub fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::new("AKIASANDBOX", "sandbox", None, None, "sandbox");
        let connector = SharedHttpConnector::new(Connector(self.0.clock.clone()));
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .sleep_impl(SharedAsyncSleep::new(self.0.clock.clone()))
            .time_source(SharedTimeSource::new(self.0.clock.clone()))
            .retry_config(RetryConfig::standard())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build()
    }

    /// The interceptor that makes a client's requests end here.
    pub fn interceptor(&self) -> SharedInterceptor {
        SharedInterceptor::new(Simulation(self.0.clone()))
    }

    /// The virtual clock.
    pub fn clock(&self) -> Clock {
        self.0.clock.clone()
    }

    /// The requests so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a fault has stopped the process.
    pub fn is_stopped(&self) -> bool {
        self.0.is_stopped()
    }

    fn region(&self) -> String {
        self.with(|world| world.region.clone())
    }

    /// Looks at the world, or changes it behind the back of the API.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.0.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.now = self.0.clock.now();
        super::settle(&mut world);
        look(&mut world)
    }

    /// The folder that the world is kept in, if it is.
    pub fn folder(&self) -> Option<&Path> {
        self.0.store.folder()
    }

    /// Keeps the world as it is now.
    pub fn save(&self) -> Result<(), StoreError> {
        self.with(|world| self.0.store.save(FILE, world))
    }
}

/// Answers every request with an empty response, after the usual latency: the interceptor puts the answer into it.
#[derive(Clone)]
struct Connector(Clock);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wait = self.0.sleep(LATENCY + dispatch::delay(request.headers().get(dispatch::DELAY_HEADER)));
        HttpConnectorFuture::new(async move {
            wait.await;
            let ok = StatusCode::try_from(200).unwrap_or_else(|_| unreachable!("200 is a status code"));
            Ok(HttpResponse::new(ok, SdkBody::empty()))
        })
    }
}
