//! Notices of commits: the account's writer queues them, and the account's actor sends them to the
//! actors that a commit concerns.

use std::sync::Arc;

use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Write};
use countersign_core::device::Device;
use countersign_core::id::{AccountKey, AuthenticatorId, ChallengeId, CredentialKey};
use countersign_core::inbox::Offer;

use super::AccountWriter;
use crate::telemetry;

/// Notice of a commit for another part of the engine. A notice in doubt is about a commit whose
/// result is unknown, so that its receiver has to read the store.
pub(crate) enum Notice {
    Challenge(Arc<Challenge>),
    ChallengeInDoubt(AccountKey, ChallengeId),
    Credential(CredentialKey, CredentialNotice),
    CredentialInDoubt(CredentialKey),
    /// An event was added to the outbox.
    Event,
}

/// A commit's effect on a credential.
pub(crate) enum CredentialNotice {
    Bound(Arc<Device>),
    Unbound(AuthenticatorId),
    Offered(Offer),
    Withdrawn(ChallengeId),
}

impl AccountWriter {
    /// Applies a recorded change in memory, and queues notices for the actors that it concerns.
    pub(super) fn recorded(&mut self, change: Change) {
        let (before, open) = (self.account.devices().to_vec(), self.account.open().to_vec());
        self.account.apply(&change);
        for write in change.writes {
            match write {
                Write::Account(_) => {}
                Write::RemoveAccount => {
                    self.actions.clear();
                    before.iter().for_each(|device| self.unbound(device));
                }
                Write::Track(action) | Write::Action(action) => self.keep(action),
                Write::Challenge(challenge) => {
                    telemetry::challenge_ended(&challenge);
                    self.notices.push(Notice::Challenge(challenge.clone()));
                    let counted = |known: &Arc<Challenge>| {
                        known.id == challenge.id && challenge.has_counted_since(known)
                    };
                    if !open.iter().any(counted) {
                        self.offer_or_withdraw(&challenge, &before);
                    }
                }
                Write::Device(device) => {
                    let (key, bound) = (device.credential(), CredentialNotice::Bound(device));
                    self.notices.push(Notice::Credential(key, bound));
                }
                Write::RemoveDevice(id) => {
                    before.iter().filter(|d| d.id == id).for_each(|device| self.unbound(device));
                }
                Write::Event(_) => self.notices.push(Notice::Event),
            }
        }
    }

    /// Queues notices in doubt for the actors that a change concerns, because the store may have
    /// recorded the change although its commit failed.
    pub(super) fn in_doubt(&mut self, change: Change) {
        let mut credentials: Vec<_> =
            self.account.devices().iter().map(|device| device.credential()).collect();
        for write in change.writes {
            if let Write::Challenge(challenge) = &write {
                let (account, id) = (change.account.clone(), challenge.id.clone());
                self.notices.push(Notice::ChallengeInDoubt(account, id));
            }
            if let Write::Device(device) = &write
                && !credentials.contains(&device.credential())
            {
                credentials.push(device.credential());
            }
        }
        self.notices.extend(credentials.into_iter().map(Notice::CredentialInDoubt));
    }

    fn unbound(&mut self, device: &Device) {
        let unbound = CredentialNotice::Unbound(device.id.clone());
        self.notices.push(Notice::Credential(device.credential(), unbound));
    }

    /// Queues notices that offer an open challenge to its devices, or that withdraw an ended
    /// challenge from them.
    fn offer_or_withdraw(&mut self, challenge: &Arc<Challenge>, devices: &[Arc<Device>]) {
        let action = self.actions.iter().find(|a| a.key == challenge.action);
        let offer = action.map(|action| Offer {
            challenge: challenge.clone(),
            action: action.clone(),
            user_custom: self.account.user_custom(),
        });
        let notice = || match (&challenge.ended, &offer) {
            (Some(_), _) => Some(CredentialNotice::Withdrawn(challenge.id.clone())),
            (None, offer) => offer.clone().map(CredentialNotice::Offered),
        };
        let targets = devices.iter().filter(|d| challenge.targets.contains(&d.id));
        let noted = targets.filter_map(|d| Some(Notice::Credential(d.credential(), notice()?)));
        self.notices.extend(noted);
    }
}
