//! What operators call, on a listener of its own: metrics and health.

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig, get};
use actix_web::{HttpResponse, web};
use countersign_engine::Engine;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

use super::at;
use crate::problem::Problem;

/// Mounts the operators' routes.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(at("/metrics").route(get().to(metrics)))
        .service(at("/health/live").route(get().to(live)))
        .service(at("/health/ready").route(get().to(ready)))
        .default_service(web::to(async || {
            Err::<HttpResponse, _>(Problem::not_found("there is no such route"))
        }));
}

async fn metrics(handle: Data<PrometheusHandle>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(handle.render())
}

/// The process answers.
async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

/// Requests can be answered: the store records, and the server is not stopping.
async fn ready(engine: Data<Engine>) -> HttpResponse {
    match engine.ready() {
        Ok(()) => HttpResponse::Ok().json(json!({ "status": "ready" })),
        Err(error) => HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE)
            .json(json!({ "status": "not ready", "reason": error.to_string() })),
    }
}
