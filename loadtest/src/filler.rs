//! Filler text: prompts and answers of a given size that look like prose and hold nothing a firewall would stop.

/// Words of it, longer ones between shorter ones, as in prose.
const WORDS: [&str; 12] = ["the", "gateway", "carries", "every", "request", "to", "its", "vendor", "and", "counts", "what", "passes"];

/// Text of exactly this many bytes, all ASCII.
pub fn filler(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 16);
    for word in WORDS.iter().cycle() {
        if text.len() >= bytes {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text.truncate(bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filler_has_the_size_asked_for() {
        for bytes in [0, 1, 3, 100, 1024] {
            assert_eq!(filler(bytes).len(), bytes);
        }
    }
}
