//! Ten times the input costs about ten times the memory, in bytes and in pieces: requests, answers and streams of
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
    use super::requests::{Shape, prose};
    use super::streams::Step;
    use super::work::{self, Work, pairs};

    /// Ten times, and what lists that double when they are full may have to spare. What is quadratic takes a hundred times.
    const MOST: f64 = 20.0;
    /// What a work may take beside what grows: buffers that are set aside at once.
    const BYTES: u64 = 256 * 1024;
    const PIECES: u64 = 500;

    #[test]
    fn ten_times_the_input_takes_ten_times_the_memory() {
        let mut faults = Vec::new();
        for (small, large) in growth::works() {
            let name = &small.name;
            let [small, large] = [&small, &large].map(|work| allocation_counter::measure((work.ready)()));
            for (what, small, large, free) in
                [("bytes", small.bytes_total, large.bytes_total, BYTES), ("allocations", small.count_total, large.count_total, PIECES)]
            {
                if large as f64 > (small as f64).mul_add(MOST, free as f64) {
                    faults.push(format!("{name}: {large} {what} for ten times what took {small}"));
                }
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    /// Far beyond what any client sends: none of it is refused, overflows a stack or never ends.
    #[test]
    fn thousands_of_anything_are_translated() {
        let works = hostile();
        assert_eq!(works.len(), 36);
        for work in works {
            assert_eq!(work.units, 1);
            (work.ready)()();
        }
    }

    /// Requests and streams that nobody sends in earnest.
    fn hostile() -> Vec<Work> {
        let mut works = Vec::new();
        // Each reader and each writer once: they do not know of each other.
        for (client, upstream) in pairs().step_by(5) {
            let shapes = [
                Shape::Tools(3_000),
                Shape::Turns(3_000),
                Shape::Calls(3_000),
                Shape::Clashing(3_000),
                Shape::Parts(30_000),
                Shape::Unknown(3_000),
            ];
            works.extend(shapes.map(|shape| work::request(client, upstream, shape)));
            let delta = prose(1000 * 1000);
            works.push(work::stream(client, upstream, &[Step::Begin], &[Step::Text(&delta), Step::End], 1));
            works.push(work::stream(client, upstream, &[Step::Begin], &growth::interleaved(3_000), 1));
            works.push(work::stream(client, upstream, &[Step::Begin], &growth::byte_by_byte(2_000), 1));
        }
        works
    }
}
