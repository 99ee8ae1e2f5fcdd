//! What is wrong with a pod, as far as the pod itself tells.
//!
//! States and reasons: <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/>.

use serde_json::Value;

use crate::kubernetes::field::{items, number, text};

/// What keeps a pod from being ready, the most telling first. Containers are given by their status.
pub(super) enum Trouble<'a> {
    /// A container ended, or does so again and again: it may run just now.
    Ended(&'a Value),
    /// A container's image cannot be had.
    Image(&'a Value),
    /// A container cannot be started for another reason.
    NotStarted(&'a Value),
    /// No node takes it; the condition tells why.
    Unschedulable(&'a Value),
    /// It was given up as a whole.
    GivenUp,
    /// A container runs, and is not ready.
    Unready(&'a Value),
    /// A container that prepares the pod is not done.
    Preparing(&'a Value),
    /// It works; a condition that somebody else has to meet is not met.
    Gated(&'a Value),
    /// Nothing that it tells: it has just begun, or waits for what its node has to do.
    Beginning,
}

/// Reasons that a container waits for while all goes well.
const EXPECTED: &[&str] = &["", "ContainerCreating", "PodInitializing"];
/// Reasons that have to do with a container's image.
const IMAGE: &[&str] = &[
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

impl<'a> Trouble<'a> {
    /// What is wrong with a pod that is not ready.
    pub fn of(pod: &'a Value) -> Self {
        if let Some(unscheduled) = condition(pod, "PodScheduled").filter(|c| c["status"] == "False") {
            return Self::Unschedulable(unscheduled);
        }
        let prepare = items(pod, "/status/initContainerStatuses").iter();
        let prepare =
            prepare.filter_map(|container| Self::of_container(container, is_done_first(pod, container)));
        let run = items(pod, "/status/containerStatuses").iter();
        let run = run.filter_map(|container| Self::of_container(container, false));
        let of_containers = prepare.chain(run).min_by_key(Self::rank);
        let ready = condition(pod, "Ready");
        match of_containers {
            Some(trouble) if trouble.rank() < Self::GivenUp.rank() => trouble,
            _ if text(pod, "/status/phase") == "Failed" => Self::GivenUp,
            Some(trouble) => trouble,
            None => match ready.filter(|ready| text(ready, "/reason") == "ReadinessGatesNotReady") {
                Some(gated) => Self::Gated(gated),
                None => Self::Beginning,
            },
        }
    }

    fn of_container(container: &'a Value, is_done_first: bool) -> Option<Self> {
        let waiting = text(container, "/state/waiting/reason");
        let exit_code = number(container, "/state/terminated/exitCode");
        let is_running = container.pointer("/state/running").is_some();
        let is_ready = container["ready"] == true;
        let ended_before = container.pointer("/lastState/terminated").is_some();
        match waiting {
            "CrashLoopBackOff" => Some(Self::Ended(container)),
            waiting if IMAGE.contains(&waiting) => Some(Self::Image(container)),
            waiting if !EXPECTED.contains(&waiting) => Some(Self::NotStarted(container)),
            _ if exit_code.is_some_and(|code| code != 0) => Some(Self::Ended(container)),
            _ if is_running && !is_ready && ended_before => Some(Self::Ended(container)),
            _ if is_running && is_done_first => Some(Self::Preparing(container)),
            _ if is_running && !is_ready => Some(Self::Unready(container)),
            _ => None,
        }
    }

    /// The less, the more it tells.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Ended(_) => 0,
            Self::Image(_) => 1,
            Self::NotStarted(_) => 2,
            Self::Unschedulable(_) => 3,
            Self::GivenUp => 4,
            Self::Unready(_) => 5,
            Self::Preparing(_) => 6,
            Self::Gated(_) => 7,
            Self::Beginning => 8,
        }
    }
}

/// A condition of a pod.
pub(super) fn condition<'a>(pod: &'a Value, kind: &str) -> Option<&'a Value> {
    items(pod, "/status/conditions").iter().find(|condition| condition["type"] == kind)
}

/// The specification of the container with this status.
pub(super) fn specification<'a>(pod: &'a Value, container: &Value) -> Option<&'a Value> {
    let containers = items(pod, "/spec/initContainers").iter().chain(items(pod, "/spec/containers"));
    containers.into_iter().find(|specified| specified["name"] == container["name"])
}

/// Whether an init container has to end before the pod goes on; those that are restarted always go on beside it.
fn is_done_first(pod: &Value, container: &Value) -> bool {
    specification(pod, container).is_none_or(|specified| specified["restartPolicy"] != "Always")
}
