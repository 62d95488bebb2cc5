//! The routes: one file per verb, and here their one table.

pub mod client;
pub mod device;
pub mod ops;
pub mod pages;
pub mod server;
mod unsupported;

use actix_web::dev::HttpServiceFactory;
use actix_web::web::{self, ServiceConfig, get, patch, post};
use actix_web::{HttpResponse, Resource};

use crate::problem::Problem;

/// Mounts every public route under `/v1` and under `/`, and the pages under `/` alone.
pub fn configure(config: &mut ServiceConfig) {
    config.service(web::scope("/v1").configure(table));
    config.configure(table).configure(pages);
    config.default_service(web::to(async || {
        Err::<HttpResponse, _>(Problem::not_found("there is no such route"))
    }));
}

fn table(config: &mut ServiceConfig) {
    // Paths are tried in this order. Those without a name in them take the least time to compare.
    // Device API: Basic with the tenant's id; enrollment is Bearer. `device` is the older name.
    for base in ["/client/user-authenticators/push", "/client/user-authenticators/device"] {
        devices(config, base);
    }
    config
        // Client API: Bearer.
        .service(at("/client/challenge/push").route(post().to(client::start_challenge)))
        .service(at("/client/verify/push").route(post().to(client::verify)))
        .service(at("/client/cancel/push").route(post().to(client::cancel)))
        .service(at("/client/wait/push").route(post().to(client::wait)))
        .service(at("/client/user-authenticators").route(get().to(client::list_authenticators)))
        .service(
            at("/client/user-authenticators/remove").route(post().to(client::remove_authenticator)),
        )
        .service(at("/client/challenge").route(post().to(client::challenge)))
        // Server API: Basic with a secret.
        .service(at("/users/{user}/actions/{action}").route(post().to(server::track)))
        .service(
            at("/users/{user}/actions/{action}/{key}")
                .route(get().to(server::get_action))
                .route(patch().to(server::update_action)),
        )
        .service(at("/users/{user}/actions").route(get().to(server::query_actions)))
        .service(at("/validate").route(post().to(server::validate)))
        .service(
            at("/users/{user}/authenticators")
                .route(get().to(server::list_authenticators))
                .route(post().to(unsupported::answer)),
        )
        .service(
            at("/users/{user}/authenticators/{authenticator}")
                .route(web::delete().to(server::delete_authenticator)),
        )
        .service(unsupported("/users/authenticators"))
        .service(
            at("/users/{user}")
                .route(get().to(server::get_user))
                .route(patch().to(server::update_user))
                .route(post().to(server::update_user))
                .route(web::delete().to(server::delete_user)),
        )
        .service(at("/users").route(get().to(server::query_users)));
    for path in unsupported::PATHS {
        config.service(unsupported(path));
    }
}

/// What browsers show. None of it needs to know its caller.
fn pages(config: &mut ServiceConfig) {
    config
        .service(at("/").route(get().to(pages::home)))
        .service(at("/ui").route(get().to(pages::ui)))
        .service(at("/phone").route(get().to(pages::phone)))
        .service(at("/demo").route(get().to(pages::demo::demo)))
        .service(at("/demo/backend/{call}").route(post().to(pages::demo::backend)))
        .service(at("/brand/{tenant}").route(get().to(pages::brand)))
        .service(
            at("/{folder:sdk|shared|vendor|ui|phone|demo}/{file:.+}").route(get().to(pages::asset)),
        );
}

fn devices(config: &mut ServiceConfig, base: &str) {
    config
        .service(
            at(base)
                .route(post().to(device::enroll))
                .route(get().to(device::credential))
                .route(patch().to(device::update)),
        )
        .service(at(&format!("{base}/challenge/sign")).route(post().to(device::nonce)))
        .service(
            at(&format!("{base}/challenge"))
                .route(get().to(device::pending))
                .route(post().to(device::decide)),
        )
        .service(at(&format!("{base}/session/nonce")).route(post().to(device::session_nonce)))
        .service(at(&format!("{base}/session")).route(post().to(device::session)))
        .service(at(&format!("{base}/sign")).route(post().to(device::update_nonce)))
        .service(at(&format!("{base}/remove")).route(post().to(device::remove)));
}

/// A resource that refuses the methods it does not have.
fn at(path: &str) -> Resource {
    web::resource(path)
        .default_service(web::to(async || Err::<HttpResponse, _>(Problem::method_not_allowed())))
}

fn unsupported(path: &str) -> impl HttpServiceFactory + use<> {
    web::resource(path).default_service(web::to(unsupported::answer))
}
