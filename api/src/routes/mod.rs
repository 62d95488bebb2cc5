//! Routes: one file for each subject, and the table of all paths.

pub mod client;
pub mod device;
mod endpoint;
pub mod ops;
pub mod pages;
pub mod server;
mod unsupported;

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Resource, guard};
use countersign_wire::paths::{self, device as device_paths};

use self::endpoint::{Endpoint, nowhere};
use crate::layer::observe::Series;

/// Mounts every public route under `/v1` and under `/`, and the pages only under `/`.
pub fn configure(config: &mut ServiceConfig) {
    config.service(web::scope(paths::VERSION).configure(|config| table(config, paths::VERSION)));
    config.configure(|config| table(config, "")).configure(pages);
    config.default_service(web::to(nowhere));
}

/// Mounts the API's routes under the prefix `under`.
fn table(config: &mut ServiceConfig, under: &str) {
    let at = |path: &str| Endpoint::at(under, path);
    // The router tries paths in this order. Routes that every sign-in uses come first, and among
    // them those without a name in the path, because these are the fastest to compare.
    devices(config, under, device_paths::BASE);
    config
        // Client API: Bearer.
        .service(at(paths::START_CHALLENGE).on(Method::POST, client::start_challenge))
        .service(at(paths::VERIFY).on(Method::POST, client::verify))
        // Server API: Basic with a secret.
        .service(at(paths::VALIDATE).on(Method::POST, server::validate))
        .service(at(paths::TRACK).on(Method::POST, server::track))
        // Client API.
        .service(at(paths::CANCEL).on(Method::POST, client::cancel))
        .service(at(paths::WAIT).on(Method::POST, client::wait))
        .service(at(paths::LEAVE).on(Method::POST, client::leave))
        .service(at(paths::OWN_AUTHENTICATORS).on(Method::GET, client::list_authenticators))
        .service(at(paths::REMOVE_OWN_AUTHENTICATOR).on(Method::POST, client::remove_authenticator))
        .service(at(paths::NONCE).on(Method::POST, client::challenge))
        // Server API.
        .service(
            at(paths::ACTION)
                .on(Method::GET, server::get_action)
                .on(Method::PATCH, server::update_action),
        )
        .service(at(paths::ACTIONS).on(Method::GET, server::query_actions))
        .service(
            at(paths::AUTHENTICATORS)
                .on(Method::GET, server::list_authenticators)
                .on(Method::POST, unsupported::answer),
        )
        .service(at(paths::AUTHENTICATOR).on(Method::DELETE, server::delete_authenticator))
        .service(unsupported(under, paths::SERVER_ENROLLMENT).guard(guard::Post()))
        .service(
            at(paths::USER)
                .on(Method::GET, server::get_user)
                .on(Method::PATCH, server::update_user)
                .on(Method::POST, server::update_user)
                .on(Method::DELETE, server::delete_user),
        )
        .service(at(paths::USERS).on(Method::GET, server::query_users));
    // The older name of the Device API's base path.
    devices(config, under, device_paths::OLD_BASE);
    for path in paths::UNSUPPORTED {
        config.service(unsupported(under, path));
    }
}

/// Mounts the pages for browsers. No page identifies its caller.
fn pages(config: &mut ServiceConfig) {
    config
        .service(at(paths::HOME).on(Method::GET, pages::home))
        .service(at(paths::UI).on(Method::GET, pages::ui))
        .service(at(paths::PHONE).on(Method::GET, pages::phone))
        .service(at(paths::DEMO).on(Method::GET, pages::demo::demo))
        .service(at(paths::DEMO_BACKEND).on(Method::POST, pages::demo::backend))
        .service(at(paths::PAGES_WITH_SLASH).on(Method::GET, pages::without_slash))
        .service(at(paths::BRAND).on(Method::GET, pages::brand))
        .service(at(paths::FILES).on(Method::GET, pages::asset));
}

/// Mounts the Device API: Basic with the tenant's id. Enrollment and tickets use Bearer.
fn devices(config: &mut ServiceConfig, under: &str, base: &str) {
    let at = |path: &str| Endpoint::at(under, &format!("{base}{path}"));
    config
        .service(
            at(device_paths::CHALLENGE)
                .on(Method::GET, device::pending)
                .on(Method::POST, device::decide),
        )
        .service(at(device_paths::READ_NONCE).on(Method::POST, device::nonce))
        .service(
            at(device_paths::CREDENTIAL)
                .on(Method::POST, device::enroll)
                .on(Method::GET, device::credential)
                .on(Method::PATCH, device::update),
        )
        .service(at(device_paths::TICKET).on(Method::POST, device::ticket))
        .service(at(device_paths::OPEN_TICKET).on(Method::POST, device::open_ticket))
        .service(at(device_paths::SESSION_NONCE).on(Method::POST, device::session_nonce))
        .service(at(device_paths::SESSION).on(Method::POST, device::session))
        .service(at(device_paths::UPDATE_NONCE).on(Method::POST, device::update_nonce))
        .service(at(device_paths::REMOVE).on(Method::POST, device::remove));
}

fn at(path: &str) -> Endpoint {
    Endpoint::at("", path)
}

/// Creates the resource of a verification method that this server does not support. It responds to
/// every HTTP method.
fn unsupported(under: &str, path: &str) -> Resource {
    web::resource(path)
        .app_data(Series::of(format!("{under}{path}")))
        .default_service(web::to(unsupported::answer))
}
