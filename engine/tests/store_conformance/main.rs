//! Tests of the contract of [`Store`], run against every adapter. Properties that only a file has
//! are tested in `files`, and the conversion of an older file in `conversion`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bytes;
mod commits;
mod contradictions;
mod conversion;
mod damage;
mod files;
mod lookups;
mod older;
mod outbox;
mod scan;
mod tickets;
mod times;
mod versions;

use std::time::Duration;

use countersign_core::action::{Action, ActionState};
use countersign_core::change::Write;
use countersign_core::outcome::Outcome;
use countersign_engine::ports::Store;
use countersign_engine::store::{
    Bound, Durability, MemoryStore, RedisSettings, RedisStore, SqliteStore,
};
use countersign_testkit::records::{action, challenge, ended, record, recorded, user};
use countersign_testkit::redis_server::Redis;
use countersign_testkit::redis_store;

macro_rules! suite {
    ($open:ident, $($module:ident: { $($test:ident,)+ })+) => {
        $($(
            #[tokio::test]
            async fn $test() {
                let (_ground, store) = super::$open().await;
                super::$module::$test(store).await;
            }
        )+)+
    };
}

/// Defines the tests for every store, including one that answers before it records.
macro_rules! conformance {
    ($open:ident) => {
        suite! {
            $open,
                commits: {
                    an_unknown_user_is_empty,
                    every_record_comes_back_as_it_was_committed,
                    a_unit_from_another_revision_is_refused_and_told_the_recorded_one,
                    a_unit_without_the_account_raises_its_revision_too,
                    nothing_of_a_stale_unit_is_written,
                    removing_a_user_takes_devices_and_actions_and_leaves_challenges,
                    a_late_commit_never_meets_a_user_who_is_made_anew,
                    a_removed_device_is_found_nowhere,
                    commits_of_one_account_stay_in_order_under_eight_threads,
                    closing_records_what_is_queued_and_refuses_what_comes_later,
                }
                outbox: {
                    an_event_is_recorded_with_its_unit_or_not_at_all,
                    due_events_come_by_when_they_are_due,
                    an_event_that_is_put_off_is_due_later_and_counts_its_calls,
                    an_event_that_was_taken_out_stays_out,
                    an_event_outlives_its_account_and_raises_no_revision,
                    of_events_of_one_name_each_account_has_its_own,
                }
                lookups: {
                    users_are_found_by_all_the_attributes_that_are_given,
                    a_changed_or_removed_attribute_is_not_found_any_more,
                    an_address_is_found_in_any_case_of_its_ascii_letters,
                    users_come_in_pages_by_id,
                    users_of_another_tenant_are_not_found,
                    actions_come_newest_first_and_filtered,
                    an_action_is_listed_in_the_state_that_it_has,
                    a_key_is_found_with_all_its_bindings_on_its_tenant,
                    the_first_token_secret_of_a_tenant_is_kept,
                }
                times: {
                    open_challenges_come_oldest_first,
                    overdue_challenges_are_the_expired_and_the_long_held,
                    pruning_forgets_old_actions_and_long_ended_challenges,
                    an_action_stays_while_a_challenge_of_it_is_open,
                    pruning_takes_more_than_one_helping,
                    times_at_the_end_of_time_are_kept,
                    the_highest_time_that_was_seen_is_kept,
                }
                tickets: {
                    a_ticket_leads_to_its_account_while_that_has_it,
                    a_ticket_comes_back_as_it_was_recorded,
                    a_ticket_of_a_refused_unit_leads_nowhere,
                }
        }
    };
}

/// Defines the tests that propose an end other than the recorded one, or write a record of another
/// account. The engine never does either. They break a store that answers before it records, so
/// only stores that answer afterwards run them.
macro_rules! contradictions {
    ($open:ident) => {
        suite! {
            $open,
            contradictions: {
                the_first_end_of_a_challenge_wins_for_ever,
                an_end_proposed_again_is_stale_and_another_end_is_told_the_first,
                an_ended_challenge_is_not_opened_again,
                units_that_no_transition_makes_are_refused,
                nothing_of_a_unit_with_another_end_is_written,
                of_many_ends_proposed_at_once_one_is_recorded,
            }
        }
    };
}

/// Defines the tests of commits that depend on the recorded version.
macro_rules! versions {
    ($open:ident) => {
        suite! {
            $open,
            versions: {
                an_action_to_track_that_is_known_is_answered_and_nothing_is_written,
                a_commit_that_is_sent_again_is_answered_and_not_written_again,
                two_accounts_may_have_challenges_of_one_id,
            }
        }
    };
}

/// Defines the tests of a store whose records do not expire by themselves.
macro_rules! pruned {
    ($open:ident) => {
        suite! {
            $open,
            commits: {
                the_revision_of_a_removed_user_is_forgotten_after_a_day,
            }
            times: {
                pruning_tells_how_many_records_it_deleted,
            }
        }
    };
}

mod memory {
    conformance!(in_memory);
    pruned!(in_memory);
    versions!(in_memory);
    contradictions!(in_memory);
}

mod redis {
    conformance!(in_a_redis);
    versions!(in_a_redis);
    contradictions!(in_a_redis);
}

mod redis_within_a_window {
    conformance!(in_a_redis_within_a_window);
}

mod redis_with_a_backlog {
    conformance!(in_a_redis_with_a_backlog);
}

mod sqlite {
    conformance!(in_a_file);
    pruned!(in_a_file);
    contradictions!(in_a_file);
}

