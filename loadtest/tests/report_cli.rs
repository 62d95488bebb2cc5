//! `render` and `compare` as commands: their output, and the single line of an error.

use std::path::Path;
use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    let binary = env!("CARGO_BIN_EXE_countersign-loadtest");
    Command::new(binary).args(args).output().expect("the harness starts")
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it speaks UTF-8");
    (text(&output.stdout), text(&output.stderr))
}

fn assert_refused(args: &[&str], why: &str) {
    let output = run(args);
    let (out, error) = said(&output);
    assert!(!output.status.success() && out.is_empty(), "{args:?}: {out}");
    assert_eq!(error.lines().count(), 1, "{args:?}: {error}");
    assert!(error.starts_with("countersign-loadtest: ") && error.contains(why), "{error}");
}

const REPORT: &str = "tests/report_fixture.json";
const CAPACITY: &str = "tests/report_capacity_fixture.json";

#[test]
fn render_writes_what_is_asked_for_and_the_markdown_if_nothing_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (html, markdown) = (path("a.html"), path("a.md"));
    let output = run(&["render", REPORT, "--html", &html, "--markdown", &markdown]);
    assert!(output.status.success());
    assert_eq!(said(&output), (String::new(), String::new()));
    let page = std::fs::read_to_string(html).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    let (out, _) = said(&run(&["render", REPORT]));
    assert_eq!(out, std::fs::read_to_string(markdown).unwrap());
    let (out, _) = said(&run(&["render", CAPACITY]));
    assert!(out.starts_with("# Capacity of a Countersign server\n"), "{out}");
}

#[test]
fn compare_shows_a_table_and_what_it_comes_to() {
    let output = run(&["compare", REPORT, REPORT]);
    assert!(output.status.success());
    let (out, _) = said(&output);
    assert!(
        out.contains("| lifecycle p99 ") && out.contains("No difference beyond noise."),
        "{out}"
    );
    assert_refused(&["compare", REPORT, CAPACITY], "the scenarios are `lifecycle` and `capacity`");
    let (out, _) = said(&run(&["compare", REPORT, CAPACITY, "--anyway"]));
    assert!(out.starts_with("> the scenarios are"), "{out}");
}

#[test]
fn what_cannot_be_read_or_written_is_refused_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.json");
    std::fs::write(&other, r#"{ "format": 9 }"#).unwrap();
    let other = other.to_str().unwrap();
    assert_refused(&["render", other], "other.json: a report of format 9");
    assert_refused(&["compare", REPORT, other], "other.json: a report of format 9");
    assert_refused(
        &["render", "missing.json"],
        "missing.json: the report cannot be read: there is no such file",
    );
    assert_refused(&["compare", REPORT, "src"], "src: the report cannot be read: it is a folder");
    assert_refused(&["render", "Cargo.toml"], "Cargo.toml: not a report");
    let nowhere = Path::new(folder.path()).join("no/out.html");
    let why = "no/out.html: the report cannot be written: there is no folder ";
    for form in ["--html", "--markdown"] {
        assert_refused(&["render", REPORT, form, nowhere.to_str().unwrap()], why);
    }
    let (markdown, nowhere) = (folder.path().join("a.md"), nowhere.to_str().unwrap());
    let both = ["--markdown", markdown.to_str().unwrap(), "--html", nowhere];
    assert_refused(&[&["render", REPORT], &both[..]].concat(), why);
    assert!(!markdown.exists(), "both are looked at before one is written");
}
