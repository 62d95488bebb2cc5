//! All records of a store as a stream of versioned rows: the output of `countersign store export`
//! and the input of `import`.
//!
//! `magic | (length u32 big-endian | frame)* | 0 u32 | count u64 | CRC-32C of lengths and frames`.
//! A frame is a row like those that stores keep, with the format number in front and a checksum
//! behind; within it is the kind of the record, whose it is, and the record's own row. The end is
//! part of the format, so that a stream that was cut is not taken for a whole one.

use std::io::{self, Read, Write};

use countersign_core::id::AccountKey;

use super::record::frame;
use crate::ports::store::{Record, StoreError};

/// Start of a stream; the number is the version of the framing.
const MAGIC: &[u8; 21] = b"countersign records 1";
/// No record is larger: text from callers is bounded long before.
const FRAME_BYTES_MAX: usize = 4 << 20;

/// Why a stream cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The medium does not do it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It does not begin as a stream of this version does.
    #[error("it is not a stream of records, or of a version that is not known")]
    NotAStream,
    /// It ends before its end.
    #[error("it is cut off after {0} records")]
    Cut(u64),
    /// A record cannot be read.
    #[error("record {0}: {1}")]
    Record(u64, StoreError),
    /// The end contradicts the records before it.
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
    /// Begins a stream.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Self { out, count: 0, checksum: 0 })
    }

    /// Writes a record.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let frame = frame::seal(record);
        let length = u32::try_from(frame.len()).expect("rows are far smaller").to_be_bytes();
        self.checksum = crc32c::crc32c_append(self.checksum, &length);
        self.checksum = crc32c::crc32c_append(self.checksum, &frame);
        self.count += 1;
        self.out.write_all(&length)?;
        self.out.write_all(&frame)
    }

    /// Ends the stream. The answer is the writer, and the number of records.
    ///
    /// # Errors
    /// [`io::Error`].
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
    /// Begins with a stream.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn new(mut input: R) -> Result<Self, StreamError> {
        let mut magic = [0; MAGIC.len()];
        match input.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => Ok(Self { input, count: 0, checksum: 0 }),
            Ok(()) => Err(StreamError::NotAStream),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Err(StreamError::NotAStream),
            Err(e) => Err(e.into()),
        }
    }

    /// The next record; none once the whole stream was read and found to be whole.
    ///
    /// # Errors
    /// [`StreamError`].
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

/// The account that owns a record, if one does.
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
