//! Blocks of addresses.

use std::net::IpAddr;

/// Whether every address of the block `narrow` is in `wide`; both are an IP or a CIDR.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    if wide == narrow {
        return true;
    }
    let (Some(wide), Some(narrow)) = (Block::of(wide), Block::of(narrow)) else { return false };
    wide.covers(&narrow)
}

/// A block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    first: u128,
    prefix: u32,
    width: u32,
}

impl Block {
    /// Reads an IP or CIDR as Istio does (`pilot/pkg/networking/util/util.go`, `AddrStrToPrefix`).
    pub(super) fn of(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        // The zone of an address is dropped; a CIDR has none (Go's `netip.PrefixFrom`, `netip.ParsePrefix`).
        let address = match address.split_once('%') {
            Some((address, zone)) if prefix.is_none() && address.contains(':') && !zone.is_empty() => address,
            _ => address,
        };
        let (bits, width) = bits(address.parse().ok()?);
        let is_plain = |prefix: &&str| {
            prefix.bytes().all(|byte| byte.is_ascii_digit()) && (*prefix == "0" || !prefix.starts_with('0'))
        };
        let length = |prefix: &str| Some(prefix).filter(is_plain)?.parse().ok().filter(|prefix| *prefix <= width);
        let prefix = prefix.map_or(Some(width), length)?;
        Some(Self { first: mask(bits, prefix, width), prefix, width })
    }

    /// Whether an address is in it.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let (bits, width) = bits(address);
        width == self.width && mask(bits, self.prefix, width) == self.first
    }

    /// What two blocks share: the narrower one, if it lies in the other.
    pub(super) fn met(&self, other: &Self) -> Option<Self> {
        if self.covers(other) { Some(*other) } else { other.covers(self).then_some(*self) }
    }

    /// Whether each address of it is in one of `blocks`.
    pub(super) fn is_covered(&self, blocks: &[Self]) -> bool {
        let inside: Vec<Self> = blocks.iter().filter(|block| self.met(block).is_some()).copied().collect();
        if inside.is_empty() || inside.iter().any(|block| block.covers(self)) {
            return !inside.is_empty();
        }
        let prefix = self.prefix + 1;
        let second = self.first | 1 << (self.width - prefix);
        [self.first, second].into_iter().all(|first| Self { first, prefix, ..*self }.is_covered(&inside))
    }

    fn covers(&self, narrow: &Self) -> bool {
        self.width == narrow.width
            && self.prefix <= narrow.prefix
            && self.first == mask(narrow.first, self.prefix, self.width)
    }
}

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

fn mask(bits: u128, prefix: u32, width: u32) -> u128 {
    let host = width - prefix;
    if host >= u128::BITS { 0 } else { bits >> host << host }
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
