//! Tests of the routes for the browser in which an action began.

mod cancel;
mod challenge;
mod leave;
mod list_authenticators;
mod remove_authenticator;
mod start_challenge;
mod verify;
mod wait;
