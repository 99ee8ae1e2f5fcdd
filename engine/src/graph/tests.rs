//! Which edges a graph has, in which order its resources come, and how mistakes in it are told.

use std::sync::Arc;

use serde::Deserialize;

use super::*;
use crate::resource::Observed;

#[derive(Clone, Serialize, Deserialize)]
struct Part {
    of: Vec<Input<String>>,
    text: String,
}

impl Part {
    const ID: Output<Self, String> = Output::new("id");

    fn of(of: impl IntoIterator<Item = Input<String>>) -> Self {
        Self { of: of.into_iter().collect(), text: String::new() }
    }
}

impl Resource for Part {
    const KIND: &'static str = "toy.part";
    type Outputs = ();
    type Client = ();

    async fn list(_: &()) -> Result<Vec<Observed<Self>>, Error> {
        Ok(Vec::new())
    }

    async fn create(&self, _: &(), _: &str) -> Result<Option<Observed<Self>>, Error> {
        Ok(None)
    }

    async fn update(
        &self,
        _: &(),
        _: &Observed<Self>,
        _: &[crate::FieldChange],
    ) -> Result<Option<Observed<Self>>, Error> {
        Ok(None)
    }

    async fn delete(_: &(), _: &Observed<Self>) -> Result<(), Error> {
        Ok(())
    }
}

fn part(name: &str) -> Address {
    Address::new(Part::KIND, name)
}

fn id(name: &str) -> Input<String> {
    Input::Output(Reference { address: part(name), field: "id".into() })
}

fn graph_on(access: Input<String>) -> Graph {
    let mut graph = Graph::new();
    let host = graph.host(&access, |_| Box::pin(async { Ok(Arc::new(())) }));
    graph.register::<Part>(host);
    graph
}

fn graph() -> Graph {
    graph_on("here".into())
}

fn mistakes(graph: &Graph) -> Vec<String> {
    graph.topology().expect_err("the graph is sound").iter().map(GraphError::to_string).collect()
}

#[test]
fn a_resource_comes_after_what_its_attributes_refer_to_whole_or_within_a_text() {
    let mut graph = graph();
    let last = graph.add("a", Part { of: vec![id("b")], text: format!("x-{}-y", id("c")) });
    let handle = graph.add("b", Part::of([]));
    assert_eq!(handle.output(Part::ID), id("b"));
    graph.add("c", Part::of([id("b"), id("b")]));
    let topology = graph.topology().unwrap();
    assert_eq!(topology.order, [part("b"), part("c"), part("a")]);
    let because =
        |on: &str| Dependency { on: part(on), milestone: Milestone::Ready, because: "takes its id".into() };
    assert_eq!(topology.dependencies[last.address()], [because("b"), because("c")]);
    assert_eq!(topology.dependencies[&part("c")], [because("b")]);
}

#[test]
fn a_resource_comes_after_what_gives_access_to_its_host() {
    #[derive(Clone, Serialize, Deserialize)]
    #[serde(transparent)]
    struct Guest(Part);
    impl Resource for Guest {
        const KIND: &'static str = "toy.guest";
        type Outputs = ();
        type Client = ();
        async fn list(_: &()) -> Result<Vec<Observed<Self>>, Error> {
            Ok(Vec::new())
        }
        async fn create(&self, _: &(), _: &str) -> Result<Option<Observed<Self>>, Error> {
            Ok(None)
        }
        async fn update(
            &self,
            _: &(),
            _: &Observed<Self>,
            _: &[crate::FieldChange],
        ) -> Result<Option<Observed<Self>>, Error> {
            Ok(None)
        }
        async fn delete(_: &(), _: &Observed<Self>) -> Result<(), Error> {
            Ok(())
        }
    }
    let mut graph = graph();
    let host = graph.host(&id("house"), |_: Input<String>| Box::pin(async { Ok(Arc::new(())) }));
    graph.register::<Guest>(host);
    let guest = graph.add("anna", Guest(Part::of([])));
    graph.add("house", Part::of([]));
    let on: Vec<Address> = graph.dependencies(guest.address()).into_iter().map(|found| found.on).collect();
    assert_eq!(on, [part("house")]);
    assert_eq!(graph.topology().unwrap().order, [part("house"), guest.address().clone()]);
}

#[test]
fn after_adds_what_no_reference_shows() {
    let mut graph = graph();
    graph.add("a", Part::of([]));
    graph.add("b", Part::of([]));
    graph.after(&part("a"), &part("b"), Milestone::Applied, "answers its calls");
    let found = graph.dependencies(&part("a"));
    let expected =
        Dependency { on: part("b"), milestone: Milestone::Applied, because: "answers its calls".into() };
    assert_eq!(found, [expected]);
    assert_eq!(graph.topology().unwrap().order, [part("b"), part("a")]);
}

#[test]
fn a_mistake_in_after_is_found_on_either_side() {
    let mut graph = graph();
    graph.add("a", Part::of([]));
    graph.after(&part("a"), &part("x"), Milestone::Ready, "of habit");
    graph.after(&part("y"), &part("a"), Milestone::Ready, "of habit");
    assert_eq!(
        mistakes(&graph),
        [
            "`toy.part.a` depends on `toy.part.x`, which is not declared",
            "`toy.part.y` depends on `toy.part.a`, but is itself not declared"
        ]
    );
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let mut graph = graph();
    graph.add("a", Part::of([]));
    graph.add("a", Part::of([id("nothing")]));
    graph.add("b", Part::of([id("c")]));
    graph.add("c", Part::of([id("b")]));
    assert_eq!(
        mistakes(&graph),
        [
            "`toy.part.a` is declared twice",
            "`toy.part.a` depends on `toy.part.nothing`, which is not declared",
            "resources depend on each other in a circle: `toy.part.b` → `toy.part.c` → `toy.part.b`"
        ]
    );
}

#[test]
fn a_kind_without_a_host_is_a_mistake() {
    let mut graph = Graph::new();
    graph.add("a", Part::of([]));
    assert_eq!(mistakes(&graph), ["the kind of `toy.part.a` is not registered with a host"]);
}

#[test]
fn attributes_that_do_not_serialise_are_a_mistake() {
    #[derive(Clone, Deserialize)]
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("broken"))
        }
    }
    let mut graph = Graph::new();
    graph.host(&Broken, |_: Broken| Box::pin(async { Ok(Arc::new(())) }));
    assert_eq!(mistakes(&graph), ["the attributes of `host.access` do not serialise: broken"]);
}

#[test]
fn circles_are_printed_so_that_each_needs_the_next() {
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[("a", "a")], "a → a"),
        (&[("a", "b"), ("b", "a")], "a → b → a"),
        (&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "a"), ("c", "a")], "a → b → c → a"),
        // The long circle through `a` is not the one to show.
        (&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "a"), ("c", "b"), ("x", "a")], "b → c → b"),
    ];
    for (edges, circle) in cases {
        let mut graph = graph();
        let names: BTreeSet<&str> = edges.iter().flat_map(|(from, to)| [*from, *to]).collect();
        for name in names {
            let to = edges.iter().filter(|(from, _)| *from == name).map(|(_, to)| id(to));
            graph.add(name, Part::of(to));
        }
        let Err(errors) = graph.topology() else { panic!("no circle in {edges:?}") };
        let [GraphError::Cycle(found)] = errors.as_slice() else { panic!("{errors:?}") };
        let found: Vec<&str> = found.iter().map(|address| address.name.as_str()).collect();
        assert_eq!(found.join(" → "), circle);
    }
}
