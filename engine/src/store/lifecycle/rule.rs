//! The rule of a commit: the answer to a change, and its effects on the hot state and the cases.

use std::sync::Arc;

use countersign_core::account::AccountRecord;
use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Write};
use countersign_core::fatigue::Counters;
use countersign_core::id::ActionKey;

use super::{ENDED_MAX, Hot, Lifecycle, PENDING_BYTES_MAX, PENDING_MAX, place};
use crate::ports::store::Committed;
use crate::store::challenges;

/// A recorded case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Found {
    /// The store's own name of the case. Its time is that of the case's end.
    pub(in crate::store) id: i64,
    pub(in crate::store) lifecycle: Lifecycle,
}

/// Effects of a change on the cases.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Moved {
    /// Lifecycles that are no longer under way.
    pub(in crate::store) ended: Vec<Lifecycle>,
    /// Cases with another content.
    pub(in crate::store) changed: Vec<Found>,
    /// Cases that are under way again, or empty.
    pub(in crate::store) gone: Vec<i64>,
}

/// Returns the names of which the store must find the cases before it judges the change.
pub(in crate::store) fn named<'a>(hot: &Hot, change: &'a Change) -> Vec<&'a ActionKey> {
    let mut keys: Vec<&ActionKey> = Vec::new();
    for write in &change.writes {
        let key = if let Write::Track(action) | Write::Action(action) = write
            && hot.action(&action.key).is_none()
        {
            &action.key
        } else if let Write::Challenge(challenge) = write
            && hot.challenge(&challenge.id).is_none()
        {
            &challenge.action
        } else {
            continue;
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// Returns the answer to a change that is not to be written. None if it is to be written.
pub(in crate::store) fn judge(hot: &Hot, cases: &[Found], change: &Change) -> Option<Committed> {
    if hot.has_recorded(change.id) {
        return Some(Committed::Recorded);
    }
    let recorded = |proposed: &Challenge| {
        let cases = cases.iter().find_map(|case| case.lifecycle.challenge(&proposed.id));
        let ended = hot.challenge(&proposed.id).or(cases)?.ended.as_ref()?;
        let is_other = proposed.ended.as_ref() != Some(ended);
        is_other.then(|| (proposed.id.clone(), Box::new(ended.clone())))
    };
    if let Some((challenge, recorded)) = challenges(&change.writes).find_map(recorded) {
        return Some(Committed::Ended { challenge, recorded });
    }
    if hot.version != change.parent {
        return Some(Committed::Stale { recorded: hot.version });
    }
    change.writes.iter().find_map(|write| {
        let Write::Track(action) = write else { return None };
        let mut cases = cases.iter().filter(|case| case.lifecycle.key == action.key);
        let known = cases.find_map(|case| case.lifecycle.action.as_ref());
        let known = hot.action(&action.key).or(known)?;
        Some(Committed::Known(Box::new(known.as_ref().clone())))
    })
}

/// Applies a change that [`judge`] lets through. `cases` are those of the names that [`named`]
/// returns, or all of the account if the change removes the account.
pub(in crate::store) fn apply(hot: &mut Hot, cases: Vec<Found>, change: &Change) -> Moved {
    let mut drafts = Drafts::new(std::mem::take(&mut hot.lifecycles), cases);
    for write in &change.writes {
        match write {
            Write::Account(AccountRecord { counters, .. }) => hot.counters = counters.clone(),
            Write::RemoveAccount => {
                (hot.counters, hot.used) = (Counters::default(), Vec::new());
                drafts.remove_actions();
            }
            Write::Track(action) | Write::Action(action) => {
                let draft = drafts.find(&action.key, Draft::takes);
                draft.lifecycle.action = Some(Arc::clone(action));
                draft.is_changed = true;
            }
            Write::Challenge(challenge) => {
                let draft = drafts.with(challenge);
                draft.is_changed |= draft.lifecycle.put(challenge);
            }
            Write::Device(device) => hot.note_use(device),
            Write::RemoveDevice(id) => hot.forget_device(id),
            Write::Event(_) => {}
        }
    }
    hot.advance(change.version());
    drafts.part(hot)
}

/// A lifecycle that a change may touch.
struct Draft {
    /// The case from which the lifecycle comes. None for one from the hot state, and a new one.
    case: Option<i64>,
    lifecycle: Lifecycle,
    is_changed: bool,
}

impl Draft {
    /// Tells whether a new challenge of the action belongs here. A case without its action stays as
    /// it is until its challenges are pruned.
    fn continues(&self, key: &ActionKey) -> bool {
        self.lifecycle.key == *key && (self.case.is_none() || self.lifecycle.action.is_some())
    }

    /// Tells whether a record of the action belongs here. A challenge that is open without its
    /// action does not get a new action of the same name, because its devices were asked about the
    /// old one.
    fn takes(&self, key: &ActionKey) -> bool {
        self.continues(key) && (self.lifecycle.action.is_some() || !self.lifecycle.has_open())
    }
}

struct Drafts(Vec<Draft>);

impl Drafts {
    fn new(hot: Vec<Lifecycle>, cases: Vec<Found>) -> Self {
        let hot = hot.into_iter().map(|lifecycle| (None, lifecycle));
        let cases = cases.into_iter().map(|Found { id, lifecycle }| (Some(id), lifecycle));
        let draft = |(case, lifecycle)| Draft { case, lifecycle, is_changed: false };
        Self(hot.chain(cases).map(draft).collect())
    }

    /// Returns the lifecycle that fits a name, a new one if there is none. One with its action
    /// comes before one without.
    fn find(&mut self, key: &ActionKey, fits: fn(&Draft, &ActionKey) -> bool) -> &mut Draft {
        let fitting = (0..self.0.len()).filter(|index| fits(&self.0[*index], key));
        let found = fitting.min_by_key(|index| self.0[*index].lifecycle.action.is_none());
        let index = found.unwrap_or_else(|| {
            let lifecycle = Lifecycle::new(key.clone());
            self.0.push(Draft { case: None, lifecycle, is_changed: true });
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    /// Returns the lifecycle that has this challenge already, or else the one of its action.
    fn with(&mut self, challenge: &Challenge) -> &mut Draft {
        let has = |draft: &Draft| draft.lifecycle.challenge(&challenge.id).is_some();
        match self.0.iter().position(has) {
            Some(index) => &mut self.0[index],
            None => self.find(&challenge.action, Draft::continues),
        }
    }

    fn remove_actions(&mut self) {
        for draft in &mut self.0 {
            draft.is_changed |= draft.lifecycle.action.take().is_some();
        }
    }

    /// Parts the lifecycles that are under way from the others.
    fn part(self, hot: &mut Hot) -> Moved {
        let mut moved = Moved::default();
        let youngest = self.youngest_pending();
        for (index, draft) in self.0.into_iter().enumerate() {
            if draft.case.is_some() && !draft.is_changed {
                continue;
            }
            if draft.lifecycle.has_open() || youngest.contains(&index) {
                moved.gone.extend(draft.case);
                let mut lifecycle = draft.lifecycle;
                moved.ended.extend(surplus(&mut lifecycle));
                hot.lifecycles.push(lifecycle);
                continue;
            }
            match draft.case {
                Some(id) if draft.lifecycle.is_empty() => moved.gone.push(id),
                Some(id) => moved.changed.push(Found { id, lifecycle: draft.lifecycle }),
                None if draft.lifecycle.is_empty() => {}
                None => moved.ended.push(draft.lifecycle),
            }
        }
        moved
    }

    /// Returns the indexes of the youngest pending lifecycles that have no open challenge, as many
    /// as the hot state has room for.
    fn youngest_pending(&self) -> Vec<usize> {
        let is_pending = |draft: &Draft| {
            (draft.case.is_none() || draft.is_changed)
                && draft.lifecycle.is_pending()
                && !draft.lifecycle.has_open()
        };
        let indexes = 0..self.0.len();
        let mut pending: Vec<_> = indexes.filter(|index| is_pending(&self.0[*index])).collect();
        if pending.len() > 1 {
            let place = |index: &usize| self.0[*index].lifecycle.action.as_deref().map(place);
            pending.sort_by(|a, b| place(b).cmp(&place(a)));
            pending.truncate(PENDING_MAX);
            let mut bytes = 0;
            let over = pending.iter().position(|index| {
                bytes += self.0[*index].lifecycle.to_bytes().len();
                bytes > PENDING_BYTES_MAX
            });
            pending.truncate(over.map_or(PENDING_MAX, |over| over.max(1)));
        }
        pending
    }
}

/// Takes the ended challenges beyond [`ENDED_MAX`] out of a lifecycle, oldest first, as a case
/// without an action.
fn surplus(lifecycle: &mut Lifecycle) -> Option<Lifecycle> {
    let mut left = lifecycle.ends().count().checked_sub(ENDED_MAX).filter(|more| *more > 0)?;
    let mut taken = Lifecycle::new(lifecycle.key.clone());
    lifecycle.challenges.retain(|challenge| {
        if left == 0 || challenge.ended.is_none() {
            return true;
        }
        left -= 1;
        taken.challenges.push(Arc::clone(challenge));
        false
    });
    Some(taken)
}
