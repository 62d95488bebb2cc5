//! Decisions of phones, with valid and with invalid signatures.

use countersign_core::decision::{Asked, SignedDecision, verify};
use countersign_core::device::Signing;
use countersign_core::outcome::Decision;
use countersign_core::refusal::Refusal;

use crate::event::Event;
use crate::names::{self, KEYS, authenticator_id, challenge_id, message};
use crate::reference::Reference;
use crate::world::{Arrived, Verdict, World};

impl World {
    /// Signs a decision as a phone and checks that invalid signatures are refused. A valid decision
    /// about an open challenge is queued in `arrived`; the account accepts or refuses it in a later
    /// event.
    pub(crate) fn answer(&mut self, event: &Event, reference: &Reference) -> Verdict {
        let Event::Answer { user, challenge, device, approve, signed } = event else {
            unreachable!("called for answers only")
        };
        if !self.told.contains_key(challenge) {
            self.catch_up(*user);
        }
        let key = self.keys[device];
        let predicted = reference.arrive(*challenge, *device, *approve, challenge == signed);
        let decision = if *approve { Decision::Approve } else { Decision::Deny };
        let asked_for = self.told[challenge].clone();
        let bound = self.inboxes[key].bindings().iter().find(|b| b.id == authenticator_id(*device));
        let bound: Vec<_> = bound.into_iter().cloned().collect();
        let signing = self.inboxes[key].signing();
        let Some(asking) = Asked::among(&bound, &asked_for, signing) else {
            // The device was never asked, was removed, or has no place in its key's inbox.
            let refused = Verdict::Refused(Refusal::ChallengeUnknown);
            return if predicted == Err(Refusal::ChallengeUnknown) {
                refused
            } else {
                Verdict::Unsure
            };
        };
        let by = |key, signing, said| SignedDecision {
            challenge: challenge_id(*signed),
            decision,
            number: None,
            signature: names::signed(key, &message(&asked_for, &bound[0], signing, said)),
        };
        let good = by(key, signing, decision);
        if challenge != signed {
            assert!(verify(asking, good).is_err(), "another challenge");
            return Verdict::Refused(Refusal::ChallengeUnknown);
        }
        assert!(verify(asking, by((key + 1) % KEYS, signing, decision)).is_err(), "another key");
        if signing == Signing::StatementV1 {
            self.reached.insert("a statement");
            let lower = by(key, Signing::ChallengeId, decision);
            assert!(verify(asking, lower).is_err(), "less than the key signs");
            let other = if *approve { Decision::Deny } else { Decision::Approve };
            assert!(verify(asking, by(key, signing, other)).is_err(), "another decision");
        }
        let decision = verify(asking, good).unwrap();
        let unsure = self.stale[*user];
        let verdict = match asked_for.repeated(&decision) {
            None => {
                assert!(unsure || predicted == Ok(None), "taken, predicted {predicted:?}");
                let (challenge, device, approve, at) = (*challenge, *device, *approve, self.now);
                self.arrived.push(Arrived { challenge, device, approve, at, decision });
                Verdict::Done
            }
            Some(Ok(ended)) => {
                assert_eq!(asked_for.ended, Some(ended));
                self.reached.insert("a repeated answer");
                Verdict::Done
            }
            Some(Err(refusal)) => Verdict::Refused(refusal),
        };
        if unsure { Verdict::Unsure } else { verdict }
    }
}
