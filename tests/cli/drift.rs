//! Changes made by hand behind the command's back: each is planned, and mended.

use std::sync::Arc;

use holodeck_sandbox::fault::Faults;
use holodeck_sandbox::{Options, Sandbox};

use crate::support::Workplace;

/// The world that the commands have left behind, opened as somebody else would.
fn world(place: &Workplace) -> Sandbox {
    let options = Options {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        start: "2026-01-01T00:00:00Z".parse().unwrap(),
        speed: 1.0,
        faults: Faults::default(),
        on_stop: Arc::new(|| ()),
    };
    Sandbox::open(&place.path().join(".holodeck/sandbox/sandbox"), options).unwrap()
}

fn ec2(world: &Sandbox) -> aws_sdk_ec2::Client {
    let aws = world.aws();
    let config = aws_sdk_ec2::config::Builder::from(&aws.sdk_config()).interceptor(aws.interceptor()).build();
    aws_sdk_ec2::Client::from_conf(config)
}

fn mended(place: &Workplace, changes: &[&str]) {
    assert_eq!(place.changes("sandbox", &[]), changes);
    place.succeed(&["up", "sandbox", "--yes", "--quiet"]);
    assert_eq!(place.changes("sandbox", &[]), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_changed_attribute_is_set_back() {
    let place = Workplace::new();
    place.succeed(&["up", "sandbox", "--yes", "--quiet"]);
    {
        let world = world(&place);
        let ec2 = ec2(&world);
        let vpcs = ec2.describe_vpcs().send().await.unwrap().vpcs.unwrap();
        let ours = vpcs.iter().find(|vpc| vpc.cidr_block() == Some("10.10.0.0/16")).unwrap();
        let off = aws_sdk_ec2::types::AttributeBooleanValue::builder().value(false).build();
        let request = ec2.modify_vpc_attribute().vpc_id(ours.vpc_id().unwrap());
        request.enable_dns_hostnames(off).send().await.unwrap();
    }
    mended(&place, &["update aws.vpc.main"]);
}

#[tokio::test(start_paused = true)]
async fn a_tag_of_somebody_else_is_left_alone() {
    let place = Workplace::new();
    place.succeed(&["up", "sandbox", "--yes", "--quiet"]);
    {
        let world = world(&place);
        let ec2 = ec2(&world);
        let vpcs = ec2.describe_vpcs().send().await.unwrap().vpcs.unwrap();
        let ours = vpcs.iter().find(|vpc| vpc.cidr_block() == Some("10.10.0.0/16")).unwrap();
        let tag = aws_sdk_ec2::types::Tag::builder().key("cost-centre").value("7").build();
        ec2.create_tags().resources(ours.vpc_id().unwrap()).tags(tag).send().await.unwrap();
    }
    mended(&place, &[]);
}
