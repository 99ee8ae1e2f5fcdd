//! Every service account may do what its controller needs, and nothing more.
//!
//! The needs are upstream's own (`rights/*.toml`). The API server is asked in two ways. SubjectAccessReviews ask for every
//! verb on every kind that its discovery lists, in the account's namespace, in another one and everywhere, and for what
//! upstream grants: each answer must be the list's. Rules reviews then give all rules that hold for an account in a
//! namespace, so that nothing hides behind a verb, a kind or a name that nobody thought of asking for.
//! <https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access>

mod needs;

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use holodeck_bootstrap::components::COMPONENTS;
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, ResourceRule, SelfSubjectRulesReview,
    SelfSubjectRulesReviewSpec, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Client;
use kube::api::{Api, PostParams};
use needs::{Account, On, Right};
use serde_json::Value;

use crate::support::{self, environments, text};

/// How many questions are on their way at once.
const AT_ONCE: usize = 32;
/// A namespace in which no account of ours has anything to do.
const ELSEWHERE: &str = "kube-system";

/// The accounts of all lists, and the one of each namespace that pods get which name none.
fn accounts() -> Vec<Account> {
    let mut accounts = Vec::new();
    for component in COMPONENTS {
        accounts.extend(needs::of(component.name, &version(component.name)));
    }
    let namespaces: BTreeSet<String> = accounts.iter().map(|account| account.namespace.clone()).collect();
    accounts.extend(namespaces.iter().map(|namespace| Account::without_rights(namespace, "default")));
    accounts
}

/// The version that a component's own defaults name.
fn version(component: &str) -> String {
    let file = format!("{}/bootstrap-manifests/{component}/values.toml", env!("CARGO_MANIFEST_DIR"));
    let values: Value = toml::from_str(&std::fs::read_to_string(file).expect("a file")).expect("values");
    text(&values["version"]).to_owned()
}

#[test]
fn every_workloads_account_is_listed() {
    let listed: BTreeSet<(String, String)> =
        accounts().into_iter().map(|account| (account.namespace, account.name)).collect();
    for environment in environments() {
        let mut used = BTreeSet::new();
        for object in support::rendered(environment) {
            if let Some(template) = support::template(object) {
                let account = text(&template["spec"]["serviceAccountName"]);
                used.insert((text(&object["metadata"]["namespace"]).to_owned(), account.to_owned()));
            }
        }
        let unlisted: Vec<_> = used.difference(&listed).collect();
        assert!(unlisted.is_empty(), "{environment}: nothing is said about {unlisted:?}");
        let unused: Vec<_> = listed.difference(&used).filter(|(_, name)| name != "default").collect();
        assert!(unused.is_empty(), "{environment}: no workload has {unused:?}");
    }
}

/// So the answers of one server, which has the sandbox's roles, hold for all environments.
#[test]
fn all_environments_grant_the_same() {
    let granted = |environment: &str| -> BTreeMap<String, Vec<Value>> {
        let objects = support::rendered(environment).iter();
        objects
            .filter(|object| text(&object["apiVersion"]).starts_with("rbac."))
            .map(|object| {
                let fields = ["rules", "aggregationRule", "roleRef", "subjects"];
                (support::name(object), fields.map(|field| object[field].clone()).into())
            })
            .collect()
    };
    let expected = granted("sandbox");
    assert!(!expected.is_empty());
    for environment in environments() {
        assert_eq!(granted(environment), expected, "{environment}");
    }
}

#[tokio::test]
async fn accounts_may_do_what_upstream_says_and_nothing_else() {
    let client = support::client().await;
    let kinds = served_kinds(&client).await;
    let accounts = accounts();
    let everybody = needs::everybody();
    let named = named_objects(&accounts);
    let mut questions = Vec::new();
    for account in &accounts {
        let mut rights: BTreeSet<Right> = account.granted_upstream().into_iter().collect();
        for kind in &kinds {
            rights.extend(kind.rights(account, &named));
        }
        questions.extend(rights.into_iter().map(|right| (account, right)));
    }
    assert!(questions.len() > 10_000, "only {} questions: discovery lists too little", questions.len());
    let answers = stream::iter(questions).map(|(account, right)| {
        let client = client.clone();
        async move { (account, may(&client, account, &right).await.expect("an answer"), right) }
    });
    let differences = answers.buffer_unordered(AT_ONCE).filter_map(|(account, may, right)| {
        let expected = account.allows(&right) || everybody.allows(&right);
        let finding = if may { "may, but need not," } else { "needs to, but may not," };
        let finding = (may != expected).then(|| format!("{} {finding} {right}", account.user()));
        async { finding }
    });
    let differences: Vec<String> = differences.collect().await;
    support::none("differences", differences);
}

#[tokio::test]
async fn no_rule_goes_beyond_what_upstream_says() {
    let client = support::client().await;
    let accounts = accounts();
    let everybody = needs::everybody();
    let mut namespaces: BTreeSet<&str> = accounts.iter().map(|account| account.namespace.as_str()).collect();
    namespaces.extend([ELSEWHERE, "default"]);
    let mut beyond = Vec::new();
    for account in &accounts {
        for namespace in &namespaces {
            let rights = rules(&client, account, namespace).await.expect("an answer to every review");
            for right in everybody.rights_in(namespace) {
                assert!(rights.contains(&right), "not everybody may {right}: {} may not", account.user());
            }
            for right in rights {
                if !account.allows(&right) && !everybody.allows(&right) {
                    beyond.push(format!("{} may {right}", account.user()));
                }
            }
        }
    }
    support::none("rules", beyond);
}

