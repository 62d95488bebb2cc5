//! Notifies actors after a commit, or after one whose result is unknown.

use std::sync::Arc;

use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Write};
use countersign_core::device::Device;
use countersign_core::inbox::Offer;

use super::AccountWriter;
use crate::actors::Doubt;
use crate::actors::challenge::Recorded;
use crate::actors::device::News;
use crate::telemetry;

impl AccountWriter {
    /// Applies a change that is recorded, and tells those concerned.
    pub(super) fn recorded(&mut self, change: &Change) {
        let (before, open) = (self.account.devices().to_vec(), self.account.open().to_vec());
        self.account.apply(change);
        for write in &change.writes {
            match write {
                Write::Account(_) => {}
                Write::RemoveAccount => {
                    self.actions.clear();
                    before.iter().for_each(|device| self.unbound(device));
                }
                Write::Action(action) => self.keep(action.clone()),
                Write::Challenge(challenge) => {
                    self.tell_challenge(challenge);
                    let counted = |known: &Arc<Challenge>| {
                        known.id == challenge.id && challenge.has_counted_since(known)
                    };
                    if !open.iter().any(counted) {
                        self.tell_devices(challenge, &before);
                    }
                }
                Write::Device(device) => {
                    self.shared.devices.tell(&device.credential(), News::Bound(device.clone()));
                }
                Write::RemoveDevice(id) => {
                    before.iter().filter(|d| d.id == *id).for_each(|device| self.unbound(device));
                }
                Write::Event(_) => self.shared.outbox.filled(),
            }
        }
    }

    /// The change may be recorded although the store has not said so. The actors that it concerns
    /// are to find out.
    pub(super) fn doubt(&self, change: &Change) {
        let mut credentials: Vec<_> =
            self.account.devices().iter().map(|device| device.credential()).collect();
        for write in &change.writes {
            match write {
                Write::Challenge(challenge) => {
                    let key = (change.account.tenant.clone(), challenge.id.clone());
                    self.shared.challenges.tell(&key, Doubt);
                }
                Write::Device(device) if !credentials.contains(&device.credential()) => {
                    credentials.push(device.credential());
                }
                Write::Account(_)
                | Write::RemoveAccount
                | Write::Action(_)
                | Write::Device(_)
                | Write::RemoveDevice(_)
                | Write::Event(_) => {}
            }
        }
        credentials.iter().for_each(|credential| self.shared.devices.tell(credential, Doubt));
    }

    fn unbound(&self, device: &Device) {
        self.shared.devices.tell(&device.credential(), News::Unbound(device.id.clone()));
    }

    fn tell_challenge(&self, challenge: &Arc<Challenge>) {
        telemetry::challenge_ended(challenge);
        self.shared.challenge_recorded(Recorded(challenge.clone()));
    }

    /// Offers a challenge to its devices, or takes it from them once it has ended.
    fn tell_devices(&self, challenge: &Arc<Challenge>, devices: &[Arc<Device>]) {
        let targets = devices.iter().filter(|d| challenge.targets.contains(&d.id));
        if challenge.ended.is_some() {
            let news = || News::Withdrawn(challenge.id.clone());
            targets.for_each(|d| self.shared.devices.tell(&d.credential(), news()));
            return;
        }
        let Some(action) = self.actions.iter().find(|a| a.key == challenge.action) else { return };
        let offer = Offer {
            challenge: challenge.clone(),
            action: action.clone(),
            user_custom: self.account.user_custom(),
        };
        targets
            .for_each(|d| self.shared.devices.tell(&d.credential(), News::Offered(offer.clone())));
    }
}
