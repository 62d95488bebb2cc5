//! The webhook, which sends notifications about challenges, and events, to the relying party. Each
//! is one signed POST.
//!
//! It returns whether the relying party accepted the call, and repeats no call itself. If its
//! caller repeats a call, the id and body are the same, and the signature has the new time. It
//! reads only the status of a response, and follows no redirect.

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

/// Maximum duration of one call, in milliseconds: look-up, connecting, request and response.
/// Connecting that continues in the background has the same limit.
pub const WEBHOOK_DEADLINE_MS: u64 = 5_000;

const OUR_NAME: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

const SIGNATURE_HEADER: &str = "X-Signature-V2";

/// Target and identity of a webhook.
pub struct WebhookSettings {
    /// Tenant whose challenges and events are sent.
    pub tenant: TenantId,
    /// Target of the calls.
    pub url: Url,
    /// Hosts that may be called at any address, and also without encryption.
    pub allow_hosts: Vec<String>,
    /// Active secrets, at least one. Each of them signs every call.
    pub secrets: Vec<Secret>,
    /// Name of this server, the value of `source` in the envelope.
    pub source: String,
    /// Clock for the times of events and signatures.
    pub clock: Arc<dyn Clock>,
    /// Limits of concurrent calls, for this tenant and for all tenants.
    pub calls: Calls,
}

/// Reason why a webhook cannot be set up. Its text is for the operator.
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
    /// The URL cannot be the target of an HTTP request.
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
    /// Makes a webhook whose host is looked up by the operating system.
    ///
    /// # Errors
    /// [`WebhookError`] if the URL may not be called, there is no secret to sign with, or the HTTP
    /// client cannot be made.
    pub fn new(settings: WebhookSettings) -> Result<Self, WebhookError> {
        Self::with_lookup(settings, system_lookup())
    }

    /// Makes a webhook whose host is looked up by `lookup`. The policy checks the returned
    /// addresses as well.
    ///
    /// # Errors
    /// The errors of [`Self::new`].
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

    /// Replaces the deadline of [`WEBHOOK_DEADLINE_MS`].
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Builds the JSON body about an event of an account, which has to belong to the webhook's
    /// tenant.
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

    /// Builds a request with the given body, signed with the current time. With a `gate`, the body
    /// is sent only after the gate has succeeded.
    fn request(&self, body: String, gate: Option<Offering>) -> Result<Request<Gated>, Failure> {
        let WebhookSettings { url, secrets, clock, .. } = &*self.settings;
        // The resolver is not called for a host that is an IP address, so such a host is checked
        // here.
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

    /// Sends a request once it has a permit, for which it waits during half of its deadline at
    /// most. Only a 2xx status counts as acceptance.
    async fn send(&self, request: Request<Gated>) -> Result<(), Failure> {
        let turn = tokio::time::timeout(self.deadline / 2, self.settings.calls.permit()).await;
        let call = Call { turn: turn.map_err(|_| Failure::Busy)?, deadline: self.deadline };
        let status = self.client.send(request, call).await?;
        if status.is_success() { Ok(()) } else { Err(Failure::Status(status.as_u16())) }
    }

    /// Makes one call, and returns whether the relying party accepted it.
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
            // The list is empty, because the relying party wakes its devices itself and does not
            // report which.
            webhook.call(body, Some(offering)).await.map(|()| Vec::new())
        })
    }

    fn tell(&self, event: &Event) -> Later<Result<(), DeliveryError>> {
        let kind = event.kind.name();
        let body = self.body(&event.id, &event.account, event.at, kind, event.into());
        Box::pin(self.clone().call(body, None))
    }
}
