//! Claims of a token that acts for a user, as the fields of its body.

use countersign_core::action::Birth;
use countersign_core::id::{AccountKey, ActionCode, ActionKey, IdempotencyKey, TenantId, UserId};
use countersign_core::time::UnixMillis;
use countersign_wire::token::{Reader, Writer};

use super::lifetime::Lifetime;
use super::scope::Scopes;
use super::{Kind, PageWish, Token};

impl Token {
    /// Writes the fields. `id` is random and makes each token unique.
    pub(super) fn write(&self, lifetime: Lifetime, id: [u8; 16]) -> Writer {
        let Self { kind, account, action, born, scopes, page, .. } = self;
        let body = Writer::begin(kind.number(), account.tenant.as_str(), account.user.as_str());
        let body = lifetime.write(body).bytes(&id).bytes(&[scopes.to_byte()]);
        let body = body.text(action.code.as_str()).text(action.idempotency_key.as_str());
        let body = match born {
            Some(Birth { at, revision }) => body.bytes(&[1]).number(at.0).number(*revision),
            None => body.bytes(&[0]),
        };
        let redirect_url = page.redirect_url.as_deref().unwrap_or_default();
        body.text(redirect_url).bytes(&[u8::from(page.settings)])
    }

    /// Reads the fields behind the tenant. Returns `None` for fields that no server writes.
    pub(super) fn read(
        kind: u8,
        tenant: TenantId,
        mut fields: Reader<'_>,
    ) -> Option<(Self, Lifetime)> {
        let kind = Kind::ALL.into_iter().find(|known| known.number() == kind)?;
        let account = AccountKey { tenant, user: UserId::parse(fields.text()?).ok()? };
        let lifetime = Lifetime::read(&mut fields)?;
        let [_id @ .., scopes] = fields.bytes::<17>()?;
        let action = ActionKey {
            code: ActionCode::parse(fields.text()?).ok()?,
            idempotency_key: IdempotencyKey::parse(fields.text()?).ok()?,
        };
        let born = match fields.bytes()? {
            [0] => None,
            [1] => Some(Birth { at: UnixMillis(fields.number()?), revision: fields.number()? }),
            _ => return None,
        };
        let redirect_url = Some(fields.text()?).filter(|url| !url.is_empty());
        let page = PageWish {
            redirect_url: redirect_url.map(str::to_owned),
            settings: fields.bytes()? == [1],
        };
        fields.end()?;
        let (scopes, issued_at) = (Scopes::of_byte(scopes)?, lifetime.issued_at());
        Some((Self { kind, account, action, born, scopes, issued_at, page }, lifetime))
    }
}
