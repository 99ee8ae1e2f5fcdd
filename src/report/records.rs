//! DNS records that others have to make, as lines to copy.

use holodeck_engine::{Snapshot, input};
use serde_json::Value;

use crate::provider::DnsRecord;
use crate::report::style::{HEADING, paint};

/// Prints them under a heading, if there are any.
pub fn print(records: &[DnsRecord], snapshot: &Snapshot) {
    let lines = lines(records, snapshot);
    if lines.is_empty() {
        return;
    }
    anstream::println!("{}", paint(HEADING, "DNS records to make elsewhere"));
    for line in lines {
        anstream::println!("  {line}");
    }
    anstream::println!();
}

/// One line a value: name, type and value. Values that are not known yet are left out.
pub fn lines(records: &[DnsRecord], snapshot: &Snapshot) -> Vec<String> {
    let line = |record: &DnsRecord, value: &Value| match value {
        Value::String(text) if !input::is_unresolved(value) => {
            Some(format!("{}  {}  {text}", record.name, record.kind))
        }
        _ => None,
    };
    let of_record = |record: &DnsRecord| {
        let values = input::resolve(&record.values, &|reference| snapshot.output(reference));
        let values = values.as_array().cloned().unwrap_or_else(|| vec![values]);
        values.iter().filter_map(|value| line(record, value)).collect::<Vec<_>>()
    };
    records.iter().flat_map(of_record).collect()
}
