//! The laws themselves, and the form in which a kind's test states its case.
//!
//! A created resource reads back as desired; each edit plans as declared and is made; what vanished is made anew; what
//! is gone can be removed again; what is not desired any more is found and removed; nothing is seen by another
//! environment; a lost answer or a process that stops leaves no duplicate and nothing that the next run cannot go on
//! from; in the end nothing is left.

use std::ops::Range;
use std::time::Duration;

use holodeck_bootstrap::aws::owner::Tags;
use holodeck_engine::plan::Action;
use holodeck_engine::{Address, Change, Class, Graph, Host, Observed, Plan, Resource, Snapshot, Status};

use crate::account::{Account, Connection};

/// What an edit amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Changed in place.
    Update,
    /// Made anew.
    Replace,
    /// Not possible.
    Refuse,
}

type Client<R> = <R as Resource>::Client;

type Declare<R> = Box<dyn Fn(&mut Graph, Host<Client<R>>) -> R>;

type Alter<R> = Box<dyn Fn(&mut Graph, Host<Client<R>>, &mut R)>;

struct Edit<R: Resource> {
    field: &'static str,
    edit: Alter<R>,
    expect: Expect,
}

/// A tag of the resource's own.
pub fn own_tags() -> Tags {
    Tags::from([("team".to_owned(), "infra".to_owned())])
}

/// One resource of a kind, and what is expected of it.
pub struct Laws<R: Resource> {
    name: &'static str,
    declare: Declare<R>,
    edits: Vec<Edit<R>>,
}

impl<R: Resource<Client: Connection>> Laws<R> {
    /// The case of the resource that `declare` gives, after it has added to the graph what that one needs. Its own kind
    /// is registered already. Give it a tag of its own where the kind has tags.
    pub fn of(name: &'static str, declare: impl Fn(&mut Graph, Host<Client<R>>) -> R + 'static) -> Self {
        Self { name, declare: Box::new(declare), edits: Vec::new() }
    }

    /// An edit that changes `field` (with all below it), and what it must amount to. Taking the edit back must differ,
    /// too: change the value of a tag, do not add one.
    pub fn edit(self, field: &'static str, edit: fn(&mut R), expect: Expect) -> Self {
        self.edit_in(field, move |_, _, resource| edit(resource), expect)
    }

    /// The same for an edit that adds to the graph what the resource then needs.
    pub fn edit_in(
        mut self,
        field: &'static str,
        edit: impl Fn(&mut Graph, Host<Client<R>>, &mut R) + 'static,
        expect: Expect,
    ) -> Self {
        self.edits.push(Edit { field, edit: Box::new(edit), expect });
        self
    }

    /// Checks all laws.
    pub async fn hold(self) {
        self.a_new_resource_is_as_desired_and_leaves_nothing_behind().await;
        for edit in &self.edits {
            for request in self.an_edit_amounts_to_what_is_declared(edit).await {
                self.an_edit_goes_on_after_a_lost_answer(edit, request).await;
            }
        }
        self.what_vanished_is_made_anew().await;
        self.what_is_not_desired_is_removed().await;
        for request in self.requests_of_a_creation().await {
            self.a_lost_answer_does_no_harm(request).await;
            self.a_process_that_stops_does_no_harm(request).await;
        }
    }

    fn address(&self) -> Address {
        Address::new(R::KIND, self.name)
    }

    /// The graph with the resource as `edit` leaves it.
    fn graph(&self, account: &Account, edit: impl FnOnce(&mut Graph, Host<Client<R>>, &mut R)) -> Graph {
        let mut graph = Graph::new();
        let host = account.host(&mut graph);
        graph.register::<R>(host);
        let mut resource = (self.declare)(&mut graph, host);
        edit(&mut graph, host, &mut resource);
        graph.add(self.name, resource);
        graph
    }

    /// The graph with what the resource needs, and without it.
    fn needs(&self, account: &Account) -> Graph {
        let mut graph = Graph::new();
        let host = account.host(&mut graph);
        graph.register::<R>(host);
        (self.declare)(&mut graph, host);
        graph
    }

