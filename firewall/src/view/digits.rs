//! What characters become: ASCII where they look like it, nothing where they have no width.

use super::Even;

/// The zero of each row of ten digits (Unicode's `Nd`), full-width ones aside. Their values follow one another.
const ZEROS: [u32; 36] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040,
    0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xAA50, 0xABF0,
    0x104A0, 0x11066,
];

/// Whether a character that begins with this byte may become another. Ideographs and most letters begin with others.
pub(super) const fn may_change(byte: u8) -> bool {
    matches!(byte, 0xC2 | 0xCD | 0xD8..=0xDF | 0xE0..=0xE2 | 0xEA | 0xEF..=0xF4)
}

/// What a character becomes.
pub(super) fn even(c: char) -> Even {
    let code = u32::from(c);
    match code {
        0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).map_or(Even::Same, Even::As),
        0xAD
        | 0x34F
        | 0x61C
        | 0x180B..=0x180F
        | 0x200B..=0x200F
        | 0x202A..=0x202E
        | 0x2060..=0x206F
        | 0xFE00..=0xFE0F
        | 0xFEFF
        | 0xE0000..=0xE007F
        | 0xE0100..=0xE01EF => Even::Dropped,
        // Dashes and spaces that stand between the digits of a number.
        0xA0 | 0x2007 | 0x202F => Even::As(' '),
        0x2010..=0x2015 | 0x2212 => Even::As('-'),
        // Circled and mathematical digits.
        0x2460..=0x2468 => digit(code - 0x245F),
        0x24EA => digit(0),
        0x1D7CE..=0x1D7FF => digit((code - 0x1D7CE) % 10),
        0x1FBF0..=0x1FBF9 => digit(code - 0x1FBF0),
        _ => ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).map_or(Even::Same, |zero| digit(code - zero)),
    }
}

fn digit(value: u32) -> Even {
    char::from_digit(value, 10).map_or(Even::Same, Even::As)
}
