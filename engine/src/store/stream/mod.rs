//! A stream of all records of a store: `countersign store export` writes it, and `import` reads it.
//!
//! `magic | (length u32 big-endian | frame)* | 0 u32 | count u64 | CRC-32C of lengths and frames`.
//! A frame is a row in the format of the `record` module: a format number, a body and a checksum.
//! Its body holds the kind of the record, its owner, and the record's own row. The stream ends with
//! a zero length, the count and a checksum, so that a reader detects a stream that was cut off.

use std::io::{self, Read, Write};

use countersign_core::id::AccountKey;

use super::record::frame;
use crate::ports::store::{Record, StoreError};

/// First bytes of a stream. The number in them is the version of this format.
const MAGIC: &[u8; 21] = b"countersign records 1";
/// Largest length of a frame in bytes. No record comes near it, because text from callers is
/// limited to far less.
const FRAME_BYTES_MAX: usize = 4 << 20;

/// Error while a stream is read or written.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The input or output failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The first bytes are not those of a stream of this version.
    #[error("it is not a stream of records, or of a version that is not known")]
    NotAStream,
    /// The stream was cut off: its end is missing.
    #[error("it is cut off after {0} records")]
    Cut(u64),
    /// A record cannot be read.
    #[error("record {0}: {1}")]
    Record(u64, StoreError),
    /// The count or the checksum does not match the records before it, or a length is impossible.
    #[error("it is damaged: its end does not match its {0} records")]
    Damaged(u64),
}

/// Writes records as a stream.
pub struct Writer<W> {
    out: W,
    count: u64,
    checksum: u32,
}

impl<W: Write> Writer<W> {
    /// Writes the first bytes of a stream.
    ///
    /// # Errors
    /// [`io::Error`] if the output fails.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Self { out, count: 0, checksum: 0 })
    }

    /// Writes one record.
    ///
    /// # Errors
    /// [`io::Error`] if the output fails.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let frame = frame::seal(record);
        let length = u32::try_from(frame.len()).expect("rows are far smaller").to_be_bytes();
        self.checksum = crc32c::crc32c_append(self.checksum, &length);
        self.checksum = crc32c::crc32c_append(self.checksum, &frame);
        self.count += 1;
        self.out.write_all(&length)?;
        self.out.write_all(&frame)
    }

    /// Writes the end of the stream. Returns the output and the number of records.
    ///
    /// # Errors
    /// [`io::Error`] if the output fails.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        self.out.write_all(&[0; 4])?;
        self.out.write_all(&self.count.to_be_bytes())?;
        self.out.write_all(&self.checksum.to_be_bytes())?;
        self.out.flush()?;
        Ok((self.out, self.count))
    }
}

/// Reads the records of a stream.
pub struct Reader<R> {
    input: R,
    count: u64,
    checksum: u32,
}

impl<R: Read> Reader<R> {
    /// Reads and checks the first bytes of a stream.
    ///
    /// # Errors
    /// [`StreamError`] if the input fails or does not begin like a stream.
    pub fn new(mut input: R) -> Result<Self, StreamError> {
        let mut magic = [0; MAGIC.len()];
        match input.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => Ok(Self { input, count: 0, checksum: 0 }),
            Ok(()) => Err(StreamError::NotAStream),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Err(StreamError::NotAStream),
            Err(e) => Err(e.into()),
        }
    }

    /// Reads the next record. Returns none at the end of the stream, if the count and the checksum
    /// are right.
    ///
    /// # Errors
    /// [`StreamError`] if the input fails, is cut off or is damaged.
    pub fn read(&mut self) -> Result<Option<Record>, StreamError> {
        let length: [u8; 4] = self.exactly()?;
        let bytes = u32::from_be_bytes(length) as usize;
        if bytes == 0 {
            let (count, checksum) = (self.exactly()?, self.exactly()?);
            let is_whole = u64::from_be_bytes(count) == self.count
                && u32::from_be_bytes(checksum) == self.checksum;
            return if is_whole { Ok(None) } else { Err(StreamError::Damaged(self.count)) };
        }
        if bytes > FRAME_BYTES_MAX {
            return Err(StreamError::Damaged(self.count));
        }
        let mut frame = vec![0; bytes];
        self.fill(&mut frame)?;
        self.checksum = crc32c::crc32c_append(self.checksum, &length);
        self.checksum = crc32c::crc32c_append(self.checksum, &frame);
        self.count += 1;
        let record = frame::open(&frame).map_err(|e| StreamError::Record(self.count, e))?;
        Ok(Some(record))
    }

    fn exactly<const N: usize>(&mut self) -> Result<[u8; N], StreamError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StreamError> {
        self.input.read_exact(bytes).map_err(|e| {
            let is_cut = e.kind() == io::ErrorKind::UnexpectedEof;
            if is_cut { StreamError::Cut(self.count) } else { e.into() }
        })
    }
}

/// Returns the account that owns a record; none for a tenant's secret and the latest time.
#[must_use]
pub fn account_of(record: &Record) -> Option<&AccountKey> {
    match record {
        Record::Secret(..) | Record::LatestTime(_) => None,
        Record::Account(key, _) => Some(key),
        Record::Device(device) => Some(&device.account),
        Record::Action(action) => Some(&action.account),
        Record::Challenge(challenge) => Some(&challenge.account),
        Record::Event(event) => Some(&event.account),
    }
}

#[cfg(test)]
mod tests;
