//! Demo relying party: its page, and its backend of a small shop and bank. The backend calls the
//! server over HTTP with the demo tenant's secret, as any relying party would. The page displays
//! these calls. The demo is served if no tenant is configured, or with `--demo`.

use actix_web::http::header::{HOST, ORIGIN};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use countersign_client::{ClientError, RelyingParty};
use countersign_engine::system::Stopwatch;
use countersign_wire::paths;
use countersign_wire::reason::Reason;
use countersign_wire::secret::Secret;
use countersign_wire::track::TrackRequest;
use countersign_wire::validate::ValidateRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::asset::page;
use super::own::OwnOrigins;
use crate::problem::Problem;
use crate::request::body::Body;
use crate::request::path::Path;
use crate::state::AppState;

/// Maximum number of concurrent calls of the backend. A further one gets 503.
const CALLS_MAX: usize = 16;
/// Maximum of open files of the backend. A call may open a connection while an idle one exists.
pub const DESCRIPTORS: usize = 4 * CALLS_MAX;

/// The demo's backend.
pub struct Demo {
    party: RelyingParty,
    calls: Semaphore,
    own: OwnOrigins,
}

impl Demo {
    /// Creates a backend that calls the server at `base` with a secret. `base` ends with the API's
    /// version.
    ///
    /// # Errors
    /// [`ClientError`] if the HTTP client cannot be created.
    pub fn new(base: &Url, secret: &str) -> Result<Self, ClientError> {
        let party = RelyingParty::new(countersign_client::Http::new()?, base.as_str(), secret)?;
        Ok(Self { party, calls: Semaphore::new(CALLS_MAX), own: OwnOrigins::at(base) })
    }

    /// Takes a permit for one call of the backend.
    fn turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.calls.try_acquire().map_err(|_| Problem::overloaded())
    }
}

/// Request of the demo's page to its backend. It has no return URL for the pre-built UI, because a
/// caller who could choose one could make a page of this server lead to any site.
#[derive(Deserialize)]
pub struct Order {
    #[serde(default)]
    user: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    custom: Option<Value>,
}

/// Call of the backend, as the page displays it. It does not contain the secret.
#[derive(Serialize)]
struct Shown {
    method: &'static str,
    path: String,
    request: Value,
    status: u16,
    response: Value,
    milliseconds: f64,
}

/// Returns the demo's page.
///
/// # Errors
/// 404 if the demo is not served.
pub async fn demo(demo: Option<Data<Demo>>) -> Result<HttpResponse, Problem> {
    demo.map(|_| page("demo/index.html")).ok_or_else(absent)
}

/// Handles a request of the page: makes one call to the server, and returns the call and its
/// response.
///
/// # Errors
/// 404 if the demo is not served or the call is unknown; 403 for a page other than the demo's; 400
/// for a body that cannot be sent; 503 if too many calls are in flight.
pub async fn backend(
    request: HttpRequest,
    demo: Option<Data<Demo>>,
    Path(call): Path<String>,
    Body(order): Body<Order>,
) -> Result<HttpResponse, Problem> {
    let demo = demo.ok_or_else(absent)?;
    if !is_own_page(&request, &demo) {
        let told = "only the demo's own page may call its backend: open it at server.public_url";
        return Err(Problem::new(Reason::OriginNotAllowed, told));
    }
    let _turn = demo.turn()?;
    let watch = Stopwatch::start();
    let party = &demo.party;
    let (method, path, sent, answer) = match call.as_str() {
        "enroll" | "signIn" | "pay" => {
            let body = track_request(&request, order.custom)?;
            let answer = party.track(&order.user, &call, &body).await.map(|a| json!(a));
            ("POST", shown_path(paths::TRACK, &[&order.user, &call]), json!(body), answer)
        }
        "validate" => {
            let token = Some(Secret::new(order.token));
            let body = ValidateRequest { token, action: None, user_id: None };
            let answer = party.validate(&body).await.map(|a| json!(a));
            ("POST", shown_path(paths::VALIDATE, &[]), json!(body), answer)
        }
        "reset" => {
            let answer = party.delete_user(&order.user).await.map(|a| json!(a));
            ("DELETE", shown_path(paths::USER, &[&order.user]), Value::Null, answer)
        }
        _ => return Err(Problem::new(Reason::RouteNotFound, "the demo has no such call")),
    };
    let (status, response) = told(answer)?;
    let milliseconds = watch.seconds() * 1000.0;
    let shown = Shown { method, path, request: sent, status, response, milliseconds };
    Ok(HttpResponse::Ok().json(shown))
}

fn shown_path(path: &str, names: &[&str]) -> String {
    paths::VERSION.to_owned() + &paths::filled(path, names)
}

fn absent() -> Problem {
    Problem::new(Reason::RouteNotFound, "there is no demo here")
}

/// Returns true if a request comes from the demo's page, by headers that only browsers set.
fn is_own_page(request: &HttpRequest, demo: &Demo) -> bool {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let heads = text(ORIGIN).zip(text(HOST));
    let public_url = &AppState::of(request).public_url;
    heads.is_some_and(|(origin, host)| demo.own.sent(origin, host, public_url))
}

/// Builds the track request that the backend of a real shop would send, with the browser's address
/// and user agent.
fn track_request(request: &HttpRequest, custom: Option<Value>) -> Result<TrackRequest, Problem> {
    let unreadable = |_| Problem::new(Reason::FieldType, "custom: must be an object");
    let address = request.peer_addr().map(|peer| peer.ip().to_string());
    let agent = request.headers().get("user-agent").and_then(|value| value.to_str().ok());
    Ok(TrackRequest {
        ip_address: address,
        user_agent: agent.map(str::to_owned),
        custom: custom.map(serde_json::from_value).transpose().map_err(unreadable)?,
        ..TrackRequest::default()
    })
}

/// Returns the status and the body of a response, also of a refusal.
fn told(answer: Result<Value, ClientError>) -> Result<(u16, Value), Problem> {
    match answer {
        Ok(body) => Ok((200, body)),
        Err(ClientError::Refused { status, code, description, reason, .. }) => Ok((
            status,
            json!({ "errorCode": code, "errorDescription": description, "reason": reason }),
        )),
        Err(error) => Err(Problem::new(Reason::DemoCallFailed, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError as _;

    use super::*;

    #[test]
    fn one_call_too_many_at_once_is_refused_until_another_has_ended() {
        let nowhere = Url::parse("http://127.0.0.1:1/v1").unwrap();
        let demo = Demo::new(&nowhere, "a-secret-for-tests-only").unwrap();
        let mut turns: Vec<_> = (0..CALLS_MAX).map(|_| demo.turn().unwrap()).collect();
        let refused = demo.turn().unwrap_err();
        assert_eq!(refused.status_code(), 503);
        turns.pop();
        assert!(demo.turn().is_ok());
    }
}
