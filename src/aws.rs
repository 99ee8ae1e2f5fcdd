//! The AWS provider: from `[provider]` with `kind = "aws"` to the resources of an account. One resource kind, one file.

pub mod address_plan;
pub mod answer;
pub mod changes;
pub mod client;
pub mod ec2_tags;
pub mod facts;
pub mod model;
pub mod owner;
pub mod settings;
pub mod vpc;
