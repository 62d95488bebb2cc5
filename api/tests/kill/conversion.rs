//! Tests of a conversion that is killed, has no room, or meets a second process. Each ends with a
//! file that has every record.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use countersign_testkit::{layouts, until};

use crate::disk::Disk;
use crate::number;
use crate::server::{Launch, SECRET, Server, TENANT};

/// Default number of killed conversions. `COUNTERSIGN_CONVERSIONS` overrides it.
const KILLED: u64 = 3;
/// System calls at which a conversion is killed.
const CALLS: &str =
    "openat,pread64,pwrite64,fsync,fdatasync,ftruncate,fcntl,flock,link,linkat,rename,unlink";

/// Runs `countersign store` with these words, under another program. Opening the store converts it.
fn store(folder: &Path, under: &[&str], words: &[&str]) -> Output {
    let command = [under, &[env!("CARGO_BIN_EXE_countersign"), "store"], words].concat();
    Command::new(command[0])
        .args(&command[1..])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("COUNTERSIGN_TENANT_ID", TENANT)
        .env("COUNTERSIGN_SECRET_KEY", SECRET)
        .env("COUNTERSIGN_STORE", format!("sqlite:{}", folder.join("store").display()))
        .env("COUNTERSIGN__SERVER__DATA_DIR", folder)
        .output()
        .unwrap()
}

fn export(folder: &Path, under: &[&str]) -> (Output, PathBuf) {
    let file = folder.join("export");
    let _ = std::fs::remove_file(&file);
    (store(folder, under, &["export", file.to_str().unwrap()]), file)
}

fn refused(folder: &Path, under: &[&str]) -> String {
    let (output, _) = export(folder, under);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    error
}

fn assert_converted(folder: &Path) {
    let (output, file) = export(folder, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    layouts::assert_same(layouts::records_of(&std::fs::read(file).unwrap()), layouts::records());
    assert!(folder.join("store.layout-2").exists());
    assert!(!folder.join("store.converting").exists());
}

/// Folder of a test, with a file of layout 2.
fn old() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    layouts::write(&folder.path().join("store"));
    folder
}

/// The system calls of a conversion, each with its number among the same calls of its thread.
struct Places(BTreeMap<String, Vec<usize>>);

impl Places {
    fn of(trace: &str) -> Self {
        let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
        let mut places = BTreeMap::<_, Vec<_>>::new();
        for line in trace.lines() {
            let Some((thread, call)) = line.split_once(char::is_whitespace) else { continue };
            let Some((name, _)) = call.trim_start().split_once('(') else { continue };
            let number = counts.entry((thread, name)).or_default();
            *number += 1;
            places.entry(name.to_owned()).or_default().push(*number);
        }
        Self(places)
    }

    /// Chooses a call by its name first, because most calls are reads and few are renames.
    fn choose(&self, random: &mut fastrand::Rng) -> (&str, usize) {
        let (name, numbers) = self.0.iter().nth(random.usize(..self.0.len())).unwrap();
        (name, numbers[random.usize(..numbers.len())])
    }
}

