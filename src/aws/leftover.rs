//! What a cluster made by itself and left behind: kinds that are found and removed, but never desired.
//!
//! As long as the cluster exists, everything it made is in its use and none of our business, so nothing is listed: the
//! plan of a healthy environment never mentions it. Once the cluster is gone, nobody else would remove it.

use std::marker::PhantomData;

use holodeck_engine::{Durations, Error, FieldChange, Observed, Resource, Status};
use serde::{Deserialize, Serialize};

use crate::aws::answer::Answer;
use crate::aws::client::Aws;
use crate::aws::eks_api::{self, NOT_FOUND};

/// A kind of thing that clusters make.
pub trait Sweep: Send + Sync + 'static {
    /// The kind's name, the first part of addresses.
    const KIND: &'static str;

    /// All that the environment's cluster, which is gone, has left.
    fn find(aws: &Aws) -> impl Future<Output = Result<Vec<Found>, Error>> + Send;

    /// Removes one; what is gone already is no error.
    fn remove(aws: &Aws, id: &str) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Something left behind.
pub struct Found {
    /// Its id or ARN.
    pub id: String,
    /// Ids of what it is in, or uses: these are removed after it.
    pub uses: Vec<String>,
}

/// Something left behind, of the kind `S`.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Leftover<S> {
    kind: PhantomData<fn() -> S>,
}

impl<S> Clone for Leftover<S> {
    fn clone(&self) -> Self {
        Self { kind: PhantomData }
    }
}

/// What is left behind puts nothing out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outputs {}

impl<S: Sweep> Resource for Leftover<S> {
    const KIND: &'static str = S::KIND;
    const LEFTOVER: bool = true;
    type Outputs = Outputs;
    type Client = Aws;

    fn durations(&self) -> Durations {
        Durations::seconds(1, 1, 5, 900)
    }

    async fn list(aws: &Aws) -> Result<Vec<Observed<Self>>, Error> {
        if cluster_exists(aws).await? {
            return Ok(Vec::new());
        }
        let observed = |Found { id, uses }| Observed {
            name: id.clone(),
            id,
            attributes: Self { kind: PhantomData },
            outputs: Outputs {},
            status: Status::Ready,
            uses,
        };
        Ok(S::find(aws).await?.into_iter().map(observed).collect())
    }

    async fn create(&self, _aws: &Aws, _name: &str) -> Result<Option<Observed<Self>>, Error> {
        Err(never_desired::<S>())
    }

    async fn update(
        &self,
        _aws: &Aws,
        _seen: &Observed<Self>,
        _changes: &[FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        Err(never_desired::<S>())
    }

    async fn delete(aws: &Aws, seen: &Observed<Self>) -> Result<(), Error> {
        S::remove(aws, &seen.id).await
    }
}

fn never_desired<S: Sweep>() -> Error {
    Error::bug(format!("`{}` is only ever removed", S::KIND))
}

/// Whether the environment's cluster is there, in whatever state.
pub async fn cluster_exists(aws: &Aws) -> Result<bool, Error> {
    let request = aws.eks.describe_cluster().name(eks_api::cluster_name(aws)).send().await;
    Ok(request.answer_unless("DescribeCluster", &[NOT_FOUND])?.is_some())
}
