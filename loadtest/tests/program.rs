//! The program: it reports an error in one line with an exit code, and keeps its measurements.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fake;
mod support;

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use fake::{Fake, Manner};
use support::{against, program, report, said};

const MS: Duration = Duration::from_millis(1);

/// Asserts that the program failed with a single line that contains `words`.
fn refused(output: &Output, words: &str) {
    let said = said(output);
    assert!(!output.status.success(), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(said.contains(words), "{words:?} is not in {said:?}");
}

fn fake() -> Fake {
    Fake::start(Manner { delay: MS, ..Manner::default() })
}

#[test]
fn what_the_command_line_gets_wrong_is_said() {
    for (arguments, words) in [
        ("sideways --spawn", "unrecognized subcommand 'sideways'"),
        ("lifecycle", "--target"),
        ("lifecycle --spawn --rate fast", "'fast' for '--rate"),
        ("lifecycle --spawn --rate 0", "a number above 0"),
        ("lifecycle --spawn --rate -5", "a number above 0"),
        ("lifecycle --spawn --time soon", "no time such as"),
        ("lifecycle --spawn --mix approve=lots", "approve=90"),
        ("lifecycle --spawn --human often", "exp:5s"),
        ("lifecycle --spawn --phones fax", "'fax' for '--phones"),
        ("poison --spawn --share 2", "a number from 0 to 1"),
        ("lifecycle --spawn --http 3", "--http"),
    ] {
        let output = program(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        refused(&output, words);
    }
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_started() {
    for (arguments, words) in [
        ("hostile --only h2-flood", "\"h2-flood\" is none of h2-broken-bodies, h2-floods"),
        ("hostile --store redis://10.0.0.1", "10.0.0.1 is another machine"),
        (
            "hostile --spawn /no/such/server --seconds 1",
            "/no/such/server: there is no such program",
        ),
        ("hostile --json /no/such/folder/x", "the report cannot be written"),
        ("attack", "an order on the standard input is missing"),
        ("lifecycle --spawn --time 1ms", "--time is 100ms or more"),
        ("lifecycle --spawn --users 0", "users are 1 to"),
        ("waiters --spawn --hold 10m", "--hold is 4m or less"),
        ("capacity --spawn --rate-start 9 --rate-max 8", "--rate-start is --rate-max or less"),
        ("capacity --spawn --precision 0%", "--precision is more than 0 %"),
        ("lifecycle --spawn --store mysql://127.0.0.1", "none of memory:, sqlite, redis://"),
        ("lifecycle --spawn --store redis://10.0.0.1", "--allow-remote"),
        ("lifecycle --spawn --server-cores 4000", "core 4000 is none of"),
        ("lifecycle --spawn /no/such/server", "/no/such/server: there is no such program"),
        ("lifecycle --target nonsense --tenant t --secret s", "no http:// or https:// address"),
        ("lifecycle --target http://127.0.0.1:99999 --tenant t --secret s", "invalid port number"),
        ("lifecycle --target http://10.0.0.1/v1 --tenant t --secret s", "--allow-remote"),
        (
            "lifecycle --target http://127.0.0.1 --tenant t --secret s --server-pid 4194304",
            "no process",
        ),
    ] {
        refused(&program(arguments).output().unwrap(), words);
    }
}

#[test]
fn a_server_that_is_not_the_one_that_was_meant_is_refused_by_what_is_wrong_with_it() {
    let fake = fake();
    let at = |url: &str, tenant: &str, secret: &str| {
        let mut command = program("lifecycle --time 1s");
        command.args(["--target", url, "--tenant", tenant, "--secret", secret]).output().unwrap()
    };
    let (url, secret) = (fake.url(), fake::SECRET);
    refused(
        &at("http://127.0.0.1:1", "load", secret),
        "no server answers there: connection refused",
    );
    refused(&at(&url, "load", "another-secret"), "it does not take the secret");
    refused(&at(&url, "other", secret), "the secret is one of tenant \"load\"");
    let elsewhere = url.replace("/v1", "/elsewhere");
    refused(&at(&elsewhere, "load", secret), "this is no Countersign");
    let said = said(&at(&url, "load", "another-secret"));
    assert!(!said.contains("another-secret"), "a secret is shown: {said}");
}

#[test]
fn too_few_descriptors_are_noticed_before_the_start() {
    let program = env!("CARGO_BIN_EXE_countersign-loadtest");
    let script = format!("ulimit -n 300 && exec {program} waiters --count 5000 --spawn");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    refused(&output, "descriptors are needed and the process may have 300");
}

#[test]
fn a_report_that_cannot_be_written_is_noticed_before_the_run() {
    let fake = fake();
    for option in ["--json", "--html", "--markdown"] {
        let output =
            against(&fake, "lifecycle").args([option, "/no/such/folder/x"]).output().unwrap();
        let why = "/no/such/folder/x: the report cannot be written: there is no folder \
                   /no/such/folder: make it, or name another";
        refused(&output, why);
        assert!(!said(&output).contains(".tmp"), "{}", said(&output));
    }
    let mut twice = against(&fake, "lifecycle --json x --html x");
    refused(&twice.output().unwrap(), "x: the report cannot be written: two forms");
    assert_eq!(fake.tracked(), 0, "something was measured all the same");
}

#[test]
fn what_was_measured_is_kept_elsewhere_where_its_folder_went_away_meanwhile() {
    let (fake, folders) = (fake(), tempfile::tempdir().unwrap());
    let (gone, kept) = (folders.path().join("gone"), folders.path().join("kept"));
    [&gone, &kept].into_iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
    let mut command = against(&fake, "lifecycle --rate 40 --time 10m --warm-up 0s --users 20");
    command.args(["--phones", "android", "--json"]).arg(gone.join("report.json"));
    command.arg("--markdown").arg(kept.join("report.md")).env("TMPDIR", &kept);
    let child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    fake.wait_for_tracked(60);
    std::fs::remove_dir(&gone).unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    refused(&output, "gone/report.json: the report cannot be written: there is no folder ");
    let said = said(&output);
    let json = said.split_once("it is kept in ").and_then(|(_, rest)| rest.split_once(", for"));
    let json = Path::new(json.expect("it says where").0);
    assert!(json.starts_with(&kept) && report(json).totals.completed >= 20);
    assert!(kept.join("report.md").is_file(), "the other form is written all the same");
}

#[test]
fn a_misspelt_word_is_answered_with_the_one_that_was_meant() {
    for (arguments, meant) in [
        ("lifecycel --spawn", "'lifecycle'"),
        ("lifecycle --spawn --rat 5", "'--rate'"),
        ("lifecycle --spawn --shape poison", "'poisson'"),
        ("lifecycle --spawn --phones androit", "'android'"),
    ] {
        let output = program(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        refused(&output, meant);
    }
}

#[test]
fn every_form_of_the_report_is_written() {
    let (fake, folder) = (fake(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name);
    let mut command = against(&fake, "lifecycle --rate 40 --time 1s --users 20 --phones android");
    command.arg("--json").arg(path("r.json")).arg("--html").arg(path("r.html"));
    let output = command.arg("--markdown").arg(path("r.md")).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output), "", "nothing is drawn where there is no terminal");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("p99.9") && shown.contains("validate"), "{shown}");
    let report = report(&path("r.json"));
    assert!(report.totals.completed > 0 && report.cut_short.is_none());
    assert!(!report.command.contains(fake::SECRET));
    for (name, words) in [("r.html", "<html"), ("r.md", "lifecycle")] {
        assert!(std::fs::read_to_string(path(name)).unwrap().contains(words), "{name}");
    }
}

#[test]
fn an_interrupt_keeps_what_was_measured() {
    let (fake, folder) = (fake(), tempfile::tempdir().unwrap());
    let file = folder.path().join("report.json");
    let mut command = against(&fake, "lifecycle --rate 40 --time 10m --warm-up 0s --users 20");
    command.args(["--phones", "android", "--json"]).arg(&file).stderr(Stdio::piped());
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    // Twenty of these actions are enrollments and one is the probe; the further ones are measured.
    fake.wait_for_tracked(60);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    refused(&output, "cut short: interrupted");
    let report = report(&file);
    assert_eq!(report.cut_short.as_deref(), Some("interrupted"));
    assert!(report.totals.completed >= 20 && report.took_seconds < 60.0);
}

/// Writes a program that prints the fake's addresses as a server does, and ends when a file exists.
/// Returns the paths of the program and of that file.
fn posing(fake: &Fake, folder: &Path) -> (PathBuf, PathBuf) {
    let (program, end) = (folder.join("server"), folder.join("end"));
    let address = fake.address;
    let script = format!(
        "#!/bin/sh\necho listening on http://{address}\necho operations on http://{address}: x\n\
         while ! [ -e {} ]; do /bin/sleep 0.05; done\necho the disk is gone >&2\nexit 3\n",
        end.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    (program, end)
}

#[test]
fn a_server_that_dies_ends_the_run_and_what_was_measured_is_kept() {
    let manner = Manner { delay: MS, trusting: true, ..Manner::default() };
    let (fake, folder) = (Fake::start(manner), tempfile::tempdir().unwrap());
    let (server, end) = posing(&fake, folder.path());
    let file = folder.path().join("report.json");
    let mut command = program("lifecycle --rate 40 --time 10m --warm-up 0s --users 20 --no-pin");
    command.args(["--phones", "android", "--spawn"]).arg(server).arg("--json").arg(&file);
    command.stderr(Stdio::piped()).stdout(Stdio::null());
    let child = command.spawn().unwrap();
    fake.wait_for_tracked(60);
    File::create(end).unwrap();
    let output = child.wait_with_output().unwrap();
    refused(&output, "cut short: the server has ended: the disk is gone");
    assert!(report(&file).totals.completed >= 20);
}

#[test]
fn a_server_that_does_not_start_is_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let server = folder.path().join("server");
    std::fs::write(&server, "#!/bin/sh\necho no room >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&server, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = program("lifecycle --spawn").arg(&server).output().unwrap();
    refused(&output, "did not start: it ended before it listened: no room");
}
