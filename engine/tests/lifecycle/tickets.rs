//! Tests of tickets: each enrolls one key once, even with many callers or after a crash.

use std::sync::Arc;

use countersign_core::account::{Enroll, Grant};
use countersign_core::device::{Device, Signing};
use countersign_core::id::AccountKey;
use countersign_core::refusal::Refusal;
use countersign_core::statement::{Digest, Statement};
use countersign_core::time::UnixMillis;
use countersign_engine::{EnrollmentProof, Error, TicketWish};
use futures_util::future::join_all;

use crate::support::{Fault, House, Phone, Which, account, action, soon};

const LIFE_MS: u64 = 600_000;

/// Makes a request for a ticket, with a token that was made a second ago.
fn wish(house: &House) -> TicketWish {
    let issued_at = house.now().minus_ms(1_000);
    let issued_at = UnixMillis(issued_at.seconds() * 1_000);
    let grant =
        Grant { action: action("enroll", "e-1"), issued_at, is_verified: false, born: None };
    TicketWish { grant, may_add: false, ends_at: issued_at.plus_ms(LIFE_MS) }
}

/// Makes a user with a tracked action and a ticket.
async fn ticketed(house: &House) -> (AccountKey, String) {
    let alice = account("alice");
    house.clock.pass(2_000);
    house.track(&alice, &action("enroll", "e-1")).await.unwrap();
    house.clock.pass(2_000);
    let ticket = house.engine.issue_ticket(&alice, wish(house)).await.unwrap();
    (alice, ticket)
}

/// Enrolls a phone with a ticket and a proof of its key.
async fn enroll(house: &House, phone: &Phone, text: &str) -> Result<Arc<Device>, Error> {
    let held = house.engine.ticket(text).await?;
    let token = Digest::of(text);
    let (tenant, key) = (&held.account.tenant, phone.public.thumbprint());
    let statement = Statement::Enroll { tenant, key, token };
    let proof = EnrollmentProof { signature: phone.sign_statement(&statement), token };
    let enroll = Enroll {
        signing: Signing::StatementV1,
        ticket: Some(token),
        ..Enroll::official(phone.public.clone(), held.ticket.may_add)
    };
    let enrolled = house.engine.enroll(&held.account, held.ticket.grant, enroll, Some(proof));
    Ok(enrolled.await?.device)
}

fn over<T>() -> Result<T, Error> {
    Err(Error::Refused(Refusal::TicketOver))
}

#[actix::test]
async fn of_many_phones_that_use_one_ticket_at_the_same_time_one_is_enrolled() {
    for round in 0..20 {
        let house = House::open();
        let (alice, ticket) = ticketed(&house).await;
        let phones: Vec<_> = (1..=8).map(Phone::new).collect();
        let using = phones.iter().map(|phone| enroll(&house, phone, &ticket));
        let enrolled = soon(join_all(using)).await;
        assert_eq!(enrolled.iter().filter(|e| e.is_ok()).count(), 1, "round {round}: {enrolled:?}");
        let devices = house.engine.user(&alice).await.unwrap().devices;
        assert_eq!(devices.len(), 1, "round {round}");
        soon(house.engine.close()).await.unwrap();
    }
}

#[actix::test]
async fn a_ticket_stays_used_and_unused_ones_stay_good_through_a_crash() {
    let house = House::open();
    let (alice, used) = ticketed(&house).await;
    let unused = house.engine.issue_ticket(&alice, wish(&house)).await.unwrap();
    enroll(&house, &Phone::new(1), &used).await.unwrap();
    let after = house.again_after(1_000);
    assert_eq!(enroll(&after, &Phone::new(2), &used).await, over());
    assert!(after.engine.ticket(&unused).await.is_ok());
    let late = house.again_after(LIFE_MS);
    assert_eq!(late.engine.ticket(&unused).await.map(|held| held.account), over());
}

#[actix::test]
async fn a_phone_whose_answer_was_lost_asks_again_and_is_enrolled_once() {
    for fault in [Fault::LostAfter, Fault::LostBefore, Fault::Twice] {
        let house = House::open();
        let (alice, ticket) = ticketed(&house).await;
        let phone = Phone::new(1);
        let is_answered = matches!(fault, Fault::Twice);
        house.store.plan(Which::Next, fault);
        let first = soon(enroll(&house, &phone, &ticket)).await;
        assert_eq!(first.is_ok(), is_answered, "{first:?}");
        assert!(is_answered || matches!(first, Err(Error::Unavailable(_))), "{first:?}");
        soon(enroll(&house, &phone, &ticket)).await.unwrap();
        assert_eq!(house.engine.user(&alice).await.unwrap().devices.len(), 1);
        assert_eq!(enroll(&house, &Phone::new(2), &ticket).await, over());
    }
}

#[actix::test]
async fn the_ticket_of_a_user_who_was_deleted_and_tracked_again_is_over() {
    let house = House::open();
    let (alice, ticket) = ticketed(&house).await;
    house.engine.remove_user(&alice).await.unwrap();
    house.track(&alice, &action("enroll", "e-1")).await.unwrap();
    assert_eq!(enroll(&house, &Phone::new(1), &ticket).await, over());
}

#[actix::test]
async fn what_is_no_ticket_is_told_as_little_as_an_unknown_one() {
    let house = House::open();
    let (_, ticket) = ticketed(&house).await;
    let longer = format!("{ticket}A");
    for text in ["", "J.W.T", &longer, &ticket[1..], &"A".repeat(22), &ticket.to_lowercase()] {
        let told = house.engine.ticket(text).await.map(|held| held.account);
        assert_eq!(told, over(), "{text}");
    }
}

#[actix::test]
async fn a_ticket_of_a_clock_ahead_does_not_live_again() {
    const AHEAD_MS: u64 = 5 * 3_600_000;
    let house = House::open();
    let wrong = house.again_after(AHEAD_MS);
    wrong.engine.recover().await.unwrap();
    let (alice, ticket) = ticketed(&wrong).await;
    assert!(wrong.engine.ticket(&ticket).await.is_ok());
    let early = wish(&wrong);
    drop(wrong);
    let back = house.again_after(1_000);
    back.engine.recover().await.unwrap();
    assert_eq!(enroll(&back, &Phone::new(1), &ticket).await, over());
    // A token that was made by the earlier clock can get a new ticket, which lives by the clock
    // that continues.
    let fresh = TicketWish { ends_at: back.now().plus_ms(LIFE_MS), ..early };
    let fresh = back.engine.issue_ticket(&alice, fresh).await.unwrap();
    assert!(back.engine.ticket(&fresh).await.is_ok());
    for later_ms in [2_000, AHEAD_MS - 1_000, AHEAD_MS + 5_000, AHEAD_MS + 60_000] {
        let later = house.again_after(later_ms);
        later.engine.recover().await.unwrap();
        assert_eq!(enroll(&later, &Phone::new(1), &ticket).await, over(), "{later_ms}");
        let lives = later.engine.ticket(&fresh).await.is_ok();
        assert_eq!(lives, later_ms < LIFE_MS, "{later_ms}");
    }
}
