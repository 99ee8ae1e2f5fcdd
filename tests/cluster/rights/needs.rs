//! The lists in `rights/*.toml`: what upstream grants each account, and what of it is withheld here, with the reason.
//!
//! Invariant: what is withheld is part of what upstream grants, in the same place, so that no entry outlives its reason.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

/// One thing that an account may be asked about; a star stands for everything, as in a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    pub verb: String,
    pub on: On,
}

/// What a right is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// Objects: in one namespace or everywhere, all of a kind (`pods`, `pods/log`) or a single one.
    Objects { group: String, resource: String, name: Option<String>, namespace: Option<String> },
    /// A path that is no object's, such as `/metrics`.
    Path(String),
}

/// Where a rule holds: in the namespace of the account, or in the whole cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Place {
    Own,
    Cluster,
}

/// A rule: each of its verbs on each of its resources or paths.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    r#in: Place,
    /// Empty for the core group.
    #[serde(default)]
    group: String,
    #[serde(default)]
    resources: Vec<String>,
    /// Single objects; none means all.
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    verbs: Vec<String>,
    /// Why it is withheld; only there.
    because: Option<String>,
}

/// A service account, with what upstream grants it and what of that is withheld.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub namespace: String,
    pub name: String,
    needs: Vec<Rule>,
    #[serde(default)]
    withheld: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// Whose word the list is, and at which version.
    source: String,
    account: Vec<Account>,
}

/// What all accounts of every cluster may do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Everybody {
    source: String,
    needs: Vec<Rule>,
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/rights"))
}

/// The accounts of a component, as its list has them; the list must be of the component's version.
pub fn of(component: &str, version: &str) -> Vec<Account> {
    let file = folder().join(component).with_extension("toml");
    let list: List =
        toml::from_str(&read(&file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert!(list.source.contains(version), "{} is not of version {version}", file.display());
    for account in &list.account {
        account.check();
    }
    list.account
}

/// What every account may do before any role of ours.
pub fn everybody() -> Everybody {
    let everybody: Everybody =
        toml::from_str(&read(&folder().join("everybody.toml"))).expect("a list of rights");
    assert!(everybody.source.starts_with("https://"), "it has to be said whose word that is");
    everybody
}

impl Everybody {
    pub fn allows(&self, right: &Right) -> bool {
        self.needs.iter().any(|rule| rule.covers(right))
    }

    /// All of it, as an account has it in a namespace.
    pub fn rights_in(&self, namespace: &str) -> Vec<Right> {
        self.needs.iter().flat_map(|rule| rule.rights_in(Some(namespace))).collect()
    }
}

impl Account {
    /// An account that has no rights of its own, such as the one that pods get which name none.
    pub fn without_rights(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            needs: Vec::new(),
            withheld: Vec::new(),
        }
    }

    /// As the API server names it.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    /// Whether the account is to have the right.
    pub fn allows(&self, right: &Right) -> bool {
        let own = matches!(&right.on, On::Objects { namespace: Some(namespace), .. } if *namespace == self.namespace);
        let covered =
            |rules: &[Rule], place| rules.iter().any(|rule| rule.r#in == place && rule.covers(right));
        [(Place::Cluster, true), (Place::Own, own)]
            .into_iter()
            .any(|(place, holds)| holds && covered(&self.needs, place) && !covered(&self.withheld, place))
    }

    /// All rights that upstream grants it, whether we do or not.
    pub fn granted_upstream(&self) -> Vec<Right> {
        self.needs.iter().flat_map(|rule| rule.rights(&self.namespace)).collect()
    }

    fn check(&self) {
        for rule in &self.withheld {
            assert!(rule.because.is_some(), "{}: {rule:?} is withheld without a reason", self.name);
            for right in rule.rights(&self.namespace) {
                let granted = self.needs.iter().any(|need| need.r#in == rule.r#in && need.covers(&right));
                assert!(granted, "{}: upstream does not grant {right}, so it cannot be withheld", self.name);
            }
        }
        for rule in &self.needs {
            assert!(rule.because.is_none(), "{}: {rule:?} is no exception", self.name);
        }
    }
}

impl Rule {
    fn covers(&self, right: &Right) -> bool {
        let lists = |list: &[String], asked: &str| list.iter().any(|listed| listed == "*" || listed == asked);
        lists(&self.verbs, &right.verb)
            && match &right.on {
                On::Path(path) => lists(&self.paths, path),
                On::Objects { group, resource, name, .. } => {
                    // `*/finalizers` means that subresource of whatever kind.
                    let of_any_kind = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
                    (self.group == "*" || self.group == *group)
                        && (lists(&self.resources, resource)
                            || of_any_kind.is_some_and(|subresource| self.resources.contains(&subresource)))
                        && (self.names.is_empty()
                            || name.as_ref().is_some_and(|name| self.names.contains(name)))
                }
            }
    }

    /// The rule taken apart, for an account whose namespace is `own`.
    fn rights(&self, own: &str) -> Vec<Right> {
        self.rights_in((self.r#in == Place::Own).then_some(own))
    }

    fn rights_in(&self, namespace: Option<&str>) -> Vec<Right> {
        let names: Vec<Option<String>> = match self.names.as_slice() {
            [] => vec![None],
            names => names.iter().cloned().map(Some).collect(),
        };
        let objects = self.resources.iter().flat_map(|resource| {
            names.iter().map(|name| On::Objects {
                group: self.group.clone(),
                resource: resource.clone(),
                name: name.clone(),
                namespace: namespace.map(str::to_owned),
            })
        });
        let all: Vec<On> = objects.chain(self.paths.iter().cloned().map(On::Path)).collect();
        let verbs = self.verbs.iter();
        verbs.flat_map(|verb| all.iter().map(|on| Right { verb: verb.clone(), on: on.clone() })).collect()
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.verb)?;
        match &self.on {
            On::Path(path) => f.write_str(path),
            On::Objects { group, resource, name, namespace } => {
                write!(f, "{resource}")?;
                if !group.is_empty() {
                    write!(f, ".{group}")?;
                }
                if let Some(name) = name {
                    write!(f, " `{name}`")?;
                }
                match namespace {
                    Some(namespace) => write!(f, " in {namespace}"),
                    None => f.write_str(" everywhere"),
                }
            }
        }
    }
}
