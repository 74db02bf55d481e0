//! Packed with the packer of the same library, and bytes put together by hand where it has no words for them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

const TEXT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hello hello hello\"}}]}\n\n";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

/// A gzip body with the given flags and header parts behind its first ten bytes.
fn gzip_with(flags: u8, parts: &[u8], text: &[u8]) -> Vec<u8> {
    let plain = gzip(text);
    let mut out = plain[..10].to_vec();
    out[3] = flags;
    out.extend_from_slice(parts);
    out.extend_from_slice(&plain[10..]);
    out
}

/// Unpacks pieces as they come: what was given, and how it ended.
fn run<'a>(coding: Coding, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Result<(), BodyFault>) {
    let mut unpacker = Unpacker::new(coding);
    let (mut out, mut room) = (Vec::new(), vec![0; 4096]);
    for piece in pieces {
        unpacker.push(piece);
        while unpacker.has_more() {
            if let Err(fault) = unpacker.step(&mut room, |data| out.extend_from_slice(data)) {
                return (out, Err(fault));
            }
        }
    }
    let end = if unpacker.is_at_end() { Ok(()) } else { Err(BodyFault::Truncated) };
    (out, end)
}

fn long_text() -> Vec<u8> {
    (0..3_000_u32).flat_map(|i| format!("line {} {}\n", i, i.wrapping_mul(2_654_435_761)).into_bytes()).collect()
}

#[test]
fn codings_are_read_from_all_values() {
    let check = |values: &[&str], expect: Option<Coding>| assert_eq!(Coding::named(values.iter().copied()), expect, "{values:?}");
    check(&[], None);
    check(&["identity"], None);
    check(&["GZip"], Some(Coding::Gzip));
    check(&["x-gzip"], Some(Coding::Gzip));
    check(&["deflate"], Some(Coding::Deflate));
    check(&["identity, gzip"], Some(Coding::Gzip));
    check(&["identity", "gzip"], Some(Coding::Gzip));
    check(&["gzip, gzip"], None);
    check(&["gzip", "deflate"], None);
    check(&["br"], None);
    check(&["gzip, br"], None);
    check(&["zstd"], None);
}

#[test]
fn wherever_a_body_is_cut_it_unpacks_to_the_same() {
    for (coding, packed) in [
        (Coding::Gzip, gzip(TEXT.as_bytes())),
        (Coding::Deflate, zlib(TEXT.as_bytes())),
        (Coding::Gzip, gzip_with(FLAG_EXTRA | FLAG_NAME | FLAG_COMMENT | FLAG_SUM, b"\x03\0abcname\0comment\0\x01\x02", TEXT.as_bytes())),
        (Coding::Gzip, gzip_with(FLAG_EXTRA, b"\0\0", TEXT.as_bytes())),
        (Coding::Gzip, gzip_with(FLAG_COMMENT, b"\0", TEXT.as_bytes())),
    ] {
        for cut in 0..=packed.len() {
            let (a, b) = packed.split_at(cut);
            assert_eq!(run(coding, [a, b]), (TEXT.as_bytes().to_vec(), Ok(())), "{coding:?} cut {cut}");
        }
        assert_eq!(run(coding, packed.chunks(1)), (TEXT.as_bytes().to_vec(), Ok(())), "{coding:?}, byte by byte");
    }
    let long = long_text();
    for (coding, packed) in [(Coding::Gzip, gzip(&long)), (Coding::Deflate, zlib(&long))] {
        for bytes in [1, 7, 1_000, packed.len()] {
            assert!(run(coding, packed.chunks(bytes)) == (long.clone(), Ok(())), "{coding:?} in pieces of {bytes}");
        }
    }
}

#[test]
fn a_body_that_ends_anywhere_but_at_its_end_is_truncated() {
    for (coding, packed) in [(Coding::Gzip, gzip(TEXT.as_bytes())), (Coding::Deflate, zlib(TEXT.as_bytes()))] {
        for cut in 1..packed.len() {
            let (out, end) = run(coding, [&packed[..cut]]);
            assert_eq!(end, Err(BodyFault::Truncated), "{coding:?} cut {cut}");
            assert!(TEXT.as_bytes().starts_with(&out), "{coding:?} cut {cut}");
        }
        // A body without a byte is none.
        assert_eq!(run(coding, [&b""[..]]), (Vec::new(), Ok(())));
    }
}

