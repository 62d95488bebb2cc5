//! Tests of failover: the primary dies, and the replica that is promoted lacks the latest commits.

use std::net::SocketAddr;

use countersign_core::change::Write;
use countersign_core::outcome::Outcome;
use countersign_engine::ports::Store as _;
use countersign_engine::ports::store::Committed;
use countersign_testkit::proxy::Proxy;
use countersign_testkit::records::*;
use countersign_testkit::redis_server::Redis;

use crate::lost::{is_whole, populate};
use crate::{open, until};

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

#[tokio::test]
async fn a_replica_that_lacks_a_tail_is_given_it_and_no_end_is_replaced() {
    let (mut primary, replica) = (Redis::durable(), Redis::durable());
    let server = Proxy::before(primary.address()).await;
    let replication = Proxy::before(primary.address()).await;
    let store = open(&server.url()).await;
    let (asked, _) = populate(&store, "ann", 1).await;
    follow(&replica, replication.address()).await;
    // From here on the replica gets nothing: for it, the challenge stays open, and bob does not
    // exist.
    replication.refuse(true);
    let approved = ended(&asked, Outcome::Approved, 30);
    recorded(&store, &user("ann"), 3, [Write::Challenge(approved.clone().into())]).await;
    let bob = populate(&store, "bob", 11).await;
    assert_ne!(replica.command(&["DBSIZE"]), primary.command(&["DBSIZE"]));
    primary.kill();
    assert_eq!(replica.command(&["REPLICAOF", "NO", "ONE"]), "+OK\r\n");
    server.lead_to(replica.address());
    // The replica lacks the approval, but a denial cannot replace it.
    let denied = Write::Challenge(ended(&asked, Outcome::Denied, 31).into());
    let answer = store.commit(unit(&user("ann"), 4, [denied])).await;
    let kept = Box::new(approved.ended.unwrap());
    assert_eq!(answer, Ok(Committed::Ended { challenge: asked.id, recorded: kept }));
    is_whole(&store, "bob", 11, bob).await;
    assert_eq!(store.ready(), Ok(()));
}

#[tokio::test]
async fn a_primary_that_was_demoted_and_keeps_its_connections_is_left() {
    let (old, new) = (Redis::durable(), Redis::durable());
    let server = Proxy::before(old.address()).await;
    let store = open(&server.url()).await;
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
    assert_eq!(new.command(&["EXISTS", "countersign:state"]), ":1\r\n");
    assert_eq!(store.ready(), Ok(()));
}
