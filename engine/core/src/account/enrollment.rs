//! Binding of keys to an account, and updates and removal of bindings.

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

/// A key to be bound to an account, with the caller's data and rights.
#[derive(Clone, Debug)]
pub struct Enroll {
    /// The key.
    pub key: PublicKey,
    /// The user's name for the device.
    pub name: Option<Line>,
    /// The app's platform.
    pub platform: Option<Platform>,
    /// The device's token at its notification provider.
    pub push_token: Option<PushToken>,
    /// True if the bearer token of the request allows a further authenticator.
    pub may_add: bool,
    /// Digest of the ticket, if the request has a ticket in place of a token. The ticket's own
    /// `may_add` then replaces the one above.
    pub ticket: Option<Digest>,
    /// The signing mode that the caller asks for.
    pub signing: Signing,
    /// Proof that the caller holds the key, if the caller gave one.
    pub possession: Option<Possession>,
}

impl Enroll {
    /// Makes an enrollment like that of the official SDKs: the key signs challenge ids, the caller
    /// does not prove that it holds the key, and sends no data about the device.
    #[must_use]
    pub const fn official(key: PublicKey, may_add: bool) -> Self {
        let (name, platform, push_token, possession) = (None, None, None, None);
        let (signing, ticket) = (Signing::ChallengeId, None);
        Self { key, name, platform, push_token, may_add, ticket, signing, possession }
    }

    /// Returns true if the caller has proven possession of the key.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.possession.as_ref().is_some_and(|p| p.thumbprint() == self.key.thumbprint())
    }
}

/// New data about an enrolled device.
#[derive(Clone, Debug, Default)]
pub struct Refresh {
    /// The device's new token at its notification provider; `None` keeps the present one.
    pub push_token: Option<PushToken>,
}

impl Account {
    /// Binds a key to the account. If the key is already bound, the change updates its binding. If
    /// the request has a ticket, the same change marks the ticket as used.
    ///
    /// # Errors
    /// [`Refusal`] for an unknown user, for a ticket that is unknown, used or expired, for a
    /// further authenticator without the right to add one, or beyond the limit of authenticators.
    /// Also for a signing mode below the present one or below the tenant's minimum, for statements
    /// without a proof of possession, and for a key that is bound with another signature format.
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
        // A public key is not secret, so a token without the right to add authenticators must not
        // rename or redirect one. A caller who proves possession of the key may do so.
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

    /// Raises the signing mode of a device, because the mode of its key was raised for another
    /// user. `None` if the device already has this mode or a higher one.
    ///
    /// # Errors
    /// [`Refusal::AuthenticatorUnknown`] if the account has no such device.
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

    /// Updates a device that has proven that it holds its key.
    ///
    /// # Errors
    /// [`Refusal::AuthenticatorUnknown`] if the account has no such device.
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

    /// Removes a device at the request of a client of the user. The last device is kept, because a
    /// user without an authenticator is not challenged, and a client must not cause that.
    ///
    /// # Errors
    /// [`Refusal::AuthenticatorUnknown`] if the account has no such device,
    /// [`Refusal::LastAuthenticator`] if it has no other device.
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

    /// Removes a device, also from the targets of open challenges. A challenge without any target
    /// left is revoked.
    ///
    /// # Errors
    /// [`Refusal::AuthenticatorUnknown`] if the account has no such device.
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

/// Checks the signing mode and the signature format of an enrollment. A key's mode never falls,
/// statements need a proof of possession, and the format of a bound key never changes.
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