#[test]
fn members_follow_one_another() {
    let both = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
    for cut in 0..=both.len() {
        let (a, b) = both.split_at(cut);
        assert_eq!(run(Coding::Gzip, [a, b]), (b"one two".to_vec(), Ok(())), "cut {cut}");
    }
    let (first, cut) = (gzip(b"one ").len(), both.len() - 3);
    assert_eq!(run(Coding::Gzip, [&both[..first + 1]]).1, Err(BodyFault::Truncated));
    assert_eq!(run(Coding::Gzip, [&both[..cut]]).1, Err(BodyFault::Truncated));
}

#[test]
fn what_is_not_so_packed_is_said_so() {
    let good = gzip(TEXT.as_bytes());
    let changed = |at: usize| {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        bad
    };
    let packed_zlib = zlib(TEXT.as_bytes());
    let mut bad_sum = packed_zlib.clone();
    *bad_sum.last_mut().unwrap() ^= 1;
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
    raw.write_all(TEXT.as_bytes()).unwrap();
    let endless_name = gzip_with(FLAG_NAME, &vec![b'a'; MAX_HEADER_BYTES as usize + 1], TEXT.as_bytes());
    let cases = [
        ("no gzip", Coding::Gzip, TEXT.as_bytes().to_vec()),
        ("zlib for gzip", Coding::Gzip, packed_zlib.clone()),
        ("gzip for zlib", Coding::Deflate, good.clone()),
        ("no header at all", Coding::Deflate, raw.finish().unwrap()),
        ("another first byte", Coding::Gzip, changed(0)),
        ("another second byte", Coding::Gzip, changed(1)),
        ("another method", Coding::Gzip, changed(2)),
        ("a reserved flag", Coding::Gzip, changed(3)),
        ("another checksum", Coding::Gzip, changed(good.len() - 8)),
        ("another length", Coding::Gzip, changed(good.len() - 1)),
        ("another checksum of zlib", Coding::Deflate, bad_sum),
        ("garbage behind", Coding::Gzip, [&good[..], b"x"].concat()),
        ("zeros behind", Coding::Gzip, [&good[..], &[0; 8]].concat()),
        ("garbage behind zlib", Coding::Deflate, [&packed_zlib[..], b"x"].concat()),
        ("an endless name", Coding::Gzip, endless_name),
        ("a reserved kind of block", Coding::Gzip, [&good[..10], &[0xFF; 8]].concat()),
    ];
    for (what, coding, packed) in cases {
        assert_eq!(run(coding, [&packed[..]]).1, Err(BodyFault::Coding), "{what}");
        assert_eq!(run(coding, packed.chunks(1)).1, Err(BodyFault::Coding), "{what}, byte by byte");
    }
}

#[test]
fn what_was_flushed_is_given_at_once() {
    let mut gzipped = GzEncoder::new(Vec::new(), Compression::default());
    let mut zlibbed = ZlibEncoder::new(Vec::new(), Compression::default());
    let mut unpackers = [Unpacker::new(Coding::Gzip), Unpacker::new(Coding::Deflate)];
    let mut sent = [0, 0];
    let mut room = vec![0; 4096];
    for event in ["data: one\n\n", "data: two\n\n", "data: [DONE]\n\n"] {
        gzipped.write_all(event.as_bytes()).unwrap();
        gzipped.flush().unwrap();
        zlibbed.write_all(event.as_bytes()).unwrap();
        zlibbed.flush().unwrap();
        for ((unpacker, packed), sent) in unpackers.iter_mut().zip([gzipped.get_ref(), zlibbed.get_ref()]).zip(&mut sent) {
            unpacker.push(&packed[*sent..]);
            *sent = packed.len();
            let mut out = Vec::new();
            unpacker.step(&mut room, |data| out.extend_from_slice(data)).unwrap();
            assert_eq!(out, event.as_bytes());
            assert!(!unpacker.has_more() && !unpacker.is_at_end());
        }
    }
}

#[test]
fn a_bomb_is_given_in_pieces() {
    const UNPACKED: usize = 50 * 1024 * 1024;
    let packed = gzip(&vec![0; UNPACKED]);
    assert!(packed.len() < UNPACKED / 900);
    let mut unpacker = Unpacker::new(Coding::Gzip);
    let (mut total, mut steps, mut room) = (0, 0, vec![0; 64 * 1024]);
    unpacker.push(&packed);
    while unpacker.has_more() {
        let mut pieces = 0;
        unpacker
            .step(&mut room, |data| {
                pieces += 1;
                total += data.len();
            })
            .unwrap();
        assert!(pieces <= 1);
        steps += 1;
    }
    assert_eq!((total, unpacker.is_at_end()), (UNPACKED, true));
    assert!(steps >= UNPACKED / room.len());
}
