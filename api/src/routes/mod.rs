//! The routes: one file per verb, and here their one table.

pub mod client;
pub mod device;
pub mod ops;
pub mod pages;
mod place;
pub mod server;
mod unsupported;

use actix_web::dev::HttpServiceFactory;
use actix_web::guard;
use actix_web::web::{self, ServiceConfig};

use self::place::{Place, delete, get, nowhere, patch, post};
use crate::observe::Series;

/// Mounts every public route under `/v1` and under `/`, and the pages under `/` alone.
pub fn configure(config: &mut ServiceConfig) {
    config.service(web::scope("/v1").configure(|config| table(config, "/v1")));
    config.configure(|config| table(config, "")).configure(pages);
    config.default_service(web::to(nowhere));
}

/// `under` is where the table is mounted.
fn table(config: &mut ServiceConfig, under: &str) {
    let at = |path: &str| Place::at(under, path);
    // Paths are tried in this order: those of a lifecycle first, and of them those without a name
    // in them, which take the least time to compare.
    devices(config, under, "/client/user-authenticators/push");
    config
        // Client API: Bearer.
        .service(at("/client/challenge/push").route(post().to(client::start_challenge)))
        .service(at("/client/verify/push").route(post().to(client::verify)))
        // Server API: Basic with a secret.
        .service(at("/validate").route(post().to(server::validate)))
        .service(at("/users/{user}/actions/{action}").route(post().to(server::track)))
        // Client API.
        .service(at("/client/cancel/push").route(post().to(client::cancel)))
        .service(at("/client/wait/push").route(post().to(client::wait)))
        .service(at("/client/leave/push").route(post().to(client::leave)))
        .service(at("/client/user-authenticators").route(get().to(client::list_authenticators)))
        .service(
            at("/client/user-authenticators/remove").route(post().to(client::remove_authenticator)),
        )
        .service(at("/client/challenge").route(post().to(client::challenge)))
        // Server API.
        .service(
            at("/users/{user}/actions/{action}/{key}")
                .route(get().to(server::get_action))
                .route(patch().to(server::update_action)),
        )
        .service(at("/users/{user}/actions").route(get().to(server::query_actions)))
        .service(
            at("/users/{user}/authenticators")
                .route(get().to(server::list_authenticators))
                .route(post().to(unsupported::answer)),
        )
        .service(
            at("/users/{user}/authenticators/{authenticator}")
                .route(delete().to(server::delete_authenticator)),
        )
        // An SDK enrolls by it. Every other method is about a user of that name.
        .service(unsupported_post(under, "/users/authenticators"))
        .service(
            at("/users/{user}")
                .route(get().to(server::get_user))
                .route(patch().to(server::update_user))
                .route(post().to(server::update_user))
                .route(delete().to(server::delete_user)),
        )
        .service(at("/users").route(get().to(server::query_users)));
    // The older name.
    devices(config, under, "/client/user-authenticators/device");
    for path in unsupported::PATHS {
        config.service(unsupported(under, path));
    }
}

/// Pages for browsers. None of them needs to know its caller.
fn pages(config: &mut ServiceConfig) {
    config
        .service(at("/").route(get().to(pages::home)))
        .service(at("/ui").route(get().to(pages::ui)))
        .service(at("/phone").route(get().to(pages::phone)))
        .service(at("/demo").route(get().to(pages::demo::demo)))
        .service(at("/demo/backend/{call}").route(post().to(pages::demo::backend)))
        .service(at("/{page:ui|phone|demo}/").route(get().to(pages::without_slash)))
        .service(at("/brand/{tenant}").route(get().to(pages::brand)))
        .service(
            at("/{folder:sdk|shared|vendor|ui|phone|demo}/{file:.+}").route(get().to(pages::asset)),
        );
}

/// Device API: Basic with the tenant's id; enrollment is Bearer, and so is making a ticket for it.
fn devices(config: &mut ServiceConfig, under: &str, base: &str) {
    let at = |path: &str| Place::at(under, &format!("{base}{path}"));
    config
        .service(at("/challenge").route(get().to(device::pending)).route(post().to(device::decide)))
        .service(at("/challenge/sign").route(post().to(device::nonce)))
        .service(
            at("")
                .route(post().to(device::enroll))
                .route(get().to(device::credential))
                .route(patch().to(device::update)),
        )
        .service(at("/ticket").route(post().to(device::ticket)))
        .service(at("/ticket/open").route(post().to(device::open_ticket)))
        .service(at("/session/nonce").route(post().to(device::session_nonce)))
        .service(at("/session").route(post().to(device::session)))
        .service(at("/sign").route(post().to(device::update_nonce)))
        .service(at("/remove").route(post().to(device::remove)));
}

fn at(path: &str) -> Place {
    Place::at("", path)
}

fn unsupported_post(under: &str, path: &str) -> impl HttpServiceFactory + use<> {
    web::resource(path)
        .guard(guard::Post())
        .app_data(Series::of(format!("{under}{path}")))
        .default_service(web::to(unsupported::answer))
}

fn unsupported(under: &str, path: &str) -> impl HttpServiceFactory + use<> {
    web::resource(path)
        .app_data(Series::of(format!("{under}{path}")))
        .default_service(web::to(unsupported::answer))
}
