//! Look of a tenant's pages: name, logo and colour. The logo file is read once, at the server's
//! start.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::id::TenantId;
use countersign_core::text::Line;
use serde::Serialize;

use super::error::ConfigError;
use super::file::TenantSection;
use super::limits::{LOGO_BYTES_MAX, NAME_BYTES_MAX};

/// Picture formats that browsers show: the ending of the file's name, and the media type.
const KINDS: &[(&str, &str)] = &[
    (".svg", "image/svg+xml"),
    (".png", "image/png"),
    (".webp", "image/webp"),
    (".jpg", "image/jpeg"),
    (".jpeg", "image/jpeg"),
];

/// Public data of a tenant for its pages. No field is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Brand {
    /// Name for people; the tenant's id if none is configured.
    pub name: String,
    /// Logo as a `data:` URL, so that pages load it from no other server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
    /// Colour, as `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
}

impl Brand {
    /// Returns the brand of a tenant that configures none.
    pub fn plain(id: &TenantId) -> Self {
        Self { name: id.as_str().to_owned(), logo: None, colour: None }
    }
}

pub(super) fn brand(
    path: &str,
    id: &TenantId,
    written: &TenantSection,
) -> Result<Brand, ConfigError> {
    let given = |text| Some(text).filter(|text: &&String| !text.is_empty());
    let name = given(&written.name).map(|text| name(path, text)).transpose()?;
    Ok(Brand {
        name: name.unwrap_or(Brand::plain(id).name),
        logo: given(&written.logo).map(|file| logo(path, file)).transpose()?,
        colour: given(&written.colour).map(|text| colour(path, text)).transpose()?,
    })
}

fn name(path: &str, text: &str) -> Result<String, ConfigError> {
    Line::parse(text, NAME_BYTES_MAX).map(|line| line.as_str().to_owned()).map_err(|_| {
        let allowed =
            format!("up to {NAME_BYTES_MAX} bytes without control characters are allowed");
        ConfigError::value(format!("{path}name"), "is not a name", allowed)
    })
}

fn colour(path: &str, text: &str) -> Result<String, ConfigError> {
    let digits = text.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_lowercase());
    }
    let allowed = "# and six hexadecimal digits are allowed, such as #1f6feb";
    Err(ConfigError::value(format!("{path}colour"), "is not a colour", allowed))
}

fn logo(path: &str, file: &str) -> Result<String, ConfigError> {
    let refused = |problem: &str| {
        let allowed =
            format!("the path of an SVG, PNG, WebP or JPEG of {LOGO_BYTES_MAX} bytes is allowed");
        ConfigError::value(format!("{path}logo"), problem, allowed)
    };
    let lower = file.to_lowercase();
    let kind = KINDS.iter().find(|(end, _)| lower.ends_with(end));
    let (_, kind) = kind.ok_or_else(|| refused("is no kind of picture that browsers show"))?;
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(|_| refused("cannot be read"))?;
    let read = opened.take(LOGO_BYTES_MAX + 1).read_to_end(&mut bytes);
    let read = read.map_err(|_| refused("cannot be read"))?;
    if read as u64 > LOGO_BYTES_MAX {
        return Err(refused("is too long"));
    }
    Ok(format!("data:{kind};base64,{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brand_of(change: impl FnOnce(&mut TenantSection)) -> Result<Brand, ConfigError> {
        let mut section = TenantSection::default();
        change(&mut section);
        brand("tenants[0].", &TenantId::parse("acme").unwrap(), &section)
    }

    #[test]
    fn a_tenant_that_configures_nothing_is_called_by_its_id() {
        assert_eq!(brand_of(|_| {}).unwrap(), Brand::plain(&TenantId::parse("acme").unwrap()));
    }

    #[test]
    fn a_colour_is_six_digits() {
        let colour = |text: &str| brand_of(|section| section.colour = text.into());
        assert_eq!(colour("#1F6feb").unwrap().colour.as_deref(), Some("#1f6feb"));
        for bad in ["1f6feb", "#1f6fe", "#1f6feb0", "red", "#1f6feg", "#é1f6e", "#fff;}"] {
            let refusal = colour(bad).unwrap_err().to_string();
            assert!(refusal.starts_with("tenants[0].colour is not a colour"), "{refusal}");
        }
    }

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(
            brand_of(|section| section.name = "Acme Bank".into()).unwrap().name,
            "Acme Bank"
        );
        for bad in ["a\nb", "a\u{202e}b", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(brand_of(|section| section.name = bad.into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_logo_is_a_short_picture() {
        let folder = tempfile::tempdir().unwrap();
        let logo = |name: &str, bytes: &[u8]| {
            let file = folder.path().join(name);
            std::fs::write(&file, bytes).unwrap();
            brand_of(|section| section.logo = file.to_str().unwrap().into())
        };
        let found = logo("a.svg", b"<svg/>").unwrap().logo;
        assert_eq!(found.as_deref(), Some("data:image/svg+xml;base64,PHN2Zy8+"));
        assert!(logo("a.gif", b"GIF89a").is_err());
        let longest = usize::try_from(LOGO_BYTES_MAX).unwrap();
        assert!(logo("a.png", &vec![0; longest]).is_ok());
        assert!(logo("b.png", &vec![0; longest + 1]).is_err());
        assert!(brand_of(|section| section.logo = "/nowhere/a.png".into()).is_err());
    }
}
