//! The routes: one file per verb, and here their one table.

pub mod client;
pub mod device;
mod endpoint;
pub mod ops;
pub mod pages;
pub mod server;
mod unsupported;

use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, guard};
use countersign_wire::paths::{self, device as device_paths};

use self::endpoint::{Endpoint, delete, get, nowhere, patch, post};
use crate::layer::observe::Series;

/// Mounts every public route under `/v1` and under `/`, and the pages under `/` alone.
pub fn configure(config: &mut ServiceConfig) {
    config.service(web::scope(paths::VERSION).configure(|config| table(config, paths::VERSION)));
    config.configure(|config| table(config, "")).configure(pages);
    config.default_service(web::to(nowhere));
}

/// `under` is where the table is mounted.
fn table(config: &mut ServiceConfig, under: &str) {
    let at = |path: &str| Endpoint::at(under, path);
    // Paths are tried in this order: those of a lifecycle first, and of them those without a name
    // in them, which take the least time to compare.
    devices(config, under, device_paths::BASE);
    config
        // Client API: Bearer.
        .service(at(paths::START_CHALLENGE).route(post().to(client::start_challenge)))
        .service(at(paths::VERIFY).route(post().to(client::verify)))
        // Server API: Basic with a secret.
        .service(at(paths::VALIDATE).route(post().to(server::validate)))
        .service(at(paths::TRACK).route(post().to(server::track)))
        // Client API.
        .service(at(paths::CANCEL).route(post().to(client::cancel)))
        .service(at(paths::WAIT).route(post().to(client::wait)))
        .service(at(paths::LEAVE).route(post().to(client::leave)))
        .service(at(paths::OWN_AUTHENTICATORS).route(get().to(client::list_authenticators)))
        .service(at(paths::REMOVE_OWN_AUTHENTICATOR).route(post().to(client::remove_authenticator)))
        .service(at(paths::NONCE).route(post().to(client::challenge)))
        // Server API.
        .service(
            at(paths::ACTION)
                .route(get().to(server::get_action))
                .route(patch().to(server::update_action)),
        )
        .service(at(paths::ACTIONS).route(get().to(server::query_actions)))
        .service(
            at(paths::AUTHENTICATORS)
                .route(get().to(server::list_authenticators))
                .route(post().to(unsupported::answer)),
        )
        .service(at(paths::AUTHENTICATOR).route(delete().to(server::delete_authenticator)))
        .service(unsupported(under, paths::SERVER_ENROLLMENT).guard(guard::Post()))
        .service(
            at(paths::USER)
                .route(get().to(server::get_user))
                .route(patch().to(server::update_user))
                .route(post().to(server::update_user))
                .route(delete().to(server::delete_user)),
        )
        .service(at(paths::USERS).route(get().to(server::query_users)));
    // The older name.
    devices(config, under, device_paths::OLD_BASE);
    for path in paths::UNSUPPORTED {
        config.service(unsupported(under, path));
    }
}

/// Pages for browsers. None of them needs to know its caller.
fn pages(config: &mut ServiceConfig) {
    config
        .service(at(paths::HOME).route(get().to(pages::home)))
        .service(at(paths::UI).route(get().to(pages::ui)))
        .service(at(paths::PHONE).route(get().to(pages::phone)))
        .service(at(paths::DEMO).route(get().to(pages::demo::demo)))
        .service(at(paths::DEMO_BACKEND).route(post().to(pages::demo::backend)))
        .service(at(paths::PAGES_WITH_SLASH).route(get().to(pages::without_slash)))
        .service(at(paths::BRAND).route(get().to(pages::brand)))
        .service(at(paths::FILES).route(get().to(pages::asset)));
}

/// Device API: Basic with the tenant's id; enrollment is Bearer, and so is making a ticket for it.
fn devices(config: &mut ServiceConfig, under: &str, base: &str) {
    let at = |path: &str| Endpoint::at(under, &format!("{base}{path}"));
    config
        .service(
            at(device_paths::CHALLENGE)
                .route(get().to(device::pending))
                .route(post().to(device::decide)),
        )
        .service(at(device_paths::READ_NONCE).route(post().to(device::nonce)))
        .service(
            at(device_paths::CREDENTIAL)
                .route(post().to(device::enroll))
                .route(get().to(device::credential))
                .route(patch().to(device::update)),
        )
        .service(at(device_paths::TICKET).route(post().to(device::ticket)))
        .service(at(device_paths::OPEN_TICKET).route(post().to(device::open_ticket)))
        .service(at(device_paths::SESSION_NONCE).route(post().to(device::session_nonce)))
        .service(at(device_paths::SESSION).route(post().to(device::session)))
        .service(at(device_paths::UPDATE_NONCE).route(post().to(device::update_nonce)))
        .service(at(device_paths::REMOVE).route(post().to(device::remove)));
}

fn at(path: &str) -> Endpoint {
    Endpoint::at("", path)
}

/// A path of another method, whatever the request's own.
fn unsupported(under: &str, path: &str) -> Resource {
    web::resource(path)
        .app_data(Series::of(format!("{under}{path}")))
        .default_service(web::to(unsupported::answer))
}