/// A kind or a subresource that the server serves, with the verbs that it knows there.
struct ServedKind {
    group: String,
    resource: String,
    namespaced: bool,
    verbs: Vec<String>,
}

impl ServedKind {
    /// All that can be asked about the kind: each verb in each place, about all objects and about those in `named`.
    fn rights(&self, account: &Account, named: &BTreeSet<(String, String, String)>) -> Vec<Right> {
        let places: &[Option<&str>] =
            if self.namespaced { &[Some(&account.namespace), Some(ELSEWHERE), None] } else { &[None] };
        let mut names = vec![None];
        let of_this_kind =
            named.iter().filter(|(group, resource, _)| *group == self.group && *resource == self.resource);
        names.extend(of_this_kind.map(|(_, _, name)| Some(name.clone())));
        let mut rights = Vec::new();
        for verb in &self.verbs {
            for namespace in places {
                rights.extend(names.iter().map(|name| Right {
                    verb: verb.clone(),
                    on: On::Objects {
                        group: self.group.clone(),
                        resource: self.resource.clone(),
                        name: name.clone(),
                        namespace: namespace.map(str::to_owned),
                    },
                }));
            }
        }
        rights
    }
}

/// All kinds of all groups, of whatever version: rights know no versions.
async fn served_kinds(client: &Client) -> Vec<ServedKind> {
    let mut lists =
        vec![(String::new(), client.list_core_api_resources("v1").await.expect("the core group"))];
    for group in client.list_api_groups().await.expect("the groups").groups {
        for version in group.versions {
            let list = client.list_api_group_resources(&version.group_version).await.expect("a served group");
            lists.push((group.name.clone(), list));
        }
    }
    let mut kinds = BTreeMap::new();
    for (group, list) in lists {
        for resource in list.resources {
            let kind = ServedKind {
                group: group.clone(),
                resource: resource.name,
                namespaced: resource.namespaced,
                verbs: resource.verbs,
            };
            kinds.entry((kind.group.clone(), kind.resource.clone())).or_insert(kind);
        }
    }
    kinds.into_values().collect()
}

/// The single objects that some account may touch, as group, resource and name: everybody is asked about them.
fn named_objects(accounts: &[Account]) -> BTreeSet<(String, String, String)> {
    let rights = accounts.iter().flat_map(Account::granted_upstream);
    rights
        .filter_map(|right| match right.on {
            On::Objects { group, resource, name: Some(name), .. } => Some((group, resource, name)),
            _ => None,
        })
        .collect()
}

/// Asks whether the account may, as the server sees it when it comes with a token.
async fn may(client: &Client, account: &Account, right: &Right) -> Result<bool, kube::Error> {
    let groups = ["system:serviceaccounts", "system:authenticated"].map(str::to_owned);
    let own_group = format!("system:serviceaccounts:{}", account.namespace);
    let verb = Some(right.verb.clone());
    let mut spec = SubjectAccessReviewSpec {
        user: Some(account.user()),
        groups: Some(groups.into_iter().chain([own_group]).collect()),
        ..SubjectAccessReviewSpec::default()
    };
    match &right.on {
        On::Path(path) => {
            spec.non_resource_attributes = Some(NonResourceAttributes { path: Some(path.clone()), verb });
        }
        On::Objects { group, resource, name, namespace } => {
            let (resource, subresource) = match resource.split_once('/') {
                Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
                None => (resource.as_str(), None),
            };
            spec.resource_attributes = Some(ResourceAttributes {
                verb,
                group: Some(group.clone()),
                resource: Some(resource.to_owned()),
                subresource,
                name: name.clone(),
                namespace: namespace.clone(),
                ..ResourceAttributes::default()
            });
        }
    }
    let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
    let answer = Api::all(client.clone()).create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// All rights that an account has in a namespace, taken apart.
async fn rules(client: &Client, account: &Account, namespace: &str) -> Result<BTreeSet<Right>, kube::Error> {
    let review = SelfSubjectRulesReview {
        spec: SelfSubjectRulesReviewSpec { namespace: Some(namespace.to_owned()) },
        ..SelfSubjectRulesReview::default()
    };
    let status = support::as_user(client, &account.user(), &review).await?.status.unwrap_or_default();
    // Only for nodes are there rights besides those of roles, and these cannot be listed.
    let unlisted = status.evaluation_error.unwrap_or_default();
    assert!(
        ["", "node authorizer does not support user rule resolution"].contains(&unlisted.as_str()),
        "{unlisted}"
    );
    let mut rights: BTreeSet<Right> =
        status.resource_rules.iter().flat_map(|rule| taken_apart(rule, namespace)).collect();
    for rule in status.non_resource_rules {
        let paths = rule.non_resource_urls.unwrap_or_default();
        for verb in rule.verbs {
            rights.extend(paths.iter().map(|path| Right { verb: verb.clone(), on: On::Path(path.clone()) }));
        }
    }
    Ok(rights)
}

fn taken_apart(rule: &ResourceRule, namespace: &str) -> Vec<Right> {
    let names: Vec<Option<String>> = match rule.resource_names.as_deref() {
        None | Some([]) => vec![None],
        Some(names) => names.iter().cloned().map(Some).collect(),
    };
    let mut rights = Vec::new();
    for verb in &rule.verbs {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                rights.extend(names.iter().map(|name| Right {
                    verb: verb.clone(),
                    on: On::Objects {
                        group: group.clone(),
                        resource: resource.clone(),
                        name: name.clone(),
                        namespace: Some(namespace.to_owned()),
                    },
                }));
            }
        }
    }
    rights
}
