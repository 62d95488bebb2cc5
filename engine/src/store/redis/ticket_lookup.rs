//! The look-up of the account that has a ticket.

use countersign_core::account::AccountRecord;
use countersign_core::id::AccountKey;
use countersign_core::statement::Digest;

use super::entry::Entry;
use super::keys::{self, AccountNames};
use super::lookups::{row, row_of};
use super::reader::Reader;
use super::reply::{texts, unexpected};
use super::tickets::stands;
use super::trouble::Trouble;

/// The account that has a ticket.
pub(super) async fn account_of(
    reader: Reader,
    ticket: Digest,
) -> Result<Option<AccountKey>, Trouble> {
    let index = keys::ticket(&ticket);
    let mut range = redis::cmd("ZRANGE");
    range.arg(&index).arg(0).arg(-1);
    let (mut found, mut unchecked) = (None, Vec::new());
    for member in texts(reader.one(range).await?)? {
        let account = keys::parse_account_name(&member);
        let account = account.ok_or_else(|| unexpected("an unknown account"))?;
        let name = AccountNames::of(&account).account();
        let record: Option<AccountRecord> = row(reader.one(row_of(name)).await?)?;
        if record.is_some_and(|record| stands(&index, &record)) {
            found = Some(account);
        } else {
            unchecked.push(Entry::Ticket { index: index.clone(), member, account });
        }
    }
    reader.check_later(unchecked);
    Ok(found)
}
