//! Binding a key to an account, keeping the binding fresh, and ending it.

use std::sync::Arc;

use super::{Account, end};
use crate::challenge::Challenge;
use crate::change::{Transition, Write};
use crate::device::{Device, Platform, PushToken, Signing};
use crate::id::AuthenticatorId;
use crate::outcome::Outcome;
use crate::policy::Limits;
use crate::possession::Possession;
use crate::refusal::Refusal;
use crate::signature::PublicKey;
use crate::statement::Digest;
use crate::text::Line;
use crate::time::UnixMillis;

/// A key to be bound to an account.
#[derive(Clone, Debug)]
pub struct Enroll {
    /// The key.
    pub key: PublicKey,
    /// The person's name for the device.
    pub name: Option<Line>,
    /// The app's platform.
    pub platform: Option<Platform>,
    /// The notification provider's token.
    pub push_token: Option<PushToken>,
    /// True if the token of the request allows a further authenticator.
    pub may_add: bool,
    /// Over the ticket that stands for the token, where one does. The ticket carries its own
    /// rights.
    pub ticket: Option<Digest>,
    /// The signing mode that the key asks for.
    pub signing: Signing,
    /// Shows that the caller holds the key, where that was proven.
    pub possession: Option<Possession>,
}

impl Enroll {
    /// A key as the official SDKs enroll it: it signs challenge ids, nothing proves that the caller
    /// holds it, and nothing is said about the device.
    #[must_use]
    pub const fn official(key: PublicKey, may_add: bool) -> Self {
        let (name, platform, push_token, possession) = (None, None, None, None);
        let (signing, ticket) = (Signing::ChallengeId, None);
        Self { key, name, platform, push_token, may_add, ticket, signing, possession }
    }

    /// Tells whether the caller has proven possession of the key.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.possession.as_ref().is_some_and(|p| p.thumbprint() == self.key.thumbprint())
    }
}

/// News about an enrolled device.
#[derive(Clone, Debug, Default)]
pub struct Refresh {
    /// The notification provider's new token.
    pub push_token: Option<PushToken>,
}

impl Account {
    /// Binds a key. The same key for the same user refreshes the binding it has. The same change
    /// uses a ticket up.
    ///
    /// # Errors
    /// [`Refusal`] for an unknown user, a ticket that is over, a further authenticator without the
    /// scope for it, or one too many; for a key that is to sign less than it does or has to, that
    /// is to sign statements without a proof, or that is bound with another signature format.
    pub fn enroll(
        &self,
        enroll: &Enroll,
        fresh_id: AuthenticatorId,
        now: UnixMillis,
        limits: &Limits,
    ) -> Result<Transition<Arc<Device>>, Refusal> {
        if self.record.is_none() {
            return Err(Refusal::ActionUnknown);
        }
        let known = self.devices.iter().map(Arc::as_ref).find(|d| d.key == enroll.key);
        let ticket = self.redeemed(enroll, known, now)?;
        let may_add = ticket.map_or(enroll.may_add, |ticket| ticket.may_add);
        check_signing(enroll, known, limits)?;
        if known.is_none() && !self.devices.is_empty() {
            if !may_add {
                return Err(Refusal::AddScopeMissing);
            }
            if self.devices.len() >= limits.authenticators_per_account_max {
                return Err(Refusal::AuthenticatorsMax {
                    max: limits.authenticators_per_account_max,
                });
            }
        }
        // Unless it is proven that the caller holds the key, which is no secret: a token that may
        // not add an authenticator may not rename or redirect one either.
        let may_change = known.is_none() || may_add || enroll.is_proven();
        let (name, platform, push_token) = if may_change {
            (enroll.name.clone(), enroll.platform, enroll.push_token.clone())
        } else {
            (None, None, None)
        };
        let device = Arc::new(Device {
            id: known.map_or(fresh_id, |d| d.id.clone()),
            account: self.key.clone(),
            key: enroll.key.clone(),
            signing: enroll.signing,
            confirmed: enroll.is_proven() || known.is_some_and(|d| d.confirmed),
            name: name.or_else(|| known?.name.clone()),
            platform: platform.or_else(|| known?.platform),
            push_token: push_token.or_else(|| known?.push_token.clone()),
            created_at: known.map_or(now, |d| d.created_at),
            verified_at: now,
            last_verified_at: Some(now),
        });
        let used = ticket.and_then(|ticket| self.used_up(ticket, &device, now));
        let writes = used.into_iter().map(Write::Account);
        let writes = writes.chain([Write::Device(device.clone())]).collect();
        Ok(self.transition(writes, device))
    }

