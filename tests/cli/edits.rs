//! Edits of the environment file: each plans just the right change, and `up` makes it.

use crate::support::Workplace;

fn up(place: &Workplace) {
    place.succeed(&["up", "sandbox", "--yes", "--quiet"]);
}

fn assert_settled(place: &Workplace) {
    assert_eq!(place.changes("sandbox", &[]), Vec::<String>::new());
}

#[test]
fn a_removed_database_goes_with_all_that_is_its_own() {
    let place = Workplace::new();
    up(&place);
    let text = std::fs::read_to_string(place.path().join("environments/sandbox.toml")).unwrap();
    let (start, end) =
        (text.find("[provider.databases.orders]").unwrap(), text.find("[provider.kms]").unwrap());
    place.write("sandbox.toml", &format!("{}{}", &text[..start], &text[end..]));
    let changes = place.changes("sandbox", &[]);
    assert!(
        !changes.is_empty() && changes.iter().all(|change| change.starts_with("delete aws.")),
        "{changes:?}"
    );
    assert!(
        changes.iter().any(|change| change.contains("db_instance") && change.contains("orders")),
        "{changes:?}"
    );
    up(&place);
    assert_settled(&place);
}

#[test]
fn more_nodes_are_one_update_that_lasts() {
    let place = Workplace::new();
    up(&place);
    place.edit("sandbox.toml", "size = { min = 3, max = 4 }", "size = { min = 4, max = 6 }");
    assert_eq!(place.changes("sandbox", &[]), ["update aws.node_group.general"]);
    up(&place);
    assert_settled(&place);
}

#[test]
fn a_protected_database_is_not_removed_in_passing() {
    let place = Workplace::new();
    place.edit("sandbox.toml", "deletion_protection = false", "deletion_protection = true");
    up(&place);
    let text = std::fs::read_to_string(place.path().join("environments/sandbox.toml")).unwrap();
    let (start, end) =
        (text.find("[provider.databases.orders]").unwrap(), text.find("[provider.kms]").unwrap());
    place.write("sandbox.toml", &format!("{}{}", &text[..start], &text[end..]));
    let refused = place.run(&["up", "sandbox", "--yes"]);
    assert_eq!(refused.status, 1, "{}", refused.stdout);
    assert!(refused.stderr.contains("deletion_protection = false"), "{}", refused.stderr);
    place.succeed(&["status", "sandbox"]);
}

#[test]
fn one_more_node_group_is_created_beside_the_others() {
    let place = Workplace::new();
    up(&place);
    place.append(
        "sandbox.toml",
        "\n[provider.node_groups.batch]\ninstance_types = [\"m7i.large\"]\nsize = { min = 1, max = 2 }\n",
    );
    let changes = place.changes("sandbox", &[]);
    assert!(
        !changes.is_empty() && changes.iter().all(|change| change.starts_with("create aws.")),
        "{changes:?}"
    );
    assert!(changes.iter().all(|change| change.contains("batch")), "{changes:?}");
    up(&place);
    assert_settled(&place);
}

#[test]
fn another_instance_type_rolls_the_nodes() {
    let place = Workplace::new();
    up(&place);
    place.edit("sandbox.toml", "t3.large", "m7i.large");
    let changes = place.changes("sandbox", &[]);
    assert!(!changes.is_empty() && changes.iter().all(|change| change.starts_with("update ")), "{changes:?}");
    up(&place);
    assert_settled(&place);
}

#[test]
fn another_network_is_refused_until_it_is_allowed() {
    let place = Workplace::new();
    up(&place);
    place.edit("sandbox.toml", "10.10.0.0/16", "10.11.0.0/16");
    let refused = place.run(&["up", "sandbox", "--yes"]);
    assert_eq!(refused.status, 1, "{}", refused.stdout);
    assert!(
        refused.stderr.contains("cidr") && refused.stderr.contains("--allow-replace aws.vpc.main"),
        "{}",
        refused.stderr
    );
    let refused = place.run(&["up", "sandbox", "--yes", "--quiet", "--allow-replace", "aws.vpc.main"]);
    assert_eq!(refused.status, 1, "the database holds data: it wants a permission of its own");
    assert!(refused.stderr.contains("--allow-replace aws.db_instance.orders"), "{}", refused.stderr);
    let both = ["--allow-replace", "aws.vpc.main", "--allow-replace", "aws.db_instance.orders"];
    let changes = place.changes("sandbox", &both);
    assert!(changes.contains(&"replace aws.vpc.main".to_owned()), "{changes:?}");
    place.succeed(&[&["up", "sandbox", "--yes", "--quiet"][..], &both].concat());
    assert_settled(&place);
    place.succeed(&["status", "sandbox"]);
}

#[test]
fn a_replica_count_changes_only_what_depends_on_it() {
    let place = Workplace::new();
    up(&place);
    place.append("sandbox.toml", "\n[components.ingress-nginx]\nreplicas = 3\n");
    let changes = place.changes("sandbox", &[]);
    assert_eq!(changes, ["update kubernetes.ingress-nginx.deployment.ingress-nginx-controller"]);
    up(&place);
    assert_settled(&place);
}

#[test]
fn a_component_that_is_turned_off_is_pruned() {
    let place = Workplace::new();
    up(&place);
    place.turn_off("sandbox", &["argo-cd"]);
    let changes = place.changes("sandbox", &[]);
    assert!(changes.iter().all(|change| change.starts_with("delete kubernetes.")), "{changes:?}");
    up(&place);
    assert_settled(&place);
}

#[test]
fn a_saved_plan_is_carried_out_only_while_nothing_has_changed() {
    let place = Workplace::new();
    place.succeed(&["plan", "sandbox", "--save", "plan.json"]);
    place.edit("sandbox.toml", "10.10.0.0/16", "10.11.0.0/16");
    let refused = place.run(&["up", "sandbox", "--yes", "--plan", "plan.json"]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("aws.vpc.main"), "{}", refused.stderr);
    place.edit("sandbox.toml", "10.11.0.0/16", "10.10.0.0/16");
    place.succeed(&["up", "sandbox", "--yes", "--quiet", "--plan", "plan.json"]);
    assert_settled(&place);
}
