//! Claims of a token, read without a check. Only the server can verify them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Returns the tenant that a tracked action's token names. Returns None if the token does not
/// parse.
#[must_use]
pub fn token_tenant(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims["other"]["tenantId"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_tenant_or_nothing_is_known_of_it() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"other":{"tenantId":"acme"}}"#);
        assert_eq!(token_tenant(&format!("e30.{claims}.x")).as_deref(), Some("acme"));
        for text in ["", "J.W.T", "e30", "e30.e30.x", &claims] {
            assert_eq!(token_tenant(text), None, "{text}");
        }
    }
}
