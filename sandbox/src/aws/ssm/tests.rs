//! The simulated Parameter Store as a caller of the SDK sees it.

use aws_sdk_ssm::types::{ParameterStringFilter, ParameterType, ResourceTypeForTagging, Tag};

use crate::aws::testing::{account, code};

#[tokio::test(start_paused = true)]
async fn a_name_is_created_by_one_request_only() {
    let ssm = account().ssm();
    let put =
        |value: &str| ssm.put_parameter().name("/holodeck/lock").r#type(ParameterType::String).value(value);
    assert_eq!(put("one").send().await.unwrap().version(), 1);
    let again = put("two").send().await;
    assert!(again.unwrap_err().into_service_error().is_parameter_already_exists());
    assert_eq!(code(put("two").overwrite(false).send().await), "ParameterAlreadyExists");
    assert_eq!(put("two").overwrite(true).send().await.unwrap().version(), 2);
    let value = |name: &'static str| {
        let read = ssm.get_parameter().name(name).send();
        async move { read.await.unwrap().parameter().unwrap().value().unwrap().to_owned() }
    };
    assert_eq!(value("/holodeck/lock").await, "two");
    assert_eq!(value("/holodeck/lock:1").await, "one");
    ssm.delete_parameter().name("/holodeck/lock").send().await.unwrap();
    assert_eq!(code(ssm.delete_parameter().name("/holodeck/lock").send().await), "ParameterNotFound");
    assert_eq!(code(ssm.get_parameter().name("/holodeck/lock").send().await), "ParameterNotFound");
    put("three").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn wrong_requests_are_refused() {
    let ssm = account().ssm();
    let put = |name: &str| ssm.put_parameter().name(name).value("x");
    for name in ["/aws/mine", "ssm-mine", "a/b", "/a b"] {
        let answer = code(put(name).r#type(ParameterType::String).send().await);
        assert_eq!(answer, "ValidationException", "{name}");
    }
    assert_eq!(code(put("/a").send().await), "ValidationException");
    let tag = Tag::builder().key("k").value("v").build().unwrap();
    let both = put("/a").r#type(ParameterType::String).overwrite(true).tags(tag).send().await;
    assert_eq!(code(both), "ValidationException");
}

#[tokio::test(start_paused = true)]
async fn a_secure_string_reads_only_with_decryption() {
    let aws = account();
    let (ssm, kms) = (aws.ssm(), aws.kms());
    let key = kms.create_key().send().await.unwrap().key_metadata().unwrap().key_id().to_owned();
    let put = ssm.put_parameter().name("/p").r#type(ParameterType::SecureString).key_id(&key).value("secret");
    put.send().await.unwrap();
    let read = |decrypt| ssm.get_parameter().name("/p").with_decryption(decrypt).send();
    assert_ne!(read(false).await.unwrap().parameter().unwrap().value(), Some("secret"));
    assert_eq!(read(true).await.unwrap().parameter().unwrap().value(), Some("secret"));
    kms.disable_key().key_id(&key).send().await.unwrap();
    assert_eq!(code(read(true).await), "InvalidKeyId");
}

#[tokio::test(start_paused = true)]
async fn descriptions_filter_by_name_path_and_tag() {
    let ssm = account().ssm();
    for (name, owner) in [("/holodeck/a", "x"), ("/holodeck/deep/b", "y"), ("/other", "x")] {
        let tag = Tag::builder().key("owner").value(owner).build().unwrap();
        ssm.put_parameter()
            .name(name)
            .r#type(ParameterType::String)
            .value("v")
            .tags(tag)
            .send()
            .await
            .unwrap();
    }
    let names = |key: &str, option: Option<&str>, value: &str| {
        let filter =
            ParameterStringFilter::builder().key(key).set_option(option.map(str::to_owned)).values(value);
        let described = ssm.describe_parameters().parameter_filters(filter.build().unwrap()).send();
        async move {
            let described = described.await.unwrap();
            described.parameters().iter().filter_map(|parameter| parameter.name.clone()).collect::<Vec<_>>()
        }
    };
    assert_eq!(names("Name", Some("BeginsWith"), "/holodeck").await, ["/holodeck/a", "/holodeck/deep/b"]);
    assert_eq!(names("Path", None, "/holodeck").await, ["/holodeck/a"]);
    assert_eq!(names("tag:owner", None, "x").await, ["/holodeck/a", "/other"]);
    let unknown = ParameterStringFilter::builder().key("Colour").values("red").build().unwrap();
    let described = ssm.describe_parameters().parameter_filters(unknown).send().await;
    assert_eq!(code(described), "InvalidFilterKey");
    let by_path = ssm.get_parameters_by_path().path("/holodeck").recursive(true).send().await.unwrap();
    assert_eq!(by_path.parameters().len(), 2);
    assert_eq!(code(ssm.describe_parameters().next_token("nonsense").send().await), "InvalidNextToken");
}

#[tokio::test(start_paused = true)]
async fn tags_go_with_their_parameter() {
    let ssm = account().ssm();
    let kind = ResourceTypeForTagging::Parameter;
    let put = || ssm.put_parameter().name("/p").r#type(ParameterType::String).value("v").send();
    let tags = || ssm.list_tags_for_resource().resource_type(kind.clone()).resource_id("/p").send();
    put().await.unwrap();
    let tag = Tag::builder().key("k").value("v").build().unwrap();
    let add = ssm.add_tags_to_resource().resource_type(kind.clone()).resource_id("/p").tags(tag.clone());
    add.send().await.unwrap();
    assert_eq!(tags().await.unwrap().tag_list(), [tag]);
    ssm.delete_parameter().name("/p").send().await.unwrap();
    assert_eq!(code(tags().await), "InvalidResourceId");
    put().await.unwrap();
    assert!(tags().await.unwrap().tag_list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_public_parameters_of_node_images_exist() {
    let ssm = account().ssm();
    let standard = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended";
    let image = format!("{standard}/image_id");
    let release = format!("{standard}/release_version");
    let bottlerocket = "/aws/service/bottlerocket/aws-k8s-1.35/arm64/latest/image_id";
    let unknown =
        "/aws/service/eks/optimized-ami/1.12/amazon-linux-2023/x86_64/standard/recommended/image_id";
    let read = ssm.get_parameters().names(&image).names(release).names(bottlerocket).names(unknown);
    let read = read.send().await.unwrap();
    let values: Vec<_> = read.parameters().iter().filter_map(|parameter| parameter.value()).collect();
    assert!(values[0].starts_with("ami-") && values[0].len() == 21);
    assert!(values[1].starts_with("1.35."));
    assert!(values[2].starts_with("ami-") && values[2] != values[0]);
    assert_eq!(read.invalid_parameters(), [unknown]);
    let overwritten = ssm.put_parameter().name(image).r#type(ParameterType::String).value("x").send().await;
    assert_eq!(code(overwritten), "ValidationException");
}
