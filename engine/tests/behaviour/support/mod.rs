//! A provider for tests: [`cloud`] is the world, [`kinds`] its resources, [`world`] runs the engine over both.

pub mod cloud;
pub mod kinds;
pub mod text;
pub mod world;
