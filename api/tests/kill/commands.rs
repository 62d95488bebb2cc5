//! Tests of operators' commands. They run as processes, with a server and without one.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use countersign_testkit::redis_server::Redis;

use crate::caller::{Caller, Failed};
use crate::invariants::{self, Counted};
use crate::life::{Life, Step};
use crate::server::{Launch, SECRET, Server, TENANT, begun_redis};

/// Configures a server with the operators' listener on a free port.
fn with_operators() -> Launch {
    let listen = ("COUNTERSIGN__OPERATIONS__LISTEN".to_owned(), "127.0.0.1:0".to_owned());
    Launch { env: vec![listen], ..Launch::default() }
}

pub(crate) fn run(folder: &Path, store: &Path, arguments: &[&str]) -> Output {
    run_on(folder, &format!("sqlite:{}", store.display()), arguments)
}

pub(crate) fn run_on(folder: &Path, url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .env_clear()
        .env("COUNTERSIGN_TENANT_ID", TENANT)
        .env("COUNTERSIGN_SECRET_KEY", SECRET)
        .env("COUNTERSIGN_STORE", url)
        .env("COUNTERSIGN__SERVER__DATA_DIR", folder)
        .output()
        .unwrap()
}

/// Returns the output of a command, which must succeed.
pub(crate) fn said(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Returns the error text of a command, which must fail.
pub(crate) fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn store(folder: &Path) -> PathBuf {
    folder.join("store")
}

/// Makes a user with a phone and an open challenge.
async fn asked(caller: &Caller, number: usize) -> (Life, String, String) {
    let life = Life::new(7, number);
    let token = caller.track(&life.user).await.unwrap().token.into_string();
    let enrolled = caller.enroll(&token, &life.phone).await.unwrap();
    caller.challenge(&token).await.unwrap();
    (life, token, enrolled.user_authenticator_id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_device_is_gone_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_as(folder.path(), &with_operators()).await;
    let caller = Caller::new(server.url(), None);
    let (life, token, device) = asked(&caller, 1).await;
    let challenge = caller.challenge(&token).await.unwrap().challenge_id;
    let waiter = caller.verify(&token, &challenge, Some(30));
    let whose = ["--tenant", TENANT, "--user", &life.user];
    let command = |words: &[&str]| {
        let all: Vec<_> = words.iter().copied().chain(whose).collect();
        run(folder.path(), &store(folder.path()), &all)
    };
    let listed = said(&command(&["device", "list"]));
    assert!(listed.contains(&device), "{listed}");
    let shown = said(&command(&["account", "show"]));
    assert!(shown.contains(&challenge) && shown.contains("prompts         2"), "{shown}");
    let revoking = async { said(&command(&["device", "revoke", &device])) };
    let (told, done) = tokio::join!(waiter, revoking);
    assert_eq!(done, "the device is revoked\n");
    let outcome = told.unwrap().outcome.unwrap();
    assert_eq!(format!("{outcome:?}"), "Revoked");
    let gone = caller.decide(&life.phone, &challenge, true).await;
    assert!(matches!(gone, Err(Failed::Status(401, _))), "{gone:?}");
    assert_eq!(said(&command(&["device", "list"])), "no devices\n");
    let again = refused(&command(&["device", "revoke", &device]));
    assert!(again.contains("(404 Not Found): the user has no such device"), "{again}");
    let nobody = ["account", "show", "--tenant", TENANT, "--user", "nobody"];
    let nobody = refused(&run(folder.path(), &store(folder.path()), &nobody));
    assert!(nobody.contains("the user is not known"), "{nobody}");
    for command in [&["account", "show"][..], &["account", "release-hold"], &["device", "list"]] {
        let whose = [command, &["--tenant", "elsewhere", "--user", "ann"]].concat();
        let elsewhere = refused(&run(folder.path(), &store(folder.path()), &whose));
        assert!(elsewhere.contains("(404 Not Found): the tenant is not configured"), "{elsewhere}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_released_hold_lets_the_user_be_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_as(folder.path(), &with_operators()).await;
    let caller = Caller::new(server.url(), None);
    let (life, token, _) = asked(&caller, 1).await;
    for _ in 0..4 {
        caller.challenge(&token).await.unwrap();
    }
    assert!(matches!(caller.challenge(&token).await, Err(Failed::Status(429, _))));
    let whose = ["account", "release-hold", "--tenant", TENANT, "--user", &life.user];
    let done = said(&run(folder.path(), &store(folder.path()), &whose));
    assert_eq!(done, "the user may be asked again at once\n");
    assert!(caller.challenge(&token).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_for_a_running_server_say_so_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let list = ["device", "list", "--tenant", TENANT, "--user", "ann"];
    let never = refused(&run(folder.path(), &store(folder.path()), &list));
    assert!(never.contains("no server has left"), "{never}");
    let mut server = Server::start_as(folder.path(), &with_operators()).await;
    server.kill();
    let killed = refused(&run(folder.path(), &store(folder.path()), &list));
    assert!(killed.contains("no server answers at http://127.0.0.1:"), "{killed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exported_store_is_imported_into_another_and_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let from = store(folder.path());
    let file = folder.path().join("records");
    let file = file.to_str().unwrap();
    let mut server = Server::start(folder.path()).await;
    let caller = Caller::new(server.url(), None);
    let mut lives: Vec<_> = (0..12).map(|number| Life::new(3, number)).collect();
    for life in &mut lives {
        life.live(&caller).await;
        assert_ne!(life.deciding, Step::InFlight);
    }
    for command in [&["store", "check"][..], &["store", "export", file]] {
        let locked = refused(&run(folder.path(), &from, command));
        assert!(locked.contains("another server has"), "{locked}");
    }
    server.kill();
    let checked = said(&run(folder.path(), &from, &["store", "check"]));
    assert!(checked.contains("12 accounts") && checked.contains("everything can"), "{checked}");
    said(&run(folder.path(), &from, &["store", "export", file]));
    let twice = refused(&run(folder.path(), &from, &["store", "export", file]));
    assert!(twice.contains("exists"), "{twice}");
    let into = folder.path().join("other");
    let imported = said(&run(folder.path(), &into, &["store", "import", file]));
    assert!(imported.contains("records are imported"), "{imported}");
    let again = refused(&run(folder.path(), &into, &["store", "import", file]));
    assert!(again.contains("the store is not empty"), "{again}");
    std::fs::rename(&from, folder.path().join("old")).unwrap();
    for suffix in ["-wal", "-shm", ".lock"] {
        std::fs::remove_file(folder.path().join(format!("store{suffix}"))).unwrap();
    }
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let name = |store| folder.path().join(format!("{store}{suffix}"));
        std::fs::rename(name("other"), name("store")).unwrap();
    }
    let counted = invariants::check(&Server::start(folder.path()).await, &lives).await;
    assert_eq!(counted, Counted { removed: 3, ..Counted::all_decided(12) });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_pruned_by_its_retention() {
    let folder = tempfile::tempdir().unwrap();
    let from = store(folder.path());
    let mut server = Server::start(folder.path()).await;
    let caller = Caller::new(server.url(), None);
    let mut lives: Vec<_> = (0..6).map(|number| Life::new(3, number)).collect();
    for life in &mut lives {
        life.live(&caller).await;
    }
    let prune = |days| run(folder.path(), &from, &["store", "prune", "--within-days", days]);
    assert!(refused(&prune("0")).contains("another server has"));
    server.kill();
    let count = |kind: &str| {
        let checked = said(&run(folder.path(), &from, &["store", "check"]));
        let line = checked.lines().find_map(|line| line.strip_suffix(kind)).map(str::trim);
        line.map_or(0, |count| count.parse::<u64>().unwrap())
    };
    let (actions, challenges) = (count(" actions"), count(" challenges"));
    assert!(actions > 0 && challenges > 0, "{actions} and {challenges}");
    assert!(said(&prune("0")).contains("0 records are deleted"));
    assert_eq!(count(" challenges"), challenges, "all of them are within their retention");
    said(&prune("1"));
    assert_eq!((count(" actions"), count(" challenges")), (actions, 0));
    said(&prune("30"));
    assert_eq!((count(" accounts"), count(" actions")), (6, 0));
}

#[test]
fn a_store_that_is_not_there_or_a_stream_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = refused(&run(folder.path(), &store(folder.path()), &["store", "check"]));
    assert!(missing.contains("there is no store at"), "{missing}");
    let text = folder.path().join("text");
    std::fs::write(&text, "not a stream of records, but long enough").unwrap();
    let import = ["store", "import", text.to_str().unwrap()];
    let refusal = refused(&run(folder.path(), &store(folder.path()), &import));
    assert!(refusal.contains("not a stream of records"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_moves_from_redis_to_a_file_and_into_another_redis() {
    let folder = tempfile::tempdir().unwrap();
    let (redis, other) = (begun_redis(), Redis::durable());
    let mut server =
        Server::start_with(folder.path(), &[("COUNTERSIGN_STORE", &redis.url())]).await;
    let caller = Caller::new(server.url(), None);
    let mut lives: Vec<_> = (0..12).map(|number| Life::new(3, number)).collect();
    for life in &mut lives {
        life.live(&caller).await;
    }
    let path = folder.path().join("records");
    let file = path.to_str().unwrap();
    for command in [&["store", "check"][..], &["store", "export", file]] {
        let locked = refused(&run_on(folder.path(), &redis.url(), command));
        assert!(locked.contains("another server uses this Redis"), "{locked}");
    }
    assert_eq!(server.stop(), Some(0));
    let checked = said(&run_on(folder.path(), &redis.url(), &["store", "check"]));
    assert!(checked.contains("12 accounts") && checked.contains("everything can"), "{checked}");
    said(&run_on(folder.path(), &redis.url(), &["store", "export", file]));
    let again = refused(&run_on(folder.path(), &redis.url(), &["store", "import", file]));
    assert!(again.contains("Redis holds a store already"), "{again}");
    // The records are imported into a file of SQLite, and exported from it.
    let between = store(folder.path());
    said(&run(folder.path(), &between, &["store", "import", file]));
    std::fs::remove_file(&path).unwrap();
    said(&run(folder.path(), &between, &["store", "export", file]));
    let imported = said(&run_on(folder.path(), &other.url(), &["store", "import", file]));
    assert!(imported.contains("records are imported"), "{imported}");
    let settings = [("COUNTERSIGN_STORE", &*other.url())];
    let server = Server::start_with(folder.path(), &settings).await;
    let counted = invariants::check(&server, &lives).await;
    assert_eq!(counted, Counted { removed: 3, ..Counted::all_decided(12) });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_row_of_redis_is_named_and_ends_the_command_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::durable();
    let missing = refused(&run_on(folder.path(), &redis.url(), &["store", "check"]));
    assert!(missing.contains("there is no store in this Redis"), "{missing}");
    assert_eq!(redis.command(&["DBSIZE"]), ":0\r\n", "looking makes none");
    said(&run_on(folder.path(), &redis.url(), &["store", "begin"]));
    let settings = [("COUNTERSIGN_STORE", &*redis.url())];
    let mut server = Server::start_with(folder.path(), &settings).await;
    asked(&Caller::new(server.url(), None), 1).await;
    assert_eq!(server.stop(), Some(0));
    let account = redis.keys("countersign:{*}:a*").pop().unwrap();
    redis.command_of(&[b"HSET", &account, b"row", b"\0damaged"]);
    let account = account.escape_ascii().to_string();
    let tag = account.split(":a").next().unwrap();
    let check = run_on(folder.path(), &redis.url(), &["store", "check"]);
    assert!(refused(&check).contains("1 records cannot be read: restore a backup"));
    let told = String::from_utf8(check.stdout).unwrap();
    assert!(told.contains(tag) && told.contains("its checksum is wrong"), "{told}");
    let path = folder.path().join("records");
    let export = ["store", "export", path.to_str().unwrap()];
    let refusal = refused(&run_on(folder.path(), &redis.url(), &export));
    assert!(refusal.contains(tag) && !path.exists(), "{refusal}");
}
