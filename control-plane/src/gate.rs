//! A gate in front of an API server: it records every request, and makes those go wrong that a test chooses.
//!
//! A test sweeps with it: at the first changing request, at the second, and so on, the request fails, its answer is
//! lost, or the process that made it is killed; then the command runs again, and must come to the same end.
//!
//! Invariant: what is not struck passes unchanged, in both directions, as it comes: watches and upgraded connections too.

mod proxy;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::background::Background;
use crate::kubeconfig::{without_credentials, write_private};
use crate::ledger::{Fault, Ledger, Request};

/// A plain HTTP address at which the API server is reached without credentials, as its administrator.
///
/// It has a thread of its own, so a test may block while the command that it runs goes through the gate.
#[derive(Debug)]
pub struct Gate {
    kubeconfig: PathBuf,
    ledger: Arc<Ledger>,
    _proxy: Background,
}

impl Gate {
    /// A gate in front of the server that `config` gives access to. `folder` gets its kubeconfig.
    pub(crate) fn in_front_of(config: &kube::Config, folder: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let kubeconfig = folder.join(format!("gate-{}.kubeconfig", address.port()));
        write_private(&kubeconfig, &without_credentials(&format!("http://{address}")).to_string())?;
        let ledger = Arc::new(Ledger::default());
        let (config, entries) = (config.clone(), Arc::clone(&ledger));
        let proxy = Background::start(move || proxy::serve(listener, config, entries));
        Ok(Self { kubeconfig, ledger, _proxy: proxy })
    }

    /// The kubeconfig that leads through the gate. Its context is `onprem`.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The requests since the start or the last [`Gate::reset`], in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        self.ledger.requests()
    }

    /// How many of them change something.
    pub fn changes(&self) -> usize {
        self.ledger.changes()
    }

    /// Makes one request go wrong, once. Another fault for the same request takes its place.
    pub fn arm(&self, fault: Fault) {
        self.ledger.arm(fault);
    }

    /// Forgets the requests and the faults, and counts from the beginning.
    pub fn reset(&self) {
        self.ledger.reset();
    }
}
