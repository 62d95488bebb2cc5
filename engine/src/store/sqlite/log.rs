//! Check that the log beside the database holds everything recorded in it.
//!
//! SQLite takes the first frame of its log that is damaged for the end of it, because an unfinished
//! commit looks like that after a crash. So a log that was cut, or in which a bit has flipped,
//! would lose every commit from there on without a word. Two witnesses say otherwise: the index of
//! the log, which a killed process leaves behind, names the last frame that was synced; and frames
//! that follow a damaged one and belong to several commits, since a commit begins once the one
//! before it is synced. The format is that of
//! <https://sqlite.org/fileformat2.html#the_write_ahead_log> and
//! <https://sqlite.org/walformat.html>.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::files::beside;
use crate::ports::store::StoreError;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const INDEX_BYTES: usize = 136;
/// The last bit of it says in which order the words of a checksum are read.
const MAGIC: u32 = 0x377f_0682;
/// Commits that follow a damaged frame and prove that it had been synced.
const COMMITS_AFTER_MIN: usize = 2;

type Sum = (u32, u32);

/// Compares the log of a database with its witnesses. `same_boot` tells whether the machine has run
/// on since the file was last open: only then do all files show their latest content.
///
/// # Errors
/// [`StoreError::Unreadable`] naming the file and the offset, if something recorded is missing.
pub(super) fn check(database: &Path, same_boot: bool) -> Result<(), StoreError> {
    let path = beside(database, "-wal");
    let damaged = |what: String| {
        let advice = "restore a backup";
        StoreError::Unreadable(format!("{}: {what}: {advice}", path.display()))
    };
    let failed = |e: io::Error| StoreError::Unavailable(format!("{}: {e}", path.display()));
    let index = Index::read(&beside(database, "-shm"));
    let mut log = match Log::open(&path).map_err(failed)? {
        Opened::Log(log) => log,
        Opened::Damaged => return Err(damaged("its header is damaged".to_owned())),
        Opened::Empty => {
            let missing = index.filter(|i| same_boot && i.frames > i.copied);
            return missing.map_or(Ok(()), |i| {
                Err(damaged(format!("{} recorded frames are missing", i.frames - i.copied)))
            });
        }
    };
    let claimed = index.filter(|i| i.salt == log.salt).map_or(0, |i| i.frames);
    let found = log.read().map_err(failed)?;
    if found.intact < u64::from(claimed) || found.commits_after >= COMMITS_AFTER_MIN {
        return Err(damaged(format!("damaged or cut at byte {}", log.offset(found.intact))));
    }
    Ok(())
}

/// The log according to its index.
struct Index {
    salt: [u8; 8],
    /// Frames up to the last commit.
    frames: u32,
    /// Frames of the log that are in the database too.
    copied: u32,
}

impl Index {
    /// Absent where there is none, or one that was not finished.
    fn read(path: &Path) -> Option<Self> {
        let mut bytes = [0; INDEX_BYTES];
        File::open(path).ok()?.read_exact(&mut bytes).ok()?;
        let (first, second) = (&bytes[..48], &bytes[48..96]);
        let native = |at: usize| u32::from_ne_bytes(word(&bytes[at..]));
        let sum = sum((0, 0), &bytes[..40], u32::from_ne_bytes);
        let is_whole = first == second && bytes[12] == 1 && sum == (native(40), native(44));
        let salt = bytes[32..40].try_into().expect("eight bytes");
        is_whole.then(|| Self { salt, frames: native(16), copied: native(96) })
    }
}

enum Opened {
    Empty,
    Damaged,
    Log(Log),
}

/// A log whose header is intact.
struct Log {
    file: BufReader<File>,
    page_bytes: usize,
    salt: [u8; 8],
    sum: Sum,
    order: fn([u8; 4]) -> u32,
}

/// Content of a log.
struct Found {
    /// Frames before the first damaged one, or all.
    intact: u64,
    /// Commits after that one.
    commits_after: usize,
}

impl Log {
    fn open(path: &Path) -> io::Result<Opened> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Opened::Empty),
            Err(e) => return Err(e),
        };
        let mut file = BufReader::new(file);
        let mut header = [0; HEADER_BYTES];
        let read = fill(&mut file, &mut header)?;
        if read == 0 || header == [0; HEADER_BYTES] {
            return Ok(Opened::Empty);
        }
        let big = |at: usize| u32::from_be_bytes(word(&header[at..]));
        let order = if big(0) == MAGIC { u32::from_le_bytes } else { u32::from_be_bytes };
        let sum = sum((0, 0), &header[..24], order);
        let is_known = big(0) & !1 == MAGIC && sum == (big(24), big(28));
        if read < HEADER_BYTES || !is_known {
            return Ok(Opened::Damaged);
        }
        let salt = header[16..24].try_into().expect("eight bytes");
        let page_bytes = usize::try_from(big(8)).expect("at most 65536");
        Ok(Opened::Log(Self { file, page_bytes, salt, sum, order }))
    }

    fn offset(&self, frames: u64) -> u64 {
        HEADER_BYTES as u64 + frames * (FRAME_HEADER_BYTES + self.page_bytes) as u64
    }

    /// Reads to the end of this round of the log. Later frames are left over from an earlier one.
    fn read(&mut self) -> io::Result<Found> {
        let mut found = Found { intact: 0, commits_after: 0 };
        let mut frame = vec![0; FRAME_HEADER_BYTES + self.page_bytes];
        let (mut sum_before, mut is_damaged) = (self.sum, false);
        while fill(&mut self.file, &mut frame)? == frame.len() {
            let big = |at: usize| u32::from_be_bytes(word(&frame[at..]));
            let of_this_round = frame[8..16] == self.salt;
            let expected = sum(sum_before, &frame[..8], self.order);
            let expected = sum(expected, &frame[FRAME_HEADER_BYTES..], self.order);
            let is_intact = of_this_round && expected == (big(16), big(20));
            is_damaged |= !is_intact;
            if !is_damaged {
                found.intact += 1;
            } else if is_intact && big(4) != 0 {
                found.commits_after += 1;
            }
            sum_before = (big(16), big(20));
        }
        Ok(found)
    }
}

/// Reads until the buffer is full or there is no more; the answer is how much there was.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

fn word(bytes: &[u8]) -> [u8; 4] {
    bytes[..4].try_into().expect("four bytes")
}

/// The checksum of SQLite's log, carried on over more bytes, in pairs of words.
fn sum(from: Sum, bytes: &[u8], order: fn([u8; 4]) -> u32) -> Sum {
    bytes.chunks_exact(8).fold(from, |(first, second), pair| {
        let first = first.wrapping_add(order(word(pair))).wrapping_add(second);
        (first, second.wrapping_add(order(word(&pair[4..]))).wrapping_add(first))
    })
}