    /// The account with the resource in it, and its graph.
    async fn made(&self) -> (Account, Graph) {
        let account = Account::fresh();
        let graph = self.graph(&account, |_, _, _| ());
        self.make(&account, &graph).await;
        (account, graph)
    }

    async fn make(&self, account: &Account, graph: &Graph) {
        let address = self.address();
        let outcome = account.up(graph, Some(&address.to_string())).await;
        assert!(outcome.is_complete(), "making `{address}`: {outcome:#?}");
        let (snapshot, plan) = account.plan(graph, None).await;
        self.is_settled(&snapshot, &plan);
    }

    /// Nothing is left to change, and everything is ready.
    fn is_settled(&self, snapshot: &Snapshot, plan: &Plan) {
        let changes: Vec<&Change> =
            plan.changes.iter().filter(|change| change.action != Action::Unchanged).collect();
        assert!(changes.is_empty(), "`{}` is made, but still differs: {changes:#?}", self.address());
        let unready: Vec<_> =
            snapshot.resources().filter(|(_, _, status)| **status != Status::Ready).collect();
        assert!(unready.is_empty(), "`{}` is made, but not ready: {unready:?}", self.address());
    }

    fn change<'a>(&self, plan: &'a Plan) -> &'a Change {
        let address = self.address();
        let change = plan.changes.iter().find(|change| change.address == address);
        change.unwrap_or_else(|| panic!("the plan does not mention `{address}`"))
    }

    async fn found(&self, client: &Client<R>) -> Observed<R> {
        let found = R::read(client, self.name).await.expect("it can be read");
        found.unwrap_or_else(|| panic!("`{}` does not exist", self.address()))
    }

    async fn a_new_resource_is_as_desired_and_leaves_nothing_behind(&self) {
        let (account, graph) = self.made().await;
        let others = R::list(&account.other_environment()).await.expect("another environment can list");
        let others: Vec<&str> = others.iter().map(|other| other.name.as_str()).collect();
        assert!(others.is_empty(), "another environment takes {others:?} of kind `{}` for its own", R::KIND);
        let outcome = account.destroy(&graph).await;
        assert!(outcome.is_complete(), "removing `{}`: {outcome:#?}", self.address());
        let left: Vec<Address> =
            account.observe(&graph).await.resources().map(|(address, ..)| address.clone()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    /// Gives the changing requests that make the edit, counted from the account's first one.
    async fn an_edit_amounts_to_what_is_declared(&self, edit: &Edit<R>) -> Range<usize> {
        let (account, graph) = self.made().await;
        let (address, Edit { field, expect, .. }) = (self.address(), edit);
        let edited = self.graph(&account, &edit.edit);
        let (_, plan) = account.plan(&edited, None).await;
        let change = self.change(&plan);
        let (blocked, action) =
            (plan.blocked.iter().find(|blocked| blocked.address == address), change.action);
        let amounts_to = match (action, blocked) {
            (Action::Update, None) => Some(Expect::Update),
            (Action::Update, Some(_)) => Some(Expect::Refuse),
            (Action::Replace, _) => Some(Expect::Replace),
            _ => None,
        };
        assert_eq!(amounts_to, Some(*expect), "editing `{field}` of `{address}`: {change:#?} {blocked:?}");
        assert!(
            change.fields.iter().any(|change| change.is_within(field)),
            "editing `{field}` of `{address}` plans {:#?}",
            change.fields
        );
        let first = account.changing_requests() + 1;
        if *expect != Expect::Refuse {
            self.make(&account, &edited).await;
            let (_, back) = account.plan(&graph, None).await;
            assert!(back.has_changes(), "a drift of `{field}` of `{address}` is not seen");
        }
        first..account.changing_requests() + 1
    }

    async fn an_edit_goes_on_after_a_lost_answer(&self, edit: &Edit<R>, request: usize) {
        let account = Account::with_faults(&[&format!("*:lose-answer@{request}")]);
        let outcome = account.up(&self.graph(&account, |_, _, _| ()), None).await;
        assert!(outcome.is_complete(), "making `{}`: {outcome:#?}", self.address());
        let edited = self.graph(&account, &edit.edit);
        let first = account.up(&edited, Some(&self.address().to_string())).await;
        let when = format!("editing `{}`, after the lost answer {request} ({first:?})", edit.field);
        self.goes_on(&account, &edited, &when).await;
    }

    async fn what_vanished_is_made_anew(&self) {
        let (account, graph) = self.made().await;
        let client = account.connection();
        let found = self.found(&client).await;
        self.remove(&account, &found).await;
        R::delete(&client, &found).await.expect("removing what is gone is no error");
        let (_, plan) = account.plan(&graph, None).await;
        assert_eq!(self.change(&plan).action, Action::Create, "`{}` vanished", self.address());
        self.make(&account, &graph).await;
    }

    /// Removes the resource without the engine, and waits until it is gone.
    async fn remove(&self, account: &Account, found: &Observed<R>) {
        const LOOKS: usize = 1000;
        let client = account.connection();
        let mut requested = false;
        for _ in 0..LOOKS {
            if !requested {
                match R::delete(&client, found).await {
                    Ok(()) => requested = true,
                    Err(error) if error.class == Class::NotYet => {}
                    Err(error) => panic!("removing `{}`: {error:?}", self.address()),
                }
            }
            if requested && R::read(&client, self.name).await.expect("it can be read").is_none() {
                return;
            }
            account.pass(Duration::from_secs(10)).await;
        }
        panic!("`{}` does not go", self.address());
    }

    async fn what_is_not_desired_is_removed(&self) {
        let (account, _) = self.made().await;
        let graph = self.needs(&account);
        let (_, plan) = account.plan(&graph, None).await;
        assert_eq!(self.change(&plan).action, Action::Delete, "`{}` is not desired", self.address());
        self.make(&account, &graph).await;
        let left = R::read(&account.connection(), self.name).await.expect("it can be read");
        assert!(left.is_none(), "`{}` is still there", self.address());
    }

    /// The changing requests that make the resource, counted from the account's first one. Those that make what it needs
    /// come before them, and are matters of other kinds.
    async fn requests_of_a_creation(&self) -> Range<usize> {
        let account = Account::fresh();
        self.make_needs(&account).await;
        let first = account.changing_requests() + 1;
        let graph = self.graph(&account, |_, _, _| ());
        self.make(&account, &graph).await;
        let requests = first..account.changing_requests() + 1;
        assert!(!requests.is_empty(), "making `{}` takes no request", self.address());
        requests
    }

    async fn make_needs(&self, account: &Account) {
        let outcome = account.up(&self.needs(account), None).await;
        assert!(outcome.is_complete(), "making what `{}` needs: {outcome:#?}", self.address());
    }

    async fn a_lost_answer_does_no_harm(&self, request: usize) {
        let account = Account::with_faults(&[&format!("*:lose-answer@{request}")]);
        self.make_needs(&account).await;
        let graph = self.graph(&account, |_, _, _| ());
        let first = account.up(&graph, None).await;
        self.goes_on(&account, &graph, &format!("after the lost answer {request} ({first:?})")).await;
    }

    async fn a_process_that_stops_does_no_harm(&self, request: usize) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        {
            let account = Account::kept_in(folder.path(), &[&format!("*:stop-after@{request}")]);
            self.make_needs(&account).await;
            let graph = self.graph(&account, |_, _, _| ());
            account.up(&graph, None).await;
        }
        let account = Account::kept_in(folder.path(), &[]);
        let graph = self.graph(&account, |_, _, _| ());
        self.goes_on(&account, &graph, &format!("after a stop at request {request}")).await;
    }

    /// The next run completes the work, and each resource is there once.
    async fn goes_on(&self, account: &Account, graph: &Graph, when: &str) {
        let outcome = account.up(graph, Some(&self.address().to_string())).await;
        assert!(outcome.is_complete(), "making `{}` {when}: {outcome:#?}", self.address());
        let (snapshot, plan) = account.plan(graph, None).await;
        self.is_settled(&snapshot, &plan);
        let mut addresses: Vec<&Address> = snapshot.resources().map(|(address, ..)| address).collect();
        let all = addresses.len();
        addresses.dedup();
        assert_eq!(addresses.len(), all, "{when} something exists twice: {addresses:?}");
    }
}
