//! The mark of ownership: tags that tell which environment a resource belongs to and which name it has there.
//!
//! What does not carry our environment's tag is never changed or removed. Lists filter by it, so one request finds all
//! that is ours of a kind.

use std::collections::BTreeMap;

/// Tag with the environment's name.
pub const ENVIRONMENT: &str = "holodeck:environment";
/// Tag with the name that the resource has among those of its kind.
pub const NAME: &str = "holodeck:name";
/// The tag that the AWS console shows as name.
const DISPLAY_NAME: &str = "Name";

/// Tags of a resource beyond those that mark ownership.
pub type Tags = BTreeMap<String, String>;

/// Whom resources belong to: one environment.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The environment's name.
    pub environment: String,
}

impl Owner {
    /// All tags of the resource `name`: those that mark ownership, and its own.
    pub fn tags(&self, name: &str, own: &Tags) -> Tags {
        let mut tags = own.clone();
        tags.insert(ENVIRONMENT.to_owned(), self.environment.clone());
        tags.insert(NAME.to_owned(), name.to_owned());
        tags.entry(DISPLAY_NAME.to_owned()).or_insert_with(|| self.prefixed(name));
        tags
    }

    /// The physical name of the resource `name`: the environment's name, a hyphen, its own.
    pub fn prefixed(&self, name: &str) -> String {
        format!("{}-{name}", self.environment)
    }

    /// The name and the own tags of a resource with these tags, if it is ours.
    pub fn recognise<T: Tag>(&self, tags: &[T]) -> Option<(String, Tags)> {
        let mut tags: Tags = tags
            .iter()
            .filter_map(|tag| Some((tag.key_of()?.to_owned(), tag.value_of().unwrap_or_default().to_owned())))
            .filter(|(key, _)| !key.starts_with("aws:"))
            .collect();
        let environment = tags.remove(ENVIRONMENT)?;
        let name = tags.remove(NAME)?;
        if tags.get(DISPLAY_NAME) == Some(&self.prefixed(&name)) {
            tags.remove(DISPLAY_NAME);
        }
        (environment == self.environment).then_some((name, tags))
    }
}

/// Whether a tag is one of those that every resource gets a value of its own for.
pub fn is_reserved(key: &str) -> bool {
    key.starts_with("holodeck:") || key == DISPLAY_NAME
}

/// Those of the actual tags that are managed: others may add tags of their own, which we leave alone.
pub fn managed(desired: &Tags, actual: Tags) -> Tags {
    actual.into_iter().filter(|(key, _)| desired.contains_key(key)).collect()
}

/// A service's own type for a tag.
pub trait Tag {
    /// The tag's key.
    fn key_of(&self) -> Option<&str>;
    /// The tag's value.
    fn value_of(&self) -> Option<&str>;
}

/// A map's entry as a tag, for services that keep tags in maps.
impl Tag for (&String, &String) {
    fn key_of(&self) -> Option<&str> {
        Some(self.0)
    }

    fn value_of(&self) -> Option<&str> {
        Some(self.1)
    }
}

/// Tags whose key and value are optional in the SDK.
macro_rules! optional_tag {
    ($($tag:ty),+ $(,)?) => {$(
        impl Tag for $tag {
            fn key_of(&self) -> Option<&str> {
                self.key()
            }

            fn value_of(&self) -> Option<&str> {
                self.value()
            }
        }
    )+};
}

/// Tags whose key and value are required in the SDK.
macro_rules! required_tag {
    ($($tag:ty),+ $(,)?) => {$(
        impl Tag for $tag {
            fn key_of(&self) -> Option<&str> {
                Some(self.key())
            }

            fn value_of(&self) -> Option<&str> {
                Some(self.value())
            }
        }
    )+};
}

optional_tag!(
    aws_sdk_ec2::types::Tag,
    aws_sdk_rds::types::Tag,
    aws_sdk_route53::types::Tag,
    aws_sdk_secretsmanager::types::Tag,
    aws_sdk_autoscaling::types::TagDescription,
);
required_tag!(aws_sdk_iam::types::Tag, aws_sdk_s3::types::Tag);

impl Tag for aws_sdk_elasticloadbalancingv2::types::Tag {
    fn key_of(&self) -> Option<&str> {
        self.key()
    }

    fn value_of(&self) -> Option<&str> {
        self.value()
    }
}

impl Tag for aws_sdk_kms::types::Tag {
    fn key_of(&self) -> Option<&str> {
        Some(self.tag_key())
    }

    fn value_of(&self) -> Option<&str> {
        Some(self.tag_value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { environment: "staging".into() }
    }

    fn recognise(tags: &Tags) -> Option<(String, Tags)> {
        owner().recognise(&tags.iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_we_tag_we_recognise() {
        let own = Tags::from([("team".into(), "infra".into())]);
        assert_eq!(recognise(&owner().tags("main", &own)), Some(("main".into(), own)));
    }

    #[test]
    fn what_belongs_to_another_environment_or_to_nobody_is_not_ours() {
        let other = Owner { environment: "production".into() };
        assert_eq!(recognise(&other.tags("main", &Tags::new())), None);
        assert_eq!(recognise(&Tags::from([(DISPLAY_NAME.into(), "staging-main".into())])), None);
    }

    #[test]
    fn tags_that_others_added_are_not_managed() {
        let desired = Tags::from([("team".into(), "infra".into())]);
        let actual = Tags::from([("team".into(), "x".into()), ("cost-centre".into(), "7".into())]);
        assert_eq!(managed(&desired, actual), Tags::from([("team".into(), "x".into())]));
    }
}
