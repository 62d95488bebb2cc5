//! The webhook: tells a relying party about a created challenge, by one signed POST, and about
//! events.
//!
//! It answers whether the relying party accepted, and repeats no call. A call that is repeated has
//! the same id and body, and a signature of its own moment. It reads nothing of an answer beyond
//! the status, and follows no redirect.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::Issued;
use countersign_core::challenge::Challenge;
use countersign_core::event::Event;
use countersign_core::id::{AccountKey, EventId, TenantId};
use countersign_core::time::UnixMillis;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue, InvalidHeaderValue, USER_AGENT};
use hyper::{Request, Uri};
use metrics::{counter, histogram};
use url::Url;

use super::calls::Calls;
use super::client::Client;
use super::connecting::Call;
use super::failure::Failure;
use super::gated::Gated;
use super::host_policy::{HostPolicy, InvalidTarget};
use super::message::{Data, Envelope, PUSH_CREATED, iso_time, signature_header};
use super::resolver::{CheckedResolver, Lookup, system_lookup};
use crate::ports::delivery::{DeliveryError, DeliveryResult, Offering};
use crate::ports::{Clock, Delivery, Later};
use crate::secret::Secret;
use crate::system::Stopwatch;
use crate::telemetry;

/// The longest that one call may take in all: look-up, connection, request and answer. Connecting
/// that goes on in the background takes no longer either.
pub const WEBHOOK_DEADLINE_MS: u64 = 5_000;

const OUR_NAME: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

const SIGNATURE_HEADER: &str = "X-Signature-V2";

/// Target and identity of a webhook.
pub struct WebhookSettings {
    /// The tenant whose challenges it tells about.
    pub tenant: TenantId,
    /// The target.
    pub url: Url,
    /// Hosts that may be called whatever their address, and without encryption.
    pub allow_hosts: Vec<String>,
    /// The active secrets, at least one; each of them signs.
    pub secrets: Vec<Secret>,
    /// This server's name for itself in the envelope.
    pub source: String,
    /// Tells the time of a signature.
    pub clock: Arc<dyn Clock>,
    /// Bound of concurrent calls, of this tenant and of all.
    pub calls: Calls,
}

