//! Projections in isolation; what the server really answers is tested through the engine.

use serde_json::{Value, json};

use super::project;

/// A live object with what we own of it.
fn owned(mut live: Value, ours: Value, others: Value) -> Value {
    live["metadata"] = json!({
        "name": "a", "resourceVersion": "7", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [
            {"manager": "holodeck-bootstrap", "operation": "Apply", "fieldsV1": ours},
            {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": others},
            {"manager": "holodeck-bootstrap", "operation": "Update", "fieldsV1": {"f:status": {}}},
        ],
    });
    live
}

fn spec(desired: Value, live: Value, ours: Value, others: Value) -> Value {
    let live =
        owned(json!({"spec": live, "status": {"x": 1}}), json!({"f:spec": ours}), json!({"f:spec": others}));
    project(&json!({"spec": desired}), &live)["spec"].clone()
}

#[test]
fn bookkeeping_and_status_are_left_out() {
    let live =
        owned(json!({"spec": {"a": 1}, "status": {"b": 2}}), json!({"f:spec": {"f:a": {}}}), json!({}));
    let desired = json!({"metadata": {"name": "a"}, "spec": {"a": 2}});
    assert_eq!(project(&desired, &live), json!({"metadata": {"name": "a"}, "spec": {"a": 1}}));
}

#[test]
fn of_fields_that_are_not_desired_ours_remain() {
    assert_eq!(
        spec(
            json!({"a": 1}),
            json!({"a": 1, "ours": 2, "theirs": 3, "mixed": {"x": 1, "y": 2}}),
            json!({"f:a": {}, "f:ours": {}, "f:mixed": {"f:x": {}}}),
            json!({"f:theirs": {}, "f:mixed": {"f:y": {}}}),
        ),
        json!({"a": 1, "ours": 2, "mixed": {"x": 1}})
    );
}

#[test]
fn items_stand_where_the_manifest_has_them() {
    let ours = json!({"f:containers": {
        "k:{\"name\":\"a\"}": {".": {}, "f:image": {}, "f:name": {}},
        "k:{\"name\":\"c\"}": {".": {}, "f:image": {}, "f:name": {}},
    }});
    let others = json!({"f:containers": {"k:{\"name\":\"injected\"}": {".": {}, "f:name": {}}}});
    let live = json!({"containers": [
        {"name": "injected"}, {"name": "c", "image": "3"}, {"name": "a", "image": "1", "defaulted": true},
    ]});
    let desired = json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]});
    assert_eq!(
        spec(desired, live, ours, others),
        json!({"containers": [{"name": "a", "image": "1"}, {}, {"name": "c", "image": "3"}]})
    );
}

#[test]
fn a_key_may_be_filled_in_by_the_server() {
    let ours = json!({"f:ports": {"k:{\"port\":53,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}});
    let live = json!({"ports": [{"port": 53, "protocol": "TCP", "targetPort": 53}]});
    let desired = json!({"ports": [{"port": 53}]});
    assert_eq!(spec(desired.clone(), live, ours, json!({})), desired);
}

#[test]
fn sets_have_no_order_and_may_have_more() {
    let ours = json!({"f:names": {"v:\"a\"": {}, "v:\"b\"": {}, "v:\"old\"": {}}});
    let others = json!({"f:names": {"v:\"theirs\"": {}}});
    let live = json!({"names": ["theirs", "b", "old", "a"]});
    assert_eq!(
        spec(json!({"names": ["a", "b", "c"]}), live, ours, others),
        json!({"names": ["a", "b", "old"]})
    );
}

#[test]
fn atomic_fields_are_ours_altogether_except_for_defaults() {
    for (desired, live, expected) in [
        (json!([{"port": 80}]), json!([{"port": 80, "protocol": "TCP"}]), json!([{"port": 80}])),
        (json!([{"port": 80}]), json!([{"port": 80, "endPort": 90}]), json!([{"port": 80, "endPort": 90}])),
        (json!(["a"]), json!(["a", "b"]), json!(["a", "b"])),
        (json!({"x": "1"}), json!({"x": "1", "y": "2"}), json!({"x": "1", "y": "2"})),
        (
            json!([{"fieldRef": {"fieldPath": "f"}}]),
            json!([{"fieldRef": {"fieldPath": "f", "apiVersion": "v1"}}]),
            json!([{"fieldRef": {"fieldPath": "f"}}]),
        ),
    ] {
        let projected = spec(json!({"a": desired}), json!({"a": live}), json!({"f:a": {}}), json!({}));
        assert_eq!(projected, json!({"a": expected}));
    }
}

#[test]
fn values_that_mean_the_same_appear_as_they_were_sent() {
    let same = [
        (
            "resources",
            json!({"limits": {"cpu": "1000m", "memory": "1024Mi"}}),
            json!({"limits": {"cpu": "1", "memory": "1Gi"}}),
        ),
        ("resources", json!({"requests": {"cpu": 1}}), json!({"requests": {"cpu": "1"}})),
        ("targetPort", json!("80"), json!(80)),
        ("sizeLimit", json!("0.5Gi"), json!("512Mi")),
        ("number", json!(1.0), json!(1)),
        ("absentZero", json!(false), Value::Null),
        ("absentText", json!(""), Value::Null),
    ];
    for (field, desired, live) in same {
        let projected = spec(json!({field: desired}), json!({field: live}), json!({}), json!({}));
        assert_eq!(projected, json!({field: desired}));
    }
    let other = [
        ("label", json!("1000m"), json!("1")),
        ("resources", json!({"limits": {"cpu": "1"}}), json!({"limits": {"cpu": "2"}})),
        ("flag", json!(false), json!(true)),
    ];
    for (field, desired, live) in other {
        let projected = spec(json!({field: desired}), json!({field: live}), json!({}), json!({}));
        assert_eq!(projected, json!({field: live}));
    }
}
