//! Blocks of addresses.

use std::net::IpAddr;

/// Whether every address of the block `narrow` is in `wide`; both are an IP or a CIDR.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    if wide == narrow {
        return true;
    }
    let (Some(wide), Some(narrow)) = (block(wide), block(narrow)) else { return false };
    wide.width == narrow.width && wide.prefix <= narrow.prefix && wide.first == narrow.masked(wide.prefix)
}

struct Block {
    first: u128,
    prefix: u32,
    width: u32,
}

impl Block {
    fn masked(&self, prefix: u32) -> u128 {
        mask(self.first, prefix, self.width)
    }
}

fn mask(bits: u128, prefix: u32, width: u32) -> u128 {
    let host = width - prefix;
    if host >= u128::BITS { 0 } else { bits >> host << host }
}

fn block(text: &str) -> Option<Block> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let (bits, width) = match address.parse().ok()? {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let prefix = prefix.map_or(Some(width), |prefix| prefix.parse().ok().filter(|prefix| *prefix <= width))?;
    Some(Block { first: mask(bits, prefix, width), prefix, width })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_covers_what_lies_in_it() {
        for (wide, narrow) in [
            ("10.0.0.0/8", "10.1.0.0/16"),
            ("10.0.0.0/8", "10.255.255.255"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "192.0.2.1"),
            ("::/0", "2001:db8::/32"),
            ("192.0.2.1", "192.0.2.1/32"),
        ] {
            assert!(covers(wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in
            [("10.1.0.0/16", "10.0.0.0/8"), ("0.0.0.0/0", "::1"), ("10.0.0.0/33", "10.0.0.1"), ("x", "10.0.0.1")]
        {
            assert!(!covers(wide, narrow), "{wide} {narrow}");
        }
    }
}