/// Why a webhook cannot be set up, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The HTTP client cannot be made.
    #[error(
        "the webhook's HTTP client cannot be made, are the system's CA certificates installed? {0}"
    )]
    Client(#[source] rustls::Error),
    /// The tenant has no secret to sign with.
    #[error("a webhook needs at least one secret key to sign with")]
    NoSecret,
    /// The URL or the allowed hosts are refused.
    #[error(transparent)]
    Target(#[from] InvalidTarget),
    /// The URL cannot be asked for.
    #[error("webhook_url is too long, or has a character that no request can")]
    Url,
}

/// The webhook of one tenant. Cheap to clone.
#[derive(Clone)]
pub struct Webhook {
    settings: Arc<WebhookSettings>,
    uri: Uri,
    policy: Arc<HostPolicy>,
    client: Client,
    deadline: Duration,
}

impl Webhook {
    /// A webhook that finds its host as the operating system does.
    ///
    /// # Errors
    /// [`WebhookError`] if it could never be called, or not be signed.
    pub fn new(settings: WebhookSettings) -> Result<Self, WebhookError> {
        Self::with_lookup(settings, system_lookup())
    }

    /// A webhook that finds its host by `lookup`. The policy holds it all the same.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_lookup(settings: WebhookSettings, lookup: Lookup) -> Result<Self, WebhookError> {
        if settings.secrets.is_empty() {
            return Err(WebhookError::NoSecret);
        }
        let policy = Arc::new(HostPolicy::new(&settings.allow_hosts)?);
        policy.check_url(&settings.url)?;
        let uri = settings.url.as_str().parse().map_err(|_| WebhookError::Url)?;
        let resolver = CheckedResolver {
            policy: Arc::clone(&policy),
            lookup,
            lookups: settings.calls.lookups(),
        };
        let client =
            Client::new(resolver, settings.calls.idle_max).map_err(WebhookError::Client)?;
        let deadline = Duration::from_millis(WEBHOOK_DEADLINE_MS);
        Ok(Self { settings: settings.into(), uri, policy, client, deadline })
    }

    /// Sets another deadline than [`WEBHOOK_DEADLINE_MS`].
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The body that tells of an event which happened to an account of the tenant.
    fn body(
        &self,
        id: &EventId,
        account: &AccountKey,
        at: UnixMillis,
        kind: &'static str,
        data: Data<'_>,
    ) -> Result<String, Failure> {
        let WebhookSettings { tenant, source, clock, .. } = &*self.settings;
        if account.tenant != *tenant {
            return Err(Failure::Internal("it belongs to another tenant"));
        }
        let envelope = Envelope {
            version: 1,
            id: id.as_str(),
            source,
            time: iso_time(clock.on_wall(at))
                .ok_or(Failure::Internal("the clock is out of range"))?,
            tenant_id: tenant.as_str(),
            kind,
            data,
        };
        Ok(serde_json::to_string(&envelope).expect("an envelope is text only"))
    }

    /// A request with that body, signed at this moment. The body is sent after `gate`, where there
    /// is one.
    fn request(&self, body: String, gate: Option<Offering>) -> Result<Request<Gated>, Failure> {
        let WebhookSettings { url, secrets, clock, .. } = &*self.settings;
        // The resolver never sees a host that is an address, so that it is judged here.
        self.policy.check_url(url).map_err(|_| Failure::Blocked)?;
        let signature: Result<HeaderValue, InvalidHeaderValue> =
            signature_header(secrets, clock.wall().seconds(), &body).try_into();
        let mut signature = signature.expect("digits, base64 and punctuation make a header");
        signature.set_sensitive(true);
        let request = Request::post(self.uri.clone())
            .header(SIGNATURE_HEADER, signature)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "*/*")
            .header(USER_AGENT, OUR_NAME);
        Ok(request.body(Gated::new(body.into(), gate)).expect("all parts of it are valid"))
    }

    /// Sends a request when there is a turn for it, within half of its time. Only a status of
    /// success is acceptance.
    async fn send(&self, request: Request<Gated>) -> Result<(), Failure> {
        let turn = tokio::time::timeout(self.deadline / 2, self.settings.calls.permit()).await;
        let call = Call { turn: turn.map_err(|_| Failure::Busy)?, deadline: self.deadline };
        let status = self.client.send(request, call).await?;
        if status.is_success() { Ok(()) } else { Err(Failure::Status(status.as_u16())) }
    }

    /// Makes one call, and says whether it was accepted.
    async fn call(
        self,
        body: Result<String, Failure>,
        gate: Option<Offering>,
    ) -> Result<(), DeliveryError> {
        let stopwatch = Stopwatch::start();
        let answer = match body.and_then(|body| self.request(body, gate)) {
            Ok(request) => tokio::time::timeout(self.deadline, self.send(request))
                .await
                .unwrap_or(Err(Failure::Timeout)),
            Err(failure) => Err(failure),
        };
        let result = answer.as_ref().map_or_else(Failure::label, |()| "accepted");
        counter!(telemetry::WEBHOOK_DELIVERIES, "result" => result).increment(1);
        histogram!(telemetry::WEBHOOK_SECONDS).record(stopwatch.seconds());
        if answer.is_err() {
            tracing::warn!(tenant = %self.settings.tenant, result, "a webhook was not accepted");
        }
        answer.map_err(DeliveryError::from)
    }
}

impl fmt::Debug for Webhook {
    /// Shows the tenant only: a URL may carry a token of the relying party.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("tenant", &self.settings.tenant).finish_non_exhaustive()
    }
}

impl Delivery for Webhook {
    fn deliver(
        &self,
        issued: &Issued,
        offering: Offering,
    ) -> Later<Result<Vec<DeliveryResult>, DeliveryError>> {
        let Challenge { id, account, issued_at, .. } = &*issued.challenge;
        let event = EventId::of(PUSH_CREATED, &account.tenant, id);
        let body = self.body(&event, account, *issued_at, PUSH_CREATED, issued.into());
        let webhook = self.clone();
        Box::pin(async move {
            // The relying party wakes its devices itself: which of them, it does not say.
            webhook.call(body, Some(offering)).await.map(|()| Vec::new())
        })
    }

    fn tell(&self, event: &Event) -> Later<Result<(), DeliveryError>> {
        let kind = event.kind.name();
        let body = self.body(&event.id, &event.account, event.at, kind, event.into());
        Box::pin(self.clone().call(body, None))
    }
}
