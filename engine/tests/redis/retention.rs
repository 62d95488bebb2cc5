//! Tests of actions whose retention is over, while they are still in Redis.

use countersign_core::action::ActionState;
use countersign_core::change::Write;
use countersign_core::outcome::Outcome;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Store as _;
use countersign_engine::ports::store::Committed;
use countersign_engine::store::RedisSettings;
use countersign_testkit::records::*;
use countersign_testkit::redis_server::Redis;
use countersign_testkit::redis_store;

use crate::{WAIT, recorded, settings, unit};

const RETENTION_MS: u64 = 1_000;

#[tokio::test]
async fn an_action_past_its_retention_is_tracked_anew_without_its_outcome() {
    let redis = Redis::volatile();
    let settings =
        RedisSettings { action_retention_ms: RETENTION_MS, ..settings(&redis.url(), WAIT) };
    let store = redis_store::new(settings).await;
    let ann = user("ann");
    let first = action(&ann, "one", 5).in_state(ActionState::ChallengeSucceeded, UnixMillis(20));
    let asked = challenge(&ann, 1, 10);
    let approved = ended(&asked, Outcome::Approved, 20);
    recorded(&store, &ann, 0, [Write::Action(first.into()), Write::Challenge(approved.into())])
        .await;
    let fresh = action(&ann, "one", 5_000);
    let track = |parent| unit(&ann, parent, [Write::Track(fresh.clone().into())]);
    let known = store.commit(track(1)).await;
    assert!(matches!(known, Ok(Committed::Known(_))), "{known:?}");
    // No prune is needed.
    store.observe(UnixMillis(5_000)).await.unwrap();
    assert_eq!(store.action(&ann, &fresh.key).await, Ok(None));
    assert_eq!(store.commit(track(1)).await, Ok(Committed::Recorded));
    assert_eq!(store.action(&ann, &fresh.key).await, Ok(Some(fresh.clone())));
    assert_eq!(store.actions(&ann, all_actions()).await, Ok(vec![fresh]));
}

#[tokio::test]
async fn an_old_action_is_shown_while_its_challenge_is_open() {
    let redis = Redis::volatile();
    let settings =
        RedisSettings { action_retention_ms: RETENTION_MS, ..settings(&redis.url(), WAIT) };
    let store = redis_store::new(settings).await;
    let ann = user("ann");
    let open = challenge(&ann, 1, 10);
    let mut old = action(&ann, "one", 5);
    old.key = open.action.clone();
    let writes = [Write::Track(old.clone().into()), Write::Challenge(open.clone().into())];
    recorded(&store, &ann, 0, writes).await;
    store.observe(UnixMillis(9_000)).await.unwrap();
    store.prune(UnixMillis(8_000), UnixMillis(0)).await.unwrap();
    assert_eq!(store.action(&ann, &old.key).await, Ok(Some(old.clone())));
    let known = store.commit(unit(&ann, 1, [Write::Track(old.clone().into())])).await;
    assert_eq!(known, Ok(Committed::Known(Box::new(old.clone()))));
    let over = ended(&open, Outcome::Expired, 20);
    recorded(&store, &ann, 1, [Write::Challenge(over.into())]).await;
    assert_eq!(store.action(&ann, &old.key).await, Ok(None));
}
