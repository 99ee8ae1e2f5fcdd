//! The AWS provider: the only part of the program that knows AWS.

pub mod settings;
