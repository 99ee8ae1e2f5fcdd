//! Why a control plane did not start, or something did not come about on it.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Why a control plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nothing says where the servers are.
    #[error(
        "`{variable}` does not name a folder with the servers; `make servers` builds them and says where they are"
    )]
    NoServers {
        /// The environment variable that should.
        variable: &'static str,
    },
    /// A file that should be among the servers is not.
    #[error("`{0}` is missing; `make servers` builds the servers")]
    Missing(PathBuf),
    /// Something of the system did not work.
    #[error("cannot {doing}")]
    System {
        /// What was about to be done.
        doing: String,
        /// Why it could not be.
        #[source]
        source: io::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// Something was not as it must be.
    #[error("cannot use {what}")]
    Unusable {
        /// What it is.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A server ended instead of serving.
    #[error("{server} ended with {status}; the end of its log:\n{log}")]
    Ended {
        /// The server's name.
        server: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it wrote.
        log: String,
    },
    /// Something did not come about in time.
    #[error("{what} took longer than {}s: {in_the_way}; the end of the log of {server}:\n{log}", limit.as_secs())]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// What was still in the way.
        in_the_way: String,
        /// The server that it depends on most.
        server: &'static str,
        /// The last lines that this server wrote.
        log: String,
    },
}

impl StartError {
    /// What makes an error of the system one of these: `.map_err(StartError::system("read a file"))`.
    pub(crate) fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::System { doing, source }
    }

    /// What makes any other error one of these: `.map_err(StartError::unusable("the file"))`.
    pub(crate) fn unusable<E: Into<Box<dyn Error + Send + Sync>>>(what: &'static str) -> impl Fn(E) -> Self {
        move |source| Self::Unusable { what, source: source.into() }
    }
}
