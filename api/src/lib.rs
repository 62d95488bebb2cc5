//! The server: an HTTP API for [`countersign_engine::Engine`], its configuration and its command
//! line.

pub mod admission;
pub mod answer;
pub mod caller;
pub mod cli;
pub mod client_address;
pub mod config;
pub mod connection;
pub mod descriptors;
pub mod error;
pub mod layer;
pub mod leaves;
pub mod listeners;
pub mod long_poll;
pub mod operator;
pub mod problem;
pub mod request;
pub mod response_headers;
pub mod routes;
pub mod server;
pub mod setup;
pub mod state;
pub mod telemetry;
pub mod token;