#[test]
fn a_conversion_that_is_killed_anywhere_loses_nothing() {
    let folder = old();
    let trace = folder.path().join("trace");
    let launch = Launch::traced(&trace, &["-e", &format!("trace={CALLS}")]);
    let under: Vec<_> = launch.under.iter().map(String::as_str).collect();
    let (output, _) = export(folder.path(), &under);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let places = Places::of(&std::fs::read_to_string(&trace).unwrap());
    let killed_max = number("COUNTERSIGN_CONVERSIONS").unwrap_or(KILLED);
    let mut random = fastrand::Rng::with_seed(number("COUNTERSIGN_KILL_SEED").unwrap_or(1));
    let (mut killed, mut tries) = (0, 0);
    while killed < killed_max {
        tries += 1;
        assert!(tries <= 10 * killed_max, "{killed} of {tries} conversions were killed");
        let folder = old();
        // Up to three starts are killed, one after the other.
        for _ in 0..random.usize(1..=3) {
            let (call, number) = places.choose(&mut random);
            let inject = format!("inject={call}:signal=KILL:when={number}");
            let launch = Launch::traced(&trace, &["-e", &inject]);
            let under: Vec<_> = launch.under.iter().map(String::as_str).collect();
            killed += u64::from(!export(folder.path(), &under).0.status.success());
        }
        assert_converted(folder.path());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_converts_and_serves() {
    let folder = old();
    let mut server = Server::start(folder.path()).await;
    assert_eq!(server.stop(), Some(0));
    server.assert_log_is_clean();
    assert!(folder.path().join("store.layout-2").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_that_the_store_is_being_opened() {
    let folder = old();
    // The opening waits for another program that reads the file.
    let reader = layouts::read(&folder.path().join("store"));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listen = free.to_string();
    let settings = [("COUNTERSIGN__OPERATIONS__LISTEN", listen.as_str())];
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let health = async |path: &str| {
        let answer = http.get(format!("http://{listen}/health/{path}")).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.unwrap()))
    };
    let watched = async {
        let (status, body) = until("it is being opened", async || health("ready").await).await;
        assert_eq!(status, 503, "{body}");
        assert!(body.contains("not_ready") && body.contains("being opened"), "{body}");
        assert_eq!(health("live").await.unwrap().0, 200);
        drop(reader);
    };
    let (server, ()) = tokio::join!(Server::start_with(folder.path(), &settings), watched);
    let ready = async || health("ready").await.filter(|(status, _)| *status == 200);
    until("it is ready", ready).await;
    server.assert_log_is_clean();
}

#[test]
fn without_room_the_old_file_stays_and_room_ends_that() {
    let disk = Disk::mount(24 << 20);
    layouts::write(&disk.path().join("store"));
    let ballast = disk.take(16 << 20);
    let error = refused(disk.path(), &[]);
    assert!(error.contains("needs 17 MiB of free space"), "{error}");
    assert!(error.contains("7 MiB are free"), "{error}");
    assert!(!disk.path().join("store.layout-2").exists());
    std::fs::remove_file(ballast).unwrap();
    assert_converted(disk.path());
}

#[test]
fn a_disk_that_fills_up_meanwhile_leaves_the_old_file() {
    let folder = old();
    // A file of more than 96 KiB cannot be written.
    let limited = "trap '' XFSZ; ulimit -f 96; exec \"$@\"";
    let error = refused(folder.path(), &["bash", "-c", limited, "bash"]);
    assert!(error.contains("store is unavailable"), "{error}");
    assert!(!folder.path().join("store.converting").exists());
    assert!(!folder.path().join("store.layout-2").exists());
    assert_converted(folder.path());
}

#[test]
fn a_disk_that_is_read_only_leaves_the_old_file() {
    let disk = Disk::mount(24 << 20);
    layouts::write(&disk.path().join("store"));
    disk.remount("ro");
    refused(disk.path(), &[]);
    disk.remount("rw");
    assert!(!disk.path().join("store.layout-2").exists());
    assert_converted(disk.path());
}

#[test]
fn of_two_processes_one_converts() {
    for _ in 0..5 {
        let folder = old();
        let outputs = std::thread::scope(|scope| {
            let check = || store(folder.path(), &[], &["check"]);
            let both = [(); 2].map(|()| scope.spawn(check));
            both.map(|one| one.join().unwrap())
        });
        let succeeded = outputs.iter().filter(|output| output.status.success()).count();
        assert!(succeeded > 0, "{outputs:?}");
        for failed in outputs.iter().filter(|output| !output.status.success()) {
            let error = String::from_utf8_lossy(&failed.stderr);
            assert!(error.contains("another server has"), "{error}");
        }
        assert_converted(folder.path());
        assert!(!folder.path().join("store.layout-2.1").exists());
    }
}
