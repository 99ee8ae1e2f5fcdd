//! Deviations from the rules, each with its reason.

/// A rule's name, what deviates from it (as "component/object" or "component/object/container"), and why.
pub struct Exception {
    pub rule: &'static str,
    pub subject: &'static str,
    pub reason: &'static str,
}

/// Whether the subject may deviate from the rule.
pub fn excepted(rule: &str, subject: &str) -> bool {
    ALL.iter().any(|exception| exception.rule == rule && exception.subject == subject)
}

pub const ALL: &[Exception] = &[
    Exception {
        rule: "read-only root",
        subject: "ingress-nginx/ingress-nginx-controller/controller",
        reason: "the controller writes nginx.conf beside the templates that its image brings",
    },
    Exception {
        rule: "added capability",
        subject: "ingress-nginx/ingress-nginx-controller/controller/NET_BIND_SERVICE",
        reason: "the image's files carry the capability: without it Linux refuses to execute them",
    },
    Exception {
        rule: "readinessProbe",
        subject: "cert-manager/cert-manager/controller",
        reason: "serves nobody, and its health check only tells of its lease",
    },
    Exception {
        rule: "readinessProbe",
        subject: "cert-manager/cert-manager-cainjector/cainjector",
        reason: "serves no health check",
    },
    Exception {
        rule: "livenessProbe",
        subject: "cert-manager/cert-manager-cainjector/cainjector",
        reason: "serves no health check",
    },
    Exception {
        rule: "made while running",
        subject: "cert-manager/Secret/cert-manager-webhook-ca",
        reason: "the webhook makes its authority",
    },
    Exception {
        rule: "made while running",
        subject: "argo-cd/Secret/argocd-redis",
        reason: "an init container makes the password, so that it stands in no manifest",
    },
    Exception {
        rule: "wildcard",
        subject: "argo-cd/argocd-application-controller",
        reason: "deploys anything that Git declares, roles included",
    },
    Exception {
        rule: "wildcard",
        subject: "argo-cd/argocd-server",
        reason: "shows, patches and deletes whatever was deployed, for users whom its own policy admits",
    },
];
