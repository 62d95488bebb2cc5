//! Tests of failover: the primary dies, and the replica that is promoted lacks the latest commits.

use std::net::SocketAddr;
use std::sync::Arc;

use countersign_core::challenge::Challenge;
use countersign_core::change::Write;
use countersign_core::outcome::Outcome;
use countersign_engine::ports::Store as _;
use countersign_engine::store::RedisStore;
use countersign_engine::system::SystemEntropy;
use countersign_testkit::proxy::Proxy;
use countersign_testkit::records::{ended, user};
use countersign_testkit::redis_server::Redis;
use countersign_testkit::redis_store;

use crate::lost::{is_closed, is_whole, populate, strict, until_noticed};
use crate::{begun, recorded, revision, until, until_ready};

/// Makes one Redis a replica of another, and waits until it has all data.
async fn follow(replica: &Redis, primary: SocketAddr) {
    let (host, port) = (primary.ip().to_string(), primary.port().to_string());
    assert_eq!(replica.command(&["REPLICAOF", &host, &port]), "+OK\r\n");
    let linked = async || {
        let told = replica.command(&["INFO", "replication"]);
        told.contains("master_link_status:up").then_some(())
    };
    until("the replica follows", linked).await;
}

/// Makes a store whose replica lacks the end of ann's challenge and all of bob, and promotes the
/// replica. Returns ann's challenges, and what bob was asked.
async fn promoted(
    store: &RedisStore,
    server: &Proxy,
    (mut primary, replica): (Redis, &Redis),
) -> [(Challenge, Challenge); 2] {
    let replication = Proxy::before(primary.address()).await;
    let ann = populate(store, "ann", 1).await;
    follow(replica, replication.address()).await;
    // From here on the replica gets nothing: for it, the challenge stays open, and bob does not
    // exist.
    replication.refuse(true);
    let approved = ended(&ann.0, Outcome::Approved, 30);
    recorded(store, &user("ann"), 3, [Write::Challenge(approved.into())]).await;
    let bob = populate(store, "bob", 11).await;
    assert_ne!(replica.command(&["DBSIZE"]), primary.command(&["DBSIZE"]));
    primary.kill();
    assert_eq!(replica.command(&["REPLICAOF", "NO", "ONE"]), "+OK\r\n");
    server.lead_to(replica.address());
    [ann, bob]
}

#[tokio::test]
async fn a_replica_that_lacks_a_tail_is_closed_and_no_end_is_replaced() {
    let (primary, replica) = (Redis::durable(), Redis::durable());
    let server = Proxy::before(primary.address()).await;
    redis_store::begin(&server.url()).await;
    let store = RedisStore::open(strict(&server.url()), Arc::new(SystemEntropy)).await.unwrap();
    let [ann, bob] = promoted(&store, &server, (primary, &replica)).await;
    // The replica lacks the approval, but a denial cannot replace it.
    until_noticed(&store).await;
    is_closed(&store, "ann", &ann).await;
    is_closed(&store, "bob", &bob).await;
}

#[tokio::test]
async fn a_replica_that_may_lack_a_tail_goes_on_without_it() {
    let (primary, replica) = (Redis::durable(), Redis::durable());
    let server = Proxy::before(primary.address()).await;
    let store = begun(&server.url()).await;
    let [ann, _] = promoted(&store, &server, (primary, &replica)).await;
    until_ready(&store).await;
    is_whole(&store, "ann", 1, ann).await;
    assert_eq!(revision(&store, &user("bob")).await, 0);
}

#[tokio::test]
async fn a_primary_that_was_demoted_and_keeps_its_connections_is_left() {
    let (old, new) = (Redis::durable(), Redis::durable());
    let server = Proxy::before(old.address()).await;
    let store = begun(&server.url()).await;
    let ann = populate(&store, "ann", 1).await;
    follow(&new, old.address()).await;
    assert_eq!(new.command(&["REPLICAOF", "NO", "ONE"]), "+OK\r\n");
    server.lead_to(new.address());
    follow(&old, new.address()).await;
    // New connections reach the new primary. The old one still answers, but as a replica it refuses
    // writes.
    let bob = populate(&store, "bob", 11).await;
    is_whole(&store, "bob", 11, bob).await;
    is_whole(&store, "ann", 1, ann).await;
    assert_eq!(new.command(&["EXISTS", "countersign:{m}:store"]), ":1\r\n");
    assert_eq!(store.ready(), Ok(()));
}
