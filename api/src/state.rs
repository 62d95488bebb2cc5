//! State that every route can reach: the engine, the tenants and their tokens.

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

/// A tenant's data for the HTTP routes.
pub struct TenantFace {
    /// Origins of the pages that may call.
    pub origins: AllowedOrigins,
    /// Names of custom data that devices may see.
    pub custom_public: Vec<String>,
    /// Look of its pages.
    pub brand: Brand,
    /// True once an operator was told of an `ipAddress` that is not one address.
    pub has_sent_other_address: AtomicBool,
}

impl TenantFace {
    /// Tells whether this is the first time that the tenant sends an `ipAddress` that is not one
    /// address.
    pub fn is_first_other_address(&self) -> bool {
        !self.has_sent_other_address.swap(true, Ordering::Relaxed)
    }
}

/// Bounds of one request.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Bytes of a body, at most.
    pub body_bytes_max: usize,
    /// Seconds in which a body has to be complete.
    pub body_read_seconds: u64,
}

/// The state of the HTTP face.
pub struct AppState {
    /// The engine.
    pub engine: Engine,
    /// Bounds of one request.
    pub limits: RequestLimits,
    /// URL for browsers.
    pub public_url: Url,
    /// Pages that went away and may come back.
    pub leaves: Leaves,
    tenants: HashMap<TenantId, TenantFace>,
    /// Tenants by the SHA-256 of their secrets: the time of a look-up says nothing about a secret.
    secrets: HashMap<[u8; 32], TenantId>,
    tokens: Tokens,
}

impl AppState {
    /// Puts the state together.
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

    /// The state of a request's application.
    pub fn of(request: &HttpRequest) -> &Self {
        let state = request.app_data::<Data<Self>>();
        state.expect("every application is built with its state")
    }

    /// Finds a tenant.
    pub fn tenant(&self, id: &TenantId) -> Option<&TenantFace> {
        self.tenants.get(id)
    }

    /// The tenant that a secret belongs to.
    pub fn tenant_of_secret(&self, secret: &str) -> Option<TenantId> {
        let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        self.secrets.get(&digest).cloned()
    }

    /// Every origin that some tenant allows.
    pub fn all_origins(&self) -> AllowedOrigins {
        let none = AllowedOrigins::Exact([].into());
        self.tenants.values().fold(none, |all, tenant| all.union(&tenant.origins))
    }

    /// Tells whether a page of this origin is one of the server's own.
    pub fn is_own_origin(&self, origin: &str) -> bool {
        self.public_url.origin().ascii_serialization() == origin
    }

    /// The hosted page of an action. Official SDKs append to its query, so it has one.
    pub fn hosted_page(&self, token: &Secret) -> Secret {
        let base = self.public_url.as_str().trim_end_matches('/');
        Secret::new(format!("{base}/ui?token={}", token.reveal()))
    }

    /// Makes a token for an action, whose lifetime counts from when it was issued.
    ///
    /// # Errors
    /// [`Problem`] if the tenant has no key, which no authenticated caller can bring about.
    pub fn make_token(&self, token: &Token) -> Result<String, Problem> {
        let made = self.tokens.make(token, self.engine.entropy().bytes());
        made.ok_or_else(no_token_key)
    }

    /// Makes the token of a device session that begins at `session.issued_at`.
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

    /// Opens a token that acts for a user, and says when it ends.
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
