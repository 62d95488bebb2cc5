//! Routes for operators, on a separate listener: metrics, health, and accounts.

mod account;
mod metrics;

pub use metrics::Texts;

use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, web};
use countersign_engine::{Engine, FreeRoom};
use countersign_wire::error::ErrorBody;
use countersign_wire::paths::operator;
use countersign_wire::reason::Reason;
use serde::Serialize;
use serde_json::json;

use super::at;
use crate::problem::Problem;

/// Mounts the operators' routes.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(at(operator::METRICS).on(Method::GET, metrics::metrics))
        .service(at(operator::LIVE).on(Method::GET, live))
        .service(at(operator::READY).on(Method::GET, ready))
        .service(at(operator::ACCOUNT).on(Method::GET, account::show))
        .service(at(operator::RELEASE_HOLD).on(Method::POST, account::release_hold))
        .service(at(operator::DEVICE).on(Method::DELETE, account::revoke))
        .default_service(web::to(async || Err::<HttpResponse, _>(Problem::no_route())));
}

/// Mounts the health routes of a server that is still opening its store.
pub fn configure_opening(config: &mut ServiceConfig) {
    config
        .service(at(operator::LIVE).on(Method::GET, live))
        .service(at(operator::READY).on(Method::GET, opening))
        .default_service(web::to(async || Err::<HttpResponse, _>(Problem::no_route())));
}

/// Response of a server that is not ready.
#[derive(Serialize)]
struct NotReady {
    status: &'static str,
    #[serde(flatten)]
    refused: ErrorBody,
}

/// Responds with 200 while the process runs.
async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "live" }))
}

async fn opening() -> HttpResponse {
    let text = "the store is being opened; the log shows the progress of a conversion";
    not_ready(&Problem::new(Reason::NotReady, text))
}

fn not_ready(problem: &Problem) -> HttpResponse {
    let body = NotReady { status: "not ready", refused: problem.body() };
    HttpResponse::build(StatusCode::SERVICE_UNAVAILABLE).json(body)
}

/// Checks that requests can be served: the store accepts writes, and the server is neither
/// recovering nor stopping. The body also reports records that are not written yet, little free
/// space of the store, and rows that cannot be read. These do not make the server unready: an
/// unreadable row concerns only its own user.
async fn ready(engine: Data<Engine>) -> HttpResponse {
    if let Err(error) = engine.ready() {
        return not_ready(&Problem::from(error));
    }
    let mut answer = json!({ "status": "ready" });
    let unwritten = engine.unwritten();
    if unwritten.records > 0 {
        answer["unwritten"] = unwritten.records.into();
        let oldest = u64::try_from(unwritten.oldest.as_millis()).unwrap_or(u64::MAX);
        answer["oldestUnwrittenMs"] = oldest.into();
    }
    let mut warnings = Vec::new();
    if let FreeRoom { bytes: Some(bytes), is_low: true } = engine.free_room() {
        answer["storeRoomBytes"] = bytes.into();
        warnings.push("the store has little room left".to_owned());
    }
    let unreadable = engine.unreadable();
    if unreadable > 0 {
        warnings.push(format!("{unreadable} calls met a stored row that cannot be read"));
    }
    if !warnings.is_empty() {
        answer["warnings"] = warnings.into();
    }
    HttpResponse::Ok().json(answer)
}
