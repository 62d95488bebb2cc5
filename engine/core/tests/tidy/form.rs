//! Checks of the form of files: their first line, their length, and marks of unfinished work.

use crate::workspace::{Findings, sources};

const FILE_LINES_MAX: usize = 350;
const LINE_COLUMNS_MAX: usize = 100;

#[test]
fn every_module_says_what_it_is_for() {
    let mut findings = Findings::default();
    for source in sources() {
        if !source.text.starts_with("//!") {
            findings.add(&source, 1, "start with `//!`: what it is for, and what it does not do");
        }
    }
    findings.assert_none();
}

#[test]
fn files_and_lines_stay_short() {
    let mut findings = Findings::default();
    for source in sources() {
        let lines = source.lines().count();
        if lines > FILE_LINES_MAX {
            let what = format!(
                "{lines} lines, at most {FILE_LINES_MAX}: split it by what changes together"
            );
            findings.add(&source, lines, &what);
        }
        for (number, line) in source.lines() {
            let columns = line.chars().count();
            if columns > LINE_COLUMNS_MAX {
                let what = format!("{columns} columns, at most {LINE_COLUMNS_MAX}: wrap it");
                findings.add(&source, number, &what);
            }
        }
    }
    findings.assert_none();
}

#[test]
fn nothing_is_left_to_be_done() {
    // The marks are written in two parts, so that the check does not find this file.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let mut findings = Findings::default();
    for source in sources() {
        for (number, line) in source.lines() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(**mark)) {
                let what = format!("`{mark}`: do it, or open an issue and say in words what holds");
                findings.add(&source, number, &what);
            }
        }
    }
    findings.assert_none();
}
