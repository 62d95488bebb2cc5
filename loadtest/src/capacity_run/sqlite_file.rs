//! Bytes in use of a SQLite file, from its header and its log. The harness needs no driver for it.
//!
//! The format is <https://www.sqlite.org/fileformat2.html>. Free pages do not count, because the
//! next records use them.

use std::io;
use std::path::Path;

/// Length of the log's header and of a frame's header, in bytes.
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Returns the bytes in use of the file and of the committed part of its log.
///
/// # Errors
/// If the file cannot be read, or is no SQLite file.
pub(super) fn used(file: &Path) -> io::Result<u64> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let main = std::fs::read(file)?;
    let log = match std::fs::read(Path::new(&log)) {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "it is no SQLite file");
    used_of(&main, &log).ok_or_else(broken)
}

fn used_of(main: &[u8], log: &[u8]) -> Option<u64> {
    // A page of 64 KiB is written as 1.
    let page = match u16::from_be_bytes(*main.get(16..18)?.first_chunk()?) {
        1 => 65_536,
        bytes => u64::from(bytes),
    };
    let (mut pages, mut free) = (number(main, 28)?, number(main, 36)?);
    // The count of free pages is on the first page. A frame counts once its transaction has ended.
    let mut uncommitted = None;
    let frames = log.get(LOG_HEADER..).unwrap_or_default();
    for frame in frames.chunks_exact(FRAME_HEADER + usize::try_from(page).ok()?) {
        let salts = log.get(16..24)?;
        if frame.get(8..16)? != salts {
            // The frame is left over from before the log began again.
            break;
        }
        if number(frame, 0)? == 1 {
            uncommitted = number(frame, FRAME_HEADER + 36);
        }
        let pages_after = number(frame, 4)?;
        if pages_after > 0 {
            pages = pages_after;
            free = uncommitted.take().unwrap_or(free);
        }
    }
    Some(pages.saturating_sub(free) * page)
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + 4)?.first_chunk()?;
    Some(u64::from(u32::from_be_bytes(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 512;

    fn first_page(pages: u32, free: u32) -> Vec<u8> {
        let mut page = vec![0; PAGE];
        page[16..18].copy_from_slice(&512_u16.to_be_bytes());
        page[28..32].copy_from_slice(&pages.to_be_bytes());
        page[36..40].copy_from_slice(&free.to_be_bytes());
        page
    }

    fn frame(salt: u8, number: u32, pages_after: u32, page: &[u8]) -> Vec<u8> {
        let ends = [number.to_be_bytes(), pages_after.to_be_bytes()].concat();
        [&ends[..], &[salt; 8], &[0; 8], page].concat()
    }

    #[test]
    fn free_pages_do_not_count_and_the_log_does_once_committed() {
        let main = first_page(10, 3);
        assert_eq!(used_of(&main, &[]), Some(7 * 512));
        let header = [&[0; 16][..], &[7; 8], &[0; 8]].concat();
        assert_eq!(used_of(&main, &header), Some(7 * 512));
        let other = vec![0; PAGE];
        let mut log =
            [header, frame(7, 4, 0, &other), frame(7, 1, 12, &first_page(12, 1))].concat();
        assert_eq!(used_of(&main, &log), Some(11 * 512));
        log.extend(frame(7, 1, 0, &first_page(90, 0)));
        assert_eq!(used_of(&main, &log), Some(11 * 512), "the transaction has not ended");
        log.extend(frame(6, 4, 99, &other));
        assert_eq!(used_of(&main, &log), Some(11 * 512), "a frame of an earlier log");
    }

    #[test]
    fn a_file_that_is_none_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        assert!(used(&path).is_err());
        std::fs::write(&path, "text").unwrap();
        assert_eq!(used(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        std::fs::write(&path, first_page(10, 3)).unwrap();
        assert_eq!(used(&path).unwrap(), 7 * 512);
    }
}
