//! The events about an object, found by its identity: another object may have had its name before.
//!
//! Fields: <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>.

use jiff::Timestamp;
use kube::api::ListParams;
use serde_json::Value;

use super::listed;
use crate::kubernetes::client::Kubernetes;
use crate::kubernetes::field::text;
use crate::kubernetes::kinds::EVENT;
use crate::kubernetes::wording::reason_and_message;

/// Where the events of objects without a namespace are kept.
const OF_THE_CLUSTER: &str = "default";

/// The events about an object, the latest last, unless they cannot be read.
pub(super) async fn about(client: &Kubernetes, object: &Value) -> Option<Vec<Value>> {
    let namespace = match text(object, "/metadata/namespace") {
        "" => OF_THE_CLUSTER,
        namespace => namespace,
    };
    let identity = format!("involvedObject.uid={}", text(object, "/metadata/uid"));
    let mut events = listed(client, &EVENT, namespace, ListParams::default().fields(&identity)).await?;
    events.sort_by_key(when);
    Some(events)
}

/// When an event was last observed. Which field tells it depends on who recorded it.
fn when(event: &Value) -> Option<Timestamp> {
    let fields = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    fields.iter().find_map(|field| text(event, field).parse().ok())
}

/// The last warning.
pub(super) fn last_warning(events: &[Value]) -> Option<&Value> {
    events.iter().rev().find(|event| event["type"] == "Warning")
}

/// The last warning, unless things have gone on since. Some recorders keep whole seconds only, so within one second
/// nothing tells which was first.
pub(super) fn present_warning(events: &[Value]) -> Option<&Value> {
    let warning = last_warning(events)?;
    let second = |event: &Value| when(event).map(Timestamp::as_second);
    let gone_on = events.iter().any(|event| event["type"] == "Normal" && second(event) > second(warning));
    (!gone_on).then_some(warning)
}

/// The container that an event is about, if it is about one.
pub(super) fn container(event: &Value) -> Option<&str> {
    let (_, name) = text(event, "/involvedObject/fieldPath").split_once('{')?;
    name.strip_suffix('}')
}

/// An event in words.
pub(super) fn told(event: &Value) -> String {
    reason_and_message(text(event, "/reason"), text(event, "/message"))
}