    /// Records that the key of a device signs more than it did: it was raised for another user. The
    /// result has no change where there is nothing to record.
    ///
    /// # Errors
    /// [`Refusal::AuthenticatorUnknown`].
    pub fn raise_signing(
        &self,
        id: &AuthenticatorId,
        signing: Signing,
    ) -> Result<Option<Transition<()>>, Refusal> {
        let known = self.device(id).ok_or(Refusal::AuthenticatorUnknown)?;
        if known.signing >= signing {
            return Ok(None);
        }
        let device = Device { signing, ..known.clone() };
        Ok(Some(self.transition(vec![Write::Device(device.into())], ())))
    }

    /// Records news about a device that has shown that it holds its key.
    ///
    /// # Errors
    /// [`Refusal::AuthenticatorUnknown`].
    pub fn refresh(
        &self,
        id: &AuthenticatorId,
        refresh: &Refresh,
        now: UnixMillis,
    ) -> Result<Transition<Arc<Device>>, Refusal> {
        let known = self.device(id).ok_or(Refusal::AuthenticatorUnknown)?;
        let device = Arc::new(Device {
            push_token: refresh.push_token.clone().or_else(|| known.push_token.clone()),
            last_verified_at: Some(now),
            ..known.clone()
        });
        Ok(self.transition(vec![Write::Device(device.clone())], device))
    }

    /// Ends a binding for a client of the user. The last one stays: without an authenticator no
    /// challenge is required of the user any more, and that is not for a client to bring about.
    ///
    /// # Errors
    /// [`Refusal::AuthenticatorUnknown`], [`Refusal::LastAuthenticator`].
    pub fn remove_own_device(
        &self,
        id: &AuthenticatorId,
        now: UnixMillis,
    ) -> Result<Transition<Arc<Device>>, Refusal> {
        if self.devices.len() == 1 && self.device(id).is_some() {
            return Err(Refusal::LastAuthenticator);
        }
        self.remove_device(id, now)
    }

    /// Ends a binding. A challenge that no other device may answer is revoked.
    ///
    /// # Errors
    /// [`Refusal::AuthenticatorUnknown`].
    pub fn remove_device(
        &self,
        id: &AuthenticatorId,
        now: UnixMillis,
    ) -> Result<Transition<Arc<Device>>, Refusal> {
        let device = self.devices.iter().find(|d| d.id == *id);
        let device = device.ok_or(Refusal::AuthenticatorUnknown)?;
        let left = |c: &Challenge| {
            let targets: Vec<_> = c.targets.iter().filter(|t| *t != id).cloned().collect();
            if targets.is_empty() {
                end(c, Outcome::Revoked, now)
            } else {
                Challenge { targets, ..c.clone() }
            }
        };
        let touched = self.open.iter().filter(|c| c.targets.contains(id));
        let mut writes: Vec<_> = touched.map(|c| Write::Challenge(left(c).into())).collect();
        writes.push(Write::RemoveDevice(id.clone()));
        Ok(self.transition(writes, device.clone()))
    }
}

/// Checks that a key may be bound with a signing mode. The mode never falls, and rises with a proof
/// only. The signature format stays.
fn check_signing(enroll: &Enroll, known: Option<&Device>, limits: &Limits) -> Result<(), Refusal> {
    if known.is_some_and(|d| d.signing > enroll.signing) {
        return Err(Refusal::SigningLowered);
    }
    if enroll.signing < limits.signing_min {
        return Err(Refusal::StatementRequired);
    }
    if enroll.signing > Signing::ChallengeId && !enroll.is_proven() {
        return Err(Refusal::ProofMissing);
    }
    if known.is_some_and(|d| d.key.format() != enroll.key.format()) {
        return Err(Refusal::FormatFixed);
    }
    Ok(())
}
