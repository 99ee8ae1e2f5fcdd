//! The way to the Kubernetes API of the environment's cluster: as a client of our own, whose token is renewed before it
//! runs out, and as a kubeconfig for others, which contains no secret.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use futures::FutureExt;
use futures::future::BoxFuture;
use holodeck_engine::{Class, Error, Input};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::{BoxError, Layer, Service};

use crate::aws::eks_token;

/// What is needed to reach the cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClusterAccess {
    /// ARNs of those who may administer it: nothing is asked of it before they have access.
    pub admins: BTreeSet<Input<String>>,
    /// Its name.
    pub cluster: Input<String>,
    /// The certificate that signs that of its API: PEM, in base64.
    pub certificate_authority: Input<String>,
    /// URL of its API.
    pub endpoint: Input<String>,
}

/// Where tokens for the cluster come from.
#[derive(Clone)]
pub struct Tokens {
    /// The caller's credentials.
    pub credentials: SharedCredentialsProvider,
    /// The cluster's region.
    pub region: String,
}

impl ClusterAccess {
    /// A client of the cluster that shows `tokens`. Waits while the cluster does not know the caller.
    pub async fn connect(&self, tokens: Tokens) -> Result<kube::Client, Error> {
        let cluster = self.cluster.get()?.clone();
        let wrong = |error: BoxError| {
            Error::new(Class::Failed, format!("preparing the connection to cluster `{cluster}`"))
                .with_source(error)
        };
        let kubeconfig: Kubeconfig =
            serde_json::from_value(self.kubeconfig(&json!({}))?).map_err(|error| wrong(error.into()))?;
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .map_err(|error| wrong(error.into()))?;
        let layer = Authenticate { tokens: Arc::new(tokens), cluster: cluster.clone() };
        let builder = ClientBuilder::try_from(config).map_err(|error| wrong(error.into()))?;
        let client = builder.with_layer(&layer).build();
        let is_unknown = |status: &kube::core::Status| matches!(status.code, 401 | 403);
        match client.list_core_api_versions().await {
            Ok(_) => Ok(client),
            Err(kube::Error::Api(status)) if is_unknown(&status) => {
                Err(Error::not_yet(format!("cluster `{cluster}` does not know the caller"))
                    .with_source(status.message.clone())
                    .with_hint("use an identity that `provider.cluster.admins` names"))
            }
            Err(error) => Err(Error::not_yet(format!("the API of cluster `{cluster}` cannot be reached"))
                .with_source(error)
                .with_hint("check that this machine's network may reach it: `provider.cluster.endpoint`")),
        }
    }

    /// A kubeconfig for the cluster in which `user` is how to authenticate.
    pub fn kubeconfig(&self, user: &Value) -> Result<Value, Error> {
        let name = self.cluster.get()?;
        Ok(json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{
                "name": name,
                "cluster": {
                    "server": self.endpoint.get()?,
                    "certificate-authority-data": self.certificate_authority.get()?,
                },
            }],
            "users": [{ "name": name, "user": user }],
            "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
            "current-context": name,
        }))
    }
}

/// How others authenticate: by the AWS command line, at every use.
pub fn exec_user(cluster: &str, region: &str) -> Value {
    json!({
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "aws",
            "args": ["--region", region, "eks", "get-token", "--cluster-name", cluster, "--output", "json"],
            "interactiveMode": "IfAvailable",
        },
    })
}

/// Puts a valid token into every request.
struct Authenticate {
    tokens: Arc<Tokens>,
    cluster: String,
}

impl<S> Layer<S> for Authenticate {
    type Service = Authenticated<S>;

    fn layer(&self, inner: S) -> Authenticated<S> {
        let (tokens, cluster) = (self.tokens.clone(), self.cluster.clone());
        Authenticated { inner, tokens, cluster, header: None, renewal: None }
    }
}

struct Authenticated<S> {
    inner: S,
    tokens: Arc<Tokens>,
    cluster: String,
    /// The present token, or why there is none, and since when.
    header: Option<(Result<HeaderValue, String>, Instant)>,
    renewal: Option<BoxFuture<'static, Result<HeaderValue, String>>>,
}

impl<S> Authenticated<S> {
    fn is_valid(&self) -> bool {
        let half = eks_token::LIFETIME / 2;
        self.header.as_ref().is_some_and(|(header, since)| header.is_ok() && since.elapsed() < half)
    }
}

impl<S> Service<Request<Body>> for Authenticated<S>
where
    S: Service<Request<Body>, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    /// Renews the token where it is due. A failure is told to the request, not to the service, which stays usable.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.renewal.is_none() && !self.is_valid() {
            self.renewal = Some(renewed(self.tokens.clone(), self.cluster.clone()).boxed());
        }
        if let Some(renewal) = &mut self.renewal {
            let header = ready!(renewal.poll_unpin(context));
            self.header = Some((header, Instant::now()));
            self.renewal = None;
        }
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match &self.header {
            Some((Ok(header), _)) => {
                request.headers_mut().insert(AUTHORIZATION, header.clone());
                self.inner.call(request).boxed()
            }
            Some((Err(why), _)) => {
                let why = why.clone();
                async move { Err(why.into()) }.boxed()
            }
            None => async { Err("the service was called before it was ready".into()) }.boxed(),
        }
    }
}

async fn renewed(tokens: Arc<Tokens>, cluster: String) -> Result<HeaderValue, String> {
    let credentials = tokens.credentials.provide_credentials().await.map_err(|error| error.to_string())?;
    let token = eks_token::token(credentials, &tokens.region, &cluster, SystemTime::now())
        .map_err(|error| error.chain())?;
    let mut header = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .map_err(|error| error.to_string())?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_authenticates_by_the_command_line() {
        let access = ClusterAccess {
            admins: BTreeSet::new(),
            cluster: "staging".into(),
            certificate_authority: "Q0E=".into(),
            endpoint: "https://example.eks.amazonaws.com".into(),
        };
        let kubeconfig = access.kubeconfig(&exec_user("staging", "eu-west-1")).unwrap();
        assert_eq!(kubeconfig["users"][0]["user"]["exec"]["command"], "aws");
        assert_eq!(kubeconfig["current-context"], "staging");
        assert!(serde_json::from_value::<Kubeconfig>(kubeconfig).is_ok());
    }
}