mod sqlite_within_a_window {
    conformance!(in_a_file_within_a_window);
}

/// A bound so long that every commit that may lag is answered early.
const WINDOW: Durability = Durability::Async(Bound::Window(Duration::from_secs(60)));

async fn in_memory() -> ((), MemoryStore) {
    ((), MemoryStore::default())
}

async fn in_a_redis() -> (Redis, RedisStore) {
    in_redis_as(Durability::Sync).await
}

async fn in_a_redis_within_a_window() -> (Redis, RedisStore) {
    in_redis_as(WINDOW).await
}

async fn in_a_redis_with_a_backlog() -> (Redis, RedisStore) {
    in_redis_as(Durability::Async(Bound::Records(1_000))).await
}

async fn in_redis_as(durability: Durability) -> (Redis, RedisStore) {
    let server = Redis::volatile();
    let redis = RedisSettings::new(server.url());
    let store = redis_store::new(RedisSettings { durability, may_lose: true, ..redis }).await;
    (server, store)
}

async fn in_a_file() -> (tempfile::TempDir, SqliteStore) {
    in_file_as(Durability::Sync)
}

async fn in_a_file_within_a_window() -> (tempfile::TempDir, SqliteStore) {
    in_file_as(WINDOW)
}

fn in_file_as(durability: Durability) -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open_with(&folder.path().join("store.db"), durability).unwrap();
    (folder, store)
}

#[tokio::test]
async fn what_redis_knows_of_a_ticket_expires() {
    let (server, store) = in_a_redis().await;
    tickets::two_are_recorded(&store).await;
    let names = server.keys("countersign:t:*");
    assert_eq!(names.len(), 2);
    for name in names {
        let left = String::from_utf8(server.command_of(&[b"PTTL", &name])).unwrap();
        let left: i64 = left.trim().trim_start_matches(':').parse().unwrap();
        assert!((1..=600_000).contains(&left), "{left} ms");
    }
}

#[tokio::test]
async fn what_redis_keeps_of_a_removed_user_expires_unless_the_user_returns() {
    const DAY_MS: i64 = 24 * 3_600_000;
    let (server, store) = in_a_redis().await;
    let ann = user("ann");
    let closed = ended(&challenge(&ann, 1, 10), Outcome::Denied, 20);
    let failed = Action { state: ActionState::ChallengeFailed, ..action(&ann, "one", 10) };
    let writes = [
        Write::Account(record()),
        Write::Action(failed.into()),
        Write::Challenge(closed.clone().into()),
    ];
    recorded(&store, &ann, 0, writes).await;
    let left = |pattern: &str| {
        let keys = server.keys(pattern);
        let [name] = &keys[..] else { panic!("{pattern}: {}", keys.len()) };
        let left = String::from_utf8(server.command_of(&[b"PTTL", name])).unwrap();
        left.trim().trim_start_matches(':').parse::<i64>().unwrap()
    };
    let (account, cases) = ("countersign:{*}:a*", "countersign:{*}:h*");
    assert_eq!(left(account), -1);
    assert!((30 * DAY_MS..60 * DAY_MS).contains(&left(cases)), "{}", left(cases));
    recorded(&store, &ann, 1, [Write::RemoveAccount]).await;
    assert!((1..=2 * DAY_MS).contains(&left(account)), "{}", left(account));
    assert_eq!(server.keys(cases), [[0; 0]; 0], "no action is left");
    let kept = left("countersign:{*}:g*");
    assert!((1..=2 * DAY_MS).contains(&kept), "{kept}");
    recorded(&store, &ann, 2, [Write::Account(record())]).await;
    assert_eq!(left(account), -1);
    assert_eq!(store.challenge(&ann, &closed.id).await, Ok(Some(closed)));
    assert_eq!(store.account(&ann).await.unwrap().version.number, 3);
    assert_eq!(store.verify().await, Ok(()));
}

/// Checks that [`Store`] can be used as a trait object.
#[test]
fn a_store_is_an_object() {
    let stores: Vec<Box<dyn Store>> = vec![Box::new(MemoryStore::default())];
    assert_eq!(stores[0].ready(), Ok(()));
}

#[tokio::test]
async fn every_record_of_memory_is_in_some_page_of_a_scan() {
    scan::every_record_is_in_some_page_of_a_scan(MemoryStore::default()).await;
}

#[tokio::test]
async fn every_record_of_a_file_is_in_some_page_of_a_scan() {
    let (_folder, store) = in_a_file().await;
    scan::every_record_is_in_some_page_of_a_scan(store).await;
}

#[tokio::test]
async fn every_record_of_a_redis_is_in_some_page_of_a_scan() {
    let (_server, store) = in_a_redis().await;
    scan::every_record_is_in_some_page_of_a_scan(store).await;
}

#[tokio::test]
async fn an_export_of_an_older_program_is_imported_into_memory() {
    let ((), store) = in_memory().await;
    scan::an_export_of_an_older_program_is_imported(store).await;
}

#[tokio::test]
async fn an_export_of_an_older_program_is_imported_into_file() {
    let (_folder, store) = in_a_file().await;
    scan::an_export_of_an_older_program_is_imported(store).await;
}

#[tokio::test]
async fn an_export_of_an_older_program_is_imported_into_redis() {
    let (_server, store) = in_a_redis().await;
    scan::an_export_of_an_older_program_is_imported(store).await;
}
