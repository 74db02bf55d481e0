//! Addresses of wallets by their checksums: Base58Check, Bech32 and Bech32m, EIP-55.

use sha2::{Digest, Sha256};

use super::context::byte_before;
use crate::rule::Seen;

const BASE_58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const RIPPLE_58: &[u8] = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";
const BECH_32: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// An address of any kind that the pattern lets through.
pub(crate) fn wallet(seen: &Seen<'_>) -> bool {
    let address = seen.value;
    if matches!(byte_before(seen), Some(b'_' | b'+' | b'/' | b'-' | b'.')) {
        return false;
    }
    let lower = address.to_ascii_lowercase();
    if lower.starts_with("0x") {
        return ethereum(address);
    }
    if ["bc1", "tb1", "ltc1"].iter().any(|prefix| lower.starts_with(prefix)) {
        return bech_32(address);
    }
    base_58(address)
}

/// Ethereum's: 20 bytes, of which not all are alike. Mixed case that EIP-55 does not confirm is taken too: many programs write it.
fn ethereum(address: &str) -> bool {
    let body = address.get(2..).unwrap_or_default();
    let first = body.bytes().next();
    body.len() == 40 && body.bytes().all(|byte| byte.is_ascii_hexdigit()) && !body.bytes().skip(4).all(|byte| Some(byte) == first)
}

/// Base58Check with the versions of Bitcoin, Litecoin, Dogecoin, Dash, Zcash and Tron; Ripple's with its own alphabet; Monero's by length. Solana's has no
/// checksum and is not read.
fn base_58(address: &str) -> bool {
    if address.len() == 95 {
        return address.starts_with('4') || address.starts_with('8');
    }
    if address.starts_with('r') {
        return checked(address, RIPPLE_58).is_some_and(|version| version == 0);
    }
    if address.len() > 35 {
        return false;
    }
    checked(address, BASE_58).is_some_and(|version| matches!(version, 0 | 5 | 48 | 50 | 30 | 22 | 76 | 16 | 65 | 111 | 196))
}

/// The version of an address of 25 bytes whose last four are the double SHA-256 of the others.
fn checked(address: &str, alphabet: &[u8]) -> Option<u8> {
    let mut bytes = [0_u8; 25];
    for byte in address.bytes() {
        let mut carry = u32::try_from(alphabet.iter().position(|one| *one == byte)?).ok()?;
        for place in bytes.iter_mut().rev() {
            carry += u32::from(*place) * 58;
            *place = u8::try_from(carry & 0xFF).ok()?;
            carry >>= 8;
        }
        if carry > 0 {
            return None;
        }
    }
    let (payload, sum) = bytes.split_at(21);
    let twice = Sha256::digest(Sha256::digest(payload));
    (twice.get(..4) == Some(sum)).then(|| payload.first().copied()).flatten()
}

/// BIP-173 and BIP-350: one case, a witness program, and the checksum of its version.
fn bech_32(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    if address != lower && address != address.to_ascii_uppercase() {
        return false;
    }
    let Some((prefix, data)) = lower.rsplit_once('1') else { return false };
    let Some(values) = data.bytes().map(|byte| BECH_32.iter().position(|one| *one == byte)).collect::<Option<Vec<usize>>>() else {
        return false;
    };
    let spread = prefix.bytes().map(|byte| u32::from(byte >> 5)).chain([0]).chain(prefix.bytes().map(|byte| u32::from(byte & 31)));
    let all = spread.chain(values.iter().map(|value| u32::try_from(*value).unwrap_or(0)));
    let expect = if values.first() == Some(&0) { 1 } else { 0x2BC8_30A3 };
    (14..=74).contains(&address.len()) && polymod(all) == expect
}

fn polymod(values: impl Iterator<Item = u32>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3];
    values.fold(1_u32, |sum, value| {
        let top = sum >> 25;
        let next = (sum & 0x01FF_FFFF) << 5 ^ value;
        GENERATOR.iter().enumerate().fold(next, |next, (at, poly)| if top >> at & 1 == 1 { next ^ poly } else { next })
    })
}

#[cfg(test)]
mod tests {
    use super::{base_58, bech_32};

    #[test]
    fn published_examples_hold_and_one_changed_letter_does_not() {
        // The genesis block's address, BIP-173's and BIP-350's examples.
        for (address, expect) in [("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", true), ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", false)] {
            assert_eq!(base_58(address), expect, "{address}");
        }
        for (address, expect) in [
            ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", true),
            ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", true),
            ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", false),
            ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", true),
        ] {
            assert_eq!(bech_32(address), expect, "{address}");
        }
    }
}
