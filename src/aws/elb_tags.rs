//! Tags as Elastic Load Balancing keeps them: apart from what they belong to, and no list filters by them.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::Tag;
use futures::future::try_join_all;
use holodeck_engine::Error;

use crate::aws::answer::Answer;
use crate::aws::client::Aws;
use crate::aws::owner::Tags;

/// The most resources whose tags one request gives
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html>).
const MOST_A_REQUEST: usize = 20;

/// All tags of the resource `name`, to create it with.
pub fn all(aws: &Aws, name: &str, own: &Tags) -> Vec<Tag> {
    listed(&aws.owner.tags(name, own))
}

fn listed(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// What is ours of several things with tags.
pub struct Owned<T> {
    /// The thing as the service describes it.
    pub found: T,
    /// Its ARN.
    pub arn: String,
    /// Its name among those of its kind.
    pub name: String,
    /// Its tags beyond those that mark ownership.
    pub tags: Tags,
}

/// Those of `found` that are ours, by the tags of the ARNs that `arn` gives.
pub async fn owned<T>(
    aws: &Aws,
    found: Vec<T>,
    arn: impl Fn(&T) -> Option<&str>,
) -> Result<Vec<Owned<T>>, Error> {
    let arns: Vec<String> = found.iter().filter_map(|found| arn(found).map(str::to_owned)).collect();
    let tags = of(aws, &arns).await?;
    let ours = found.into_iter().filter_map(|found| {
        let arn = arn(&found)?.to_owned();
        let (name, tags) = aws.owner.recognise(tags.get(&arn)?)?;
        Some(Owned { found, arn, name, tags })
    });
    Ok(ours.collect())
}

/// The tags of each of `arns`; one that went meanwhile is left out.
pub async fn of(aws: &Aws, arns: &[String]) -> Result<BTreeMap<String, Vec<Tag>>, Error> {
    let chunks = arns.chunks(MOST_A_REQUEST).map(|chunk| of_some(aws, chunk));
    Ok(try_join_all(chunks).await?.into_iter().flatten().collect())
}

async fn of_some(aws: &Aws, arns: &[String]) -> Result<Vec<(String, Vec<Tag>)>, Error> {
    const GONE: [&str; 3] = ["LoadBalancerNotFound", "TargetGroupNotFound", "ListenerNotFound"];
    let request = aws.elb.describe_tags().set_resource_arns(Some(arns.to_vec()));
    let Some(answer) = request.send().await.answer_unless("DescribeTags", &GONE)? else {
        // One is gone, and the others are asked for one by one.
        let each = arns
            .iter()
            .filter(|_| arns.len() > 1)
            .map(|arn| Box::pin(of_some(aws, std::slice::from_ref(arn))));
        return Ok(try_join_all(each).await?.into_iter().flatten().collect());
    };
    let described = answer.tag_descriptions.unwrap_or_default().into_iter();
    Ok(described.filter_map(|tags| Some((tags.resource_arn?, tags.tags.unwrap_or_default()))).collect())
}

/// Sets tags on an existing resource.
pub async fn set(aws: &Aws, arn: &str, tags: &Tags) -> Result<(), Error> {
    if tags.is_empty() {
        return Ok(());
    }
    let request = aws.elb.add_tags().resource_arns(arn).set_tags(Some(listed(tags)));
    request.send().await.answer("AddTags")?;
    Ok(())
}
