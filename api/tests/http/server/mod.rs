//! Tests of the routes for a relying party's backend.

mod authenticators;
mod get_action;
mod query_actions;
mod query_users;
mod track;
mod update_action;
mod users;
mod validate;
