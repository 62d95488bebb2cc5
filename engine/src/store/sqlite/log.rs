//! Check of the log (WAL) beside the database: it must hold every commit that was recorded in it.
//!
//! SQLite treats the first damaged frame of its log as the end of the log, because an unfinished
//! commit looks the same after a crash. So if the log was cut, or a bit in it has flipped, SQLite
//! would silently lose every commit from there on. Two facts reveal the damage. First, the index of
//! the log, which a killed process leaves behind, holds the number of the last synced frame.
//! Second, if frames of several commits follow a damaged frame, the damaged frame had been synced,
//! because a commit begins only after the previous one is synced. The format is described at
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
/// First word of the log. Its last bit, which is zero here, gives the byte order of the words in
/// checksums.
const MAGIC: u32 = 0x377f_0682;
/// Number of commits behind a damaged frame that proves that the frame had been synced.
const COMMITS_AFTER_MIN: usize = 2;

type Sum = (u32, u32);

/// Checks the log of a database against both facts. `same_boot` is true if the machine has not
/// rebooted since the file was last opened. Only then can the index be compared with an empty log,
/// because a power cut may leave files in different states.
///
/// # Errors
/// [`StoreError::Unreadable`] with the file and the offset, if recorded commits are missing.
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

/// State of the log according to its index.
struct Index {
    salt: [u8; 8],
    /// Number of frames up to the end of the last commit.
    frames: u32,
    /// Number of frames that were copied into the database.
    copied: u32,
}

impl Index {
    /// Reads the index. None if it is missing or was not written completely.
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

/// A log with an undamaged header.
struct Log {
    file: BufReader<File>,
    page_bytes: usize,
    salt: [u8; 8],
    sum: Sum,
    order: fn([u8; 4]) -> u32,
}

/// Content of a log.
struct Found {
    /// Number of frames before the first damaged one, or of all.
    intact: u64,
    /// Number of commits after the first damaged frame.
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

    /// Reads the frames that were written since the log was last reset. Frames behind them are
    /// older.
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

/// Reads until the buffer is full or the file ends. Returns the number of bytes.
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

/// Extends a checksum of SQLite's log by more bytes. It works on pairs of words.
fn sum(from: Sum, bytes: &[u8], order: fn([u8; 4]) -> u32) -> Sum {
    bytes.chunks_exact(8).fold(from, |(first, second), pair| {
        let first = first.wrapping_add(order(word(pair))).wrapping_add(second);
        (first, second.wrapping_add(order(word(&pair[4..]))).wrapping_add(first))
    })
}
