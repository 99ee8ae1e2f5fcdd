//! The add-ons that AWS publishes, their versions, and the Kubernetes versions each of these is for.

use super::version;

/// One add-on.
pub(super) struct Catalogued {
    pub(super) name: &'static str,
    /// Of the API's `types`.
    pub(super) kind: &'static str,
    pub(super) namespace: &'static str,
    /// Whether it runs as a Deployment, which needs a node to be healthy.
    pub(super) needs_nodes: bool,
    pub(super) needs_permissions: bool,
    /// Newest first.
    pub(super) versions: &'static [Release],
}

/// One version of an add-on.
pub(super) struct Release {
    pub(super) version: &'static str,
    /// Minor numbers of the oldest and newest Kubernetes version that it is for.
    minors: (u32, u32),
    /// Minor numbers of the Kubernetes versions that get it by default.
    defaults: (u32, u32),
}

const fn release(version: &'static str, minors: (u32, u32), defaults: (u32, u32)) -> Release {
    Release { version, minors, defaults }
}

/// For no Kubernetes version.
const NONE: (u32, u32) = (1, 0);
/// For all of them.
const ALL: (u32, u32) = (31, 36);

/// Sorted by name.
pub(super) const CATALOG: [Catalogued; 7] = [
    Catalogued {
        name: "aws-ebs-csi-driver",
        kind: "storage",
        namespace: "kube-system",
        needs_nodes: true,
        needs_permissions: true,
        versions: &[
            release("v1.56.0-eksbuild.1", ALL, NONE),
            release("v1.55.0-eksbuild.2", ALL, ALL),
            release("v1.51.1-eksbuild.1", (31, 34), NONE),
        ],
    },
    Catalogued {
        name: "coredns",
        kind: "networking",
        namespace: "kube-system",
        needs_nodes: true,
        needs_permissions: false,
        versions: &[
            release("v1.13.2-eksbuild.4", (34, 36), (36, 36)),
            release("v1.13.1-eksbuild.1", (34, 36), (35, 35)),
            release("v1.12.4-eksbuild.1", (32, 35), (34, 34)),
            release("v1.12.1-eksbuild.2", (31, 34), (33, 33)),
            release("v1.11.4-eksbuild.24", (31, 33), (31, 32)),
        ],
    },
    Catalogued {
        name: "eks-node-monitoring-agent",
        kind: "observability",
        namespace: "kube-system",
        needs_nodes: false,
        needs_permissions: false,
        versions: &[release("v1.5.1-eksbuild.1", ALL, ALL), release("v1.4.2-eksbuild.1", ALL, NONE)],
    },
    Catalogued {
        name: "eks-pod-identity-agent",
        kind: "security",
        namespace: "kube-system",
        needs_nodes: false,
        needs_permissions: false,
        versions: &[release("v1.3.10-eksbuild.2", ALL, ALL), release("v1.3.9-eksbuild.5", ALL, NONE)],
    },
    Catalogued {
        name: "kube-proxy",
        kind: "networking",
        namespace: "kube-system",
        needs_nodes: false,
        needs_permissions: false,
        versions: &[
            release("v1.36.1-eksbuild.2", (36, 36), (36, 36)),
            release("v1.35.2-eksbuild.4", (35, 36), (35, 35)),
            release("v1.35.0-eksbuild.2", (35, 36), NONE),
            release("v1.34.3-eksbuild.2", (34, 36), (34, 34)),
            release("v1.33.7-eksbuild.2", (33, 36), (33, 33)),
            release("v1.32.9-eksbuild.2", (32, 35), (32, 32)),
            release("v1.31.13-eksbuild.2", (31, 34), (31, 31)),
        ],
    },
    Catalogued {
        name: "metrics-server",
        kind: "observability",
        namespace: "kube-system",
        needs_nodes: true,
        needs_permissions: false,
        versions: &[release("v0.8.1-eksbuild.1", ALL, ALL), release("v0.8.0-eksbuild.3", ALL, NONE)],
    },
    Catalogued {
        name: "vpc-cni",
        kind: "networking",
        namespace: "kube-system",
        needs_nodes: false,
        needs_permissions: true,
        versions: &[
            release("v1.21.1-eksbuild.3", ALL, NONE),
            release("v1.21.1-eksbuild.1", ALL, (34, 36)),
            release("v1.20.5-eksbuild.1", ALL, (31, 33)),
            release("v1.19.6-eksbuild.7", (31, 33), NONE),
        ],
    },
];

/// The add-on of that name.
pub(super) fn find(name: &str) -> Option<&'static Catalogued> {
    CATALOG.iter().find(|addon| addon.name == name)
}

impl Catalogued {
    /// What a cluster of this Kubernetes version gets where no version is named.
    pub(super) fn default_for(&self, kubernetes: &str) -> Option<&'static Release> {
        self.versions.iter().find(|release| release.is_default_for(kubernetes))
    }

    /// Whether this version of the add-on is for that Kubernetes version.
    pub(super) fn supports(&self, version: &str, kubernetes: &str) -> bool {
        self.versions.iter().any(|release| release.version == version && release.supports(kubernetes))
    }
}

impl Release {
    pub(super) fn supports(&self, kubernetes: &str) -> bool {
        within(self.minors, kubernetes)
    }

    pub(super) fn is_default_for(&self, kubernetes: &str) -> bool {
        within(self.defaults, kubernetes)
    }
}

fn within((oldest, newest): (u32, u32), kubernetes: &str) -> bool {
    version::minor(kubernetes).is_ok_and(|minor| (oldest..=newest).contains(&minor))
}
