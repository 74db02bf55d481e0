//! Ten times the input costs no more than about ten times the memory, in bytes and in pieces: requests, answers and streams of
//! every pair of dialects, hostile shapes among them. Memory is counted, not time, so that a busy machine changes nothing.
//!
//! What is searched too often without being copied shows in counted instructions only: `make bench-wire`.

#[cfg(test)]
#[path = "../benches/translation/growth.rs"]
mod growth;
#[cfg(test)]
#[path = "../benches/translation/requests.rs"]
mod requests;
#[cfg(test)]
#[path = "../benches/translation/streams.rs"]
mod streams;
#[cfg(test)]
#[path = "../benches/translation/work.rs"]
mod work;

#[cfg(test)]
mod memory {
    use super::growth;

    /// What a work may take beside what grows: buffers that are set aside at once.
    const BYTES: u64 = 256 * 1024;
    const PIECES: u64 = 500;

    #[test]
    fn ten_times_the_input_takes_ten_times_the_memory() {
        let mut faults = Vec::new();
        for (small, large) in growth::works(1) {
            let name = &small.name;
            let [small, large] = [&small, &large].map(|work| allocation_counter::measure((work.ready)()));
            for (what, small, large, free) in
                [("bytes", small.bytes_total, large.bytes_total, BYTES), ("allocations", small.count_total, large.count_total, PIECES)]
            {
                if large as f64 > (small as f64).mul_add(growth::MOST, free as f64) {
                    faults.push(format!("{name}: {large} {what} for ten times what took {small}"));
                }
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    /// Far beyond what any client sends; a quadratic step anywhere would take minutes.
    #[test]
    fn ten_thousand_of_anything_is_translated() {
        let works = growth::hostile();
        assert!(works.len() > 100);
        for work in works {
            (work.ready)()();
        }
    }
}
