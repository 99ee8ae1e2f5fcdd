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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, at: &str) -> Value {
        json!({"type": kind, "reason": kind, "lastTimestamp": at})
    }

    #[test]
    fn a_warning_is_past_once_things_went_on_in_a_later_second() {
        let warning = event("Warning", "2026-01-01T00:00:05Z");
        let recorders = |at: &str| [warning.clone(), event("Normal", at)];
        assert!(present_warning(&recorders("2026-01-01T00:00:04Z")).is_some());
        assert!(
            present_warning(&recorders("2026-01-01T00:00:05.900000Z")).is_some(),
            "which was first is not known"
        );
        assert!(present_warning(&recorders("2026-01-01T00:00:06Z")).is_none());
        assert!(present_warning(&[event("Normal", "2026-01-01T00:00:04Z")]).is_none());
    }

    #[test]
    fn the_field_that_the_recorder_uses_tells_the_time() {
        let series = json!({"series": {"lastObservedTime": "2026-01-01T00:00:09.5Z"}, "eventTime": "2026-01-01T00:00:01Z"});
        assert_eq!(when(&series), Some("2026-01-01T00:00:09.5Z".parse().unwrap()));
        let created =
            json!({"lastTimestamp": null, "metadata": {"creationTimestamp": "2026-01-01T00:00:02Z"}});
        assert_eq!(when(&created), Some("2026-01-01T00:00:02Z".parse().unwrap()));
    }
}
