//! One simulated world: the cloud and the clusters in it, kept in one folder.

use std::path::Path;
use std::sync::Arc;

use crate::aws::{Options, SimulatedAws, SimulatedNameServer};
use crate::clock::Clock;
use crate::kubernetes::GivenCluster;
use crate::name_server::GivenNameServer;
use crate::store::{Store, StoreError};

/// A simulated world. Cloning gives the same one.
#[derive(Clone)]
pub struct Sandbox {
    aws: SimulatedAws,
}

impl Sandbox {
    /// The world in `folder`, or a fresh one that will be kept there. No other process can use it meanwhile.
    pub fn open(folder: &Path, options: Options) -> Result<Self, StoreError> {
        Self::new(Arc::new(Store::open(folder)?), options)
    }

    /// A fresh world that ends with the process.
    pub fn in_memory(options: Options) -> Result<Self, StoreError> {
        Self::new(Arc::new(Store::nowhere()), options)
    }

    fn new(store: Arc<Store>, options: Options) -> Result<Self, StoreError> {
        Ok(Self { aws: SimulatedAws::open(store, options)? })
    }

    /// The simulated AWS account.
    pub fn aws(&self) -> &SimulatedAws {
        &self.aws
    }

    /// A client of the cluster at `endpoint`; its requests fail while there is none. Must be called within a tokio runtime.
    pub fn kubernetes(&self, endpoint: &str) -> kube::Client {
        self.aws.kubernetes(endpoint)
    }

    /// A client of a cluster that is there from the beginning, as on premises. Must be called within a tokio runtime.
    pub fn given_kubernetes(&self, given: GivenCluster) -> kube::Client {
        self.aws.given_kubernetes(given)
    }

    /// The wire to a name server that is there from the beginning, as on premises.
    pub fn name_server(&self, given: GivenNameServer) -> SimulatedNameServer {
        self.aws.name_server(given)
    }

    /// Keeps the world as it is at this moment, with what time has brought about since the last request.
    pub fn save(&self) -> Result<(), StoreError> {
        self.aws.save()
    }

    /// The virtual clock.
    pub fn clock(&self) -> Clock {
        self.aws.clock()
    }
}
