//! The AWS provider: from `[provider]` with `kind = "aws"` to the resources of an account. One resource kind, one file.

pub mod access_entry;
pub mod address_plan;
pub mod answer;
pub mod bucket;
pub mod changes;
pub mod client;
pub mod ec2_tags;
pub mod eks_addon;
pub mod eks_api;
pub mod eks_cluster;
pub mod facts;
pub mod iam_role;
pub mod kept_in_tags;
pub mod kms_alias;
pub mod kms_key;
pub mod log_group;
pub mod model;
pub mod node_group;
pub mod owner;
pub mod pod_identity_association;
pub mod secret;
pub mod settings;
pub mod vpc;
