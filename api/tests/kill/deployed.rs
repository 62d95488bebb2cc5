//! Test of the Redis that `deploy/` configures. It is killed together with its server, and must
//! lose no record.

use std::path::Path;
use std::process::Command;

use countersign_testkit::redis_server::Redis;

use crate::caller::Caller;
use crate::invariants::{self, Counted};
use crate::life::Life;
use crate::server::{Server, begin};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy");

/// A Redis with the settings of `deploy/` and the given users, and its URL for the server's user.
struct Deployed {
    redis: Redis,
    url: String,
}

impl Deployed {
    fn start(folder: &Path, users: impl FnOnce(String) -> String) -> Self {
        let password = prepare(folder);
        let file = folder.join("redis/users.acl");
        std::fs::write(&file, users(std::fs::read_to_string(&file).unwrap())).unwrap();
        let settings = std::fs::read_to_string(folder.join("redis/redis.conf")).unwrap();
        let lines = settings.lines().filter_map(|line| line.split_once(' '));
        // These paths are valid only inside the container.
        let lines = lines.filter(|(name, _)| !["#", "dir", "aclfile"].contains(name));
        let mut arguments: Vec<_> =
            lines.flat_map(|(name, value)| [format!("--{name}"), value.to_owned()]).collect();
        assert!(arguments.contains(&"--appendonly".to_owned()), "{arguments:?}");
        arguments.extend(["--aclfile".to_owned(), file.display().to_string()]);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let redis = Redis::with(&arguments);
        let url = redis.url().replace("://", &format!("://countersign:{password}@"));
        Self { redis, url }
    }
}

/// Prepares a copy of `deploy/` as an operator does, and returns the password of Redis.
fn prepare(folder: &Path) -> String {
    let mut copying = Command::new("cp");
    let copied = copying.args(["-R", "scripts", "redis"]).arg(folder).current_dir(DEPLOY).status();
    assert!(copied.unwrap().success());
    let _ = std::fs::remove_file(folder.join("redis/users.acl"));
    let prepared = Command::new(folder.join("scripts/prepare")).arg("demo").output().unwrap();
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    let made = std::fs::read_to_string(folder.join(".env")).unwrap();
    let mut lines = made.lines();
    lines.find_map(|line| line.strip_prefix("REDIS_PASSWORD=")).unwrap().to_owned()
}

#[test]
fn scripts_without_their_arguments_print_their_usage_and_make_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut copying = Command::new("cp");
    let copied = copying.args(["-R", "scripts"]).arg(folder.path()).current_dir(DEPLOY).status();
    assert!(copied.unwrap().success());
    for (script, usage) in [
        ("prepare", "usage: prepare TENANT"),
        ("backup", "usage: backup STORE TARGET"),
        ("restore", "usage: restore BACKUP STORE"),
    ] {
        let said = Command::new(folder.path().join("scripts").join(script)).output().unwrap();
        let told = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.code() == Some(2) && told.starts_with(usage), "{script}: {told}");
        assert!(said.stdout.is_empty(), "{script}");
    }
    assert!(!folder.path().join(".env").exists());
    let odd =
        Command::new(folder.path().join("scripts/prepare")).arg("two words").output().unwrap();
    assert_eq!(odd.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_as_deployed_has_everything_after_it_was_killed_with_its_server() {
    let (folder, deploy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut deployed = Deployed::start(deploy.path(), |users| users);
    let begun = begin(&deployed.url, &[]);
    assert!(begun.status.success(), "{}", String::from_utf8_lossy(&begun.stderr));
    let settings = [("COUNTERSIGN_STORE", &*deployed.url)];
    let mut server = Server::start_with(folder.path(), &settings).await;
    let caller = Caller::new(server.url(), None);
    let mut lives: Vec<_> = (0..12).map(|number| Life::new(0, number)).collect();
    for life in &mut lives {
        life.live(&caller).await;
    }
    server.kill();
    deployed.redis.kill();
    deployed.redis.restart();
    let server = Server::start_with(folder.path(), &settings).await;
    let counted = invariants::check(&server, &lives).await;
    assert_eq!(counted, Counted { removed: 3, ..Counted::all_decided(12) });
    assert_eq!(server.read_log(), "", "no setting is a risk");
}

#[test]
fn a_redis_that_would_load_nothing_of_its_log_is_refused() {
    let deploy = tempfile::tempdir().unwrap();
    let strict = |users: String| users.replace("default off ~* &* +@all", "default off");
    let deployed = Deployed::start(deploy.path(), strict);
    let refused = begin(&deployed.url, &[]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("what was acknowledged is lost; set user default off ~* &* +@all"));
}
