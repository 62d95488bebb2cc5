//! Tests of a server that was taken over and alone knows that Redis has lost commits.

use std::sync::Arc;

use countersign_engine::ports::Store as _;
use countersign_engine::store::RedisStore;
use countersign_engine::system::SystemEntropy;
use countersign_testkit::proxy::Proxy;
use countersign_testkit::records::user;
use countersign_testkit::redis_server::Redis;
use countersign_testkit::redis_store;

use crate::lost::{is_closed, populate, strict};
use crate::until;

#[tokio::test]
async fn its_loss_closes_the_partition_for_the_next_server_too() {
    let mut redis = Redis::durable();
    redis_store::begin(&redis.url()).await;
    let proxy = Proxy::before(redis.address()).await;
    let open = async |url: &str| RedisStore::open(strict(url), Arc::new(SystemEntropy)).await;
    let first = open(&proxy.url()).await.unwrap();
    let before = redis.backup();
    let ann = populate(&first, "ann", 1).await;
    proxy.refuse(true);
    redis.kill();
    redis.restore(&before);
    redis.restart();
    redis.command(&["DEL", "countersign:{m}:lock"]);
    let next = open(&redis.url()).await.unwrap();
    assert_eq!(next.account(&user("ann")).await.unwrap().record, None, "it cannot know");
    proxy.refuse(false);
    let why = first.broken().await.to_string();
    assert!(why.contains("another server has taken over"), "{why}");
    until("the next server knows", async || next.account(&user("ann")).await.err()).await;
    is_closed(&next, "ann", &ann).await;
}
