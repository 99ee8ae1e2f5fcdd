//! The laws of providers. A provider is ready for use when a [`Place`] of it keeps all of them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::Ran;

/// An environment on a provider, before anything of it exists.
pub trait Place {
    /// The environment's name.
    fn environment(&self) -> &'static str;

    /// Runs the command for the environment: `arguments` without its name.
    fn run(&self, arguments: &[&str]) -> Ran;

    /// Runs the command while changing requests that it makes go wrong, each told by its ordinal from 1.
    fn run_with(&self, troubles: &[(usize, Trouble)], arguments: &[&str]);

    /// Everything that exists, ours or not, by its name; without what changes by itself.
    fn dump(&self) -> BTreeMap<String, Value>;

    /// Things that somebody does by hand to what is ours, each with the changes that set it right.
    fn deeds(&self) -> Vec<Deed<'_>>;

    /// Makes something that has the name of one of ours, and is somebody else's.
    fn occupy(&self) -> Occupant;

    /// Removes it.
    fn vacate(&self);
}

/// What has the name of one of ours.
pub struct Occupant {
    /// The address of ours, or its end.
    pub address: &'static str,
    /// Its own name, as [`Place::dump`] has it.
    pub name: &'static str,
}

/// How a request goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// It is refused, and nothing is done.
    Fail,
    /// It is carried out, and its answer is lost.
    LoseAnswer,
    /// The process is killed before it is carried out.
    StopBefore,
    /// The process is killed after it was carried out.
    StopAfter,
}

/// How many changing requests at most a run of the command is expected to make.
const MOST_REQUESTS: usize = 400;

/// Something that somebody does by hand.
pub struct Deed<'a> {
    pub act: Box<dyn Fn() + 'a>,
    /// What a plan shows then, as `action address`.
    pub mended_by: Vec<&'static str>,
}

fn succeed(place: &dyn Place, arguments: &[&str]) -> Ran {
    place.run(arguments).succeeded(arguments)
}

/// What a plan changes, as `action address`, in order.
fn changes(place: &dyn Place, arguments: &[&str]) -> Vec<String> {
    let all = [&["plan"], arguments, &["--output", "json"]].concat();
    let mut changes = succeed(place, &all).changes();
    changes.sort();
    changes
}

/// From nothing to all that is described, which then stays as it is and is healthy; and back, to what was there before.
pub fn comes_up_and_goes_without_a_trace(place: &dyn Place) {
    let before = place.dump();
    assert_eq!(place.run(&["plan", "--detailed-exitcode"]).status, 2);
    let up = succeed(place, &["up", "--yes"]);
    assert!(up.stdout.contains(&format!("{} is up", place.environment())), "{}", up.stdout);

    let planned = place.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(planned.status, 0, "{}\n{}", planned.stdout, planned.stderr);
    let made = place.dump();
    let again = succeed(place, &["up", "--yes"]);
    assert!(again.stdout.contains("No changes"), "{}", again.stdout);
    assert_eq!(made, place.dump(), "a second run changes nothing");
    let status = succeed(place, &["status"]);
    assert!(status.stdout.contains("is healthy"), "{}", status.stdout);

    succeed(place, &["destroy", "--yes"]);
    assert_eq!(differences(&before, &place.dump()), [""; 0], "something is left, or gone that was not ours");
    assert_eq!(changes(place, &["--destroy"]), [""; 0]);
    assert_eq!(place.run(&["plan", "--detailed-exitcode"]).status, 2);
}

/// Names of what is in one of the two only, or not the same in both.
fn differences(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

/// What is done by hand is planned, exactly, and mended.
pub fn drift_is_planned_and_mended(place: &dyn Place) {
    succeed(place, &["up", "--yes", "--quiet"]);
    for Deed { act, mended_by } in place.deeds() {
        act();
        assert_eq!(changes(place, &[]), mended_by);
        succeed(place, &["up", "--yes", "--quiet"]);
        assert_eq!(changes(place, &[]), [""; 0]);
    }
}

/// What has the name of ours and is not is named, and neither changed nor removed.
pub fn what_is_not_ours_is_refused_and_left_alone(place: &dyn Place) {
    let Occupant { address, name } = place.occupy();
    let before = place.dump();
    let refused = place.run(&["up", "--yes"]);
    assert_eq!(refused.status, 1, "{}", refused.stdout);
    assert!(refused.stderr.contains(address), "{}", refused.stderr);
    assert!(before.contains_key(name), "{name} is not among {:?}", before.keys());
    assert_eq!(place.dump().get(name), before.get(name));
    place.run(&["destroy", "--yes", "--quiet"]);
    assert_eq!(differences(&before, &place.dump()), [""; 0]);
    place.vacate();
    succeed(place, &["up", "--yes", "--quiet"]);
    assert_eq!(changes(place, &[]), [""; 0]);
}

/// Both ways: the command, and the options of a plan of it.
const WAYS: [(&[&str], &[&str]); 2] =
    [(&["up", "--yes", "--quiet"], &[]), (&["destroy", "--yes", "--quiet"], &["--destroy"])];

/// However often requests fail or lose their answers, running again ends where an undisturbed run ends, with nothing
/// twice.
pub fn requests_that_go_wrong_are_survived(place: &dyn Place) {
    let before = place.dump();
    let troubles: Vec<(usize, Trouble)> = (1..MOST_REQUESTS)
        .filter_map(|nth| match nth % 3 {
            0 => Some((nth, Trouble::Fail)),
            1 => Some((nth, Trouble::LoseAnswer)),
            _ => None,
        })
        .collect();
    for (command, plan) in WAYS {
        place.run_with(&troubles, command);
        succeed(place, command);
        assert_eq!(changes(place, plan), [""; 0]);
    }
    assert_eq!(differences(&before, &place.dump()), [""; 0]);
}

/// A process that is killed at any of its requests is continued by the next one. Each run is killed at its first request,
/// so that one after the other is what it ends with. One request at a time: what becomes of others that are under way when
/// a process dies is up to the server.
pub fn a_killed_process_is_continued(place: &dyn Place) {
    let before = place.dump();
    for (command, plan) in WAYS {
        let mut left = changes(place, plan).len();
        assert_ne!(left, 0, "there is nothing to go wrong with");
        // What a resource needs beside its own making and removal are changes too, hence more runs than resources.
        for run in 0..3 * left {
            // Nothing comes of a run that is killed before its request, so few do.
            let trouble = if run % 10 == 0 { Trouble::StopBefore } else { Trouble::StopAfter };
            place.run_with(&[(1, trouble)], &[command, &["--parallelism", "1"]].concat());
            left = changes(place, plan).len();
            if left == 0 {
                break;
            }
        }
        succeed(place, command);
        assert_eq!(changes(place, plan), [""; 0]);
    }
    assert_eq!(differences(&before, &place.dump()), [""; 0]);
}
