//! Tests of the routes for the app that holds a key.

mod credential;
mod decide;
mod dialects;
mod enroll;
mod library;
mod nonce;
mod pending;
mod raising;
mod remove;
mod session;
mod shown;
mod statements;
mod tickets;
mod update;
