//! The server: an HTTP face over [`countersign_engine::Engine`], its configuration and its command
//! line.

pub mod admission;
pub mod around;
pub mod arrival;
pub mod body;
pub mod caller;
pub mod cli;
pub mod client_address;
pub mod config;
pub mod connection;
pub mod cors;
pub mod date;
pub mod descriptors;
pub mod ground;
pub mod hold;
pub mod leaves;
pub mod listeners;
pub mod observe;
pub mod operator;
pub mod path;
pub mod prefer;
pub mod problem;
pub mod query;
pub mod routes;
pub mod server;
pub mod state;
