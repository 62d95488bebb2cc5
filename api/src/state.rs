//! State that all routes share: the engine, the tenants and their tokens.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::HttpRequest;
use actix_web::web::Data;
use countersign_core::id::TenantId;
use countersign_core::time::UnixMillis;
use countersign_engine::Engine;
use countersign_wire::reason::Reason;
use countersign_wire::secret::Secret;
use sha2::{Digest, Sha256};
use url::Url;

use crate::config::{AllowedOrigins, Brand};
use crate::leaves::Leaves;
use crate::problem::Problem;
use crate::token::session::Session;
use crate::token::{Token, TokenError, Tokens};

/// Data of a tenant that the HTTP routes need.
pub struct TenantFace {
    /// Origins of the pages that may call the Client API.
    pub origins: AllowedOrigins,
    /// Members of custom data that devices show.
    pub custom_public: Vec<String>,
    /// Look of the tenant's pages.
    pub brand: Brand,
    /// True after a warning that the tenant sent an `ipAddress` which is not one address.
    pub has_sent_other_address: AtomicBool,
}

impl TenantFace {
    /// Returns true if this is the tenant's first `ipAddress` that is not one address, and records
    /// it.
    pub fn is_first_other_address(&self) -> bool {
        !self.has_sent_other_address.swap(true, Ordering::Relaxed)
    }
}

/// Limits of one request's body.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Maximum size of a body, in bytes.
    pub body_bytes_max: usize,
    /// Seconds within which a body must be complete.
    pub body_read_seconds: u64,
}

/// State that all routes share.
pub struct AppState {
    /// The engine.
    pub engine: Engine,
    /// Limits of one request's body.
    pub limits: RequestLimits,
    /// Public URL of the server, for browsers.
    pub public_url: Url,
    /// Pages that were unloaded and may be loaded again.
    pub leaves: Leaves,
    tenants: HashMap<TenantId, TenantFace>,
    /// Tenants by the SHA-256 of their secrets, so that the time of a look-up reveals nothing about
    /// a secret.
    secrets: HashMap<[u8; 32], TenantId>,
    tokens: Tokens,
}

impl AppState {
    /// Creates the state.
    pub fn new<'s>(
        engine: Engine,
        limits: RequestLimits,
        public_url: Url,
        tenants: HashMap<TenantId, TenantFace>,
        secrets: impl IntoIterator<Item = (&'s str, TenantId)>,
        tokens: Tokens,
    ) -> Self {
        let digest = |secret: &str| Sha256::digest(secret.as_bytes()).into();
        let secrets = secrets.into_iter().map(|(secret, tenant)| (digest(secret), tenant));
        let (secrets, leaves) = (secrets.collect(), Leaves::default());
        Self { engine, limits, public_url, leaves, tenants, secrets, tokens }
    }

    /// Returns the state of the application that serves a request.
    pub fn of(request: &HttpRequest) -> &Self {
        let state = request.app_data::<Data<Self>>();
        state.expect("every application is built with its state")
    }

    /// Returns a tenant, if it is configured.
    pub fn tenant(&self, id: &TenantId) -> Option<&TenantFace> {
        self.tenants.get(id)
    }

    /// Returns the tenant to which a secret belongs.
    pub fn tenant_of_secret(&self, secret: &str) -> Option<TenantId> {
        let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        self.secrets.get(&digest).cloned()
    }

    /// Returns every origin that at least one tenant allows.
    pub fn all_origins(&self) -> AllowedOrigins {
        let none = AllowedOrigins::Exact([].into());
        self.tenants.values().fold(none, |all, tenant| all.union(&tenant.origins))
    }

    /// Returns true if a page of this origin is one of the server's own.
    pub fn is_own_origin(&self, origin: &str) -> bool {
        self.public_url.origin().ascii_serialization() == origin
    }

    /// Returns the URL of an action's pre-built UI. It has a query, because official SDKs append to
    /// it.
    pub fn hosted_page(&self, token: &Secret) -> Secret {
        let base = self.public_url.as_str().trim_end_matches('/');
        Secret::new(format!("{base}/ui?token={}", token.reveal()))
    }

    /// Creates a token for an action. Its lifetime counts from `token.issued_at`.
    ///
    /// # Errors
    /// [`Problem`] if the tenant has no key. No authenticated caller can cause that.
    pub fn make_token(&self, token: &Token) -> Result<String, Problem> {
        let made = self.tokens.make(token, self.engine.entropy().bytes());
        made.ok_or_else(no_token_key)
    }

    /// Creates the token of a device session that begins at `session.issued_at`.
    ///
    /// # Errors
    /// As [`Self::make_token`].
    pub fn make_session(&self, session: &Session) -> Result<String, Problem> {
        let made = self.tokens.make_session(session, self.engine.entropy().bytes());
        made.ok_or_else(no_token_key)
    }

    /// Opens the token of a device session.
    ///
    /// # Errors
    /// [`TokenError`], also for any other kind of token.
    pub fn open_session(&self, token: &str) -> Result<Session, TokenError<Session>> {
        self.tokens.open_session(token, self.engine.clock().now())
    }

    /// Opens a token that acts for a user. Returns its content and the time at which it expires.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open_token(&self, token: &str) -> Result<(Token, UnixMillis), TokenError> {
        self.tokens.open(token, self.engine.clock().now())
    }
}

fn no_token_key() -> Problem {
    Problem::new(Reason::TokenKeyMissing, "the tenant has no token key")
}
