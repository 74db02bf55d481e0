use proptest::prelude::*;

use super::*;

const SECOND: i64 = Micros::PER_SECOND;

#[test]
fn the_window_slides() {
    let mut sliding = Sliding::default();
    sliding.add(Micros(0), 3);
    sliding.add(Micros(30 * SECOND), 2);
    assert_eq!(sliding.used(Micros(59 * SECOND)), 5);
    assert_eq!(sliding.used(Micros(60 * SECOND)), 5);
    assert_eq!(sliding.used(Micros(60 * SECOND + 250_000)), 2);
    assert_eq!(sliding.used(Micros(91 * SECOND)), 0);
    assert_eq!(sliding.reset_seconds(Micros(91 * SECOND)), 0);
}

#[test]
fn retry_after_is_when_there_is_room() {
    let mut sliding = Sliding::default();
    sliding.add(Micros(0), 3);
    sliding.add(Micros(30 * SECOND), 2);
    let now = Micros(40 * SECOND);
    assert_eq!(sliding.retry_after(now, 5, 1), 21);
    assert_eq!(sliding.retry_after(now, 5, 4), 51);
    assert_eq!(sliding.retry_after(now, 6, 1), 1);
    assert_eq!(sliding.retry_after(now, 5, 6), 60);
    assert_eq!(sliding.reset_seconds(now), 51);
    // Who waits that long is let in.
    assert_eq!(sliding.used(Micros((40 + 21) * SECOND)), 2);
}

#[test]
fn a_correction_changes_what_was_counted_then() {
    let mut sliding = Sliding::default();
    sliding.add(Micros(0), 100);
    sliding.add(Micros(10 * SECOND), 50);
    sliding.correct(Micros(0), -60);
    assert_eq!(sliding.used(Micros(20 * SECOND)), 90);
    sliding.correct(Micros(0), 10);
    assert_eq!(sliding.used(Micros(20 * SECOND)), 100);
    sliding.correct(Micros(5 * SECOND), 1);
    assert_eq!(sliding.used(Micros(61 * SECOND)), 51);
    // What left the window is not corrected, and nothing falls below zero.
    sliding.correct(Micros(0), 1_000);
    assert_eq!(sliding.used(Micros(61 * SECOND)), 51);
    sliding.correct(Micros(5 * SECOND), -1_000);
    assert_eq!(sliding.used(Micros(61 * SECOND)), 0);
}

#[test]
fn a_clock_that_steps_back_frees_nothing() {
    let mut sliding = Sliding::default();
    sliding.add(Micros(100 * SECOND), 5);
    assert_eq!(sliding.used(Micros(10 * SECOND)), 5);
    sliding.add(Micros(10 * SECOND), 5);
    assert_eq!(sliding.used(Micros(159 * SECOND)), 10);
    assert_eq!(sliding.used(Micros(161 * SECOND)), 0);
}

#[test]
fn a_busy_one_stays_small() {
    let mut sliding = Sliding::default();
    for step in 0..1_000_000_i64 {
        sliding.add(Micros(step * 1_000), 1);
    }
    assert!(sliding.granules.len() <= 241);
    assert_eq!(sliding.used(Micros(1_000_000_000)), 60_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// However calls fall, in no window of 60 s is more admitted than the limit; and with nothing in the last
    /// 60.25 s everything up to the limit is admitted.
    #[test]
    fn never_more_than_the_limit_in_any_sixty_seconds(
        limit in 1_u64..20,
        asks in prop::collection::vec((0_i64..4_000_000, 1_u64..6), 1..300),
    ) {
        let mut sliding = Sliding::default();
        let mut admitted: Vec<(i64, u64)> = Vec::new();
        let mut now = 0;
        for (pause, n) in asks {
            now += pause;
            let naive = |window: i64| admitted.iter().filter(|(at, _)| *at > now - window).map(|(_, n)| n).sum::<u64>();
            let used = sliding.used(Micros(now));
            prop_assert!(used >= naive(60 * SECOND), "forgot something");
            prop_assert!(used <= naive(60 * SECOND + GRANULE + 1), "kept something too long");
            if used + n <= limit {
                sliding.add(Micros(now), n);
                admitted.push((now, n));
            } else {
                let wait = i64::try_from(sliding.retry_after(Micros(now), limit, n)).unwrap();
                let mut later = sliding.clone();
                prop_assert!(n > limit || later.used(Micros(now + wait * SECOND)) + n <= limit, "retry-after lies");
            }
        }
        for (start, _) in &admitted {
            let inside: u64 = admitted.iter().filter(|(at, _)| at >= start && *at < start + 60 * SECOND).map(|(_, n)| n).sum();
            prop_assert!(inside <= limit);
        }
    }

    /// The running total is always the sum of what is held.
    #[test]
    fn the_total_is_the_sum(steps in prop::collection::vec((0_i64..3_000_000, 0_u64..9, -9_i64..9, 0_i64..90_000_000), 1..200)) {
        let mut sliding = Sliding::default();
        let mut now = 0;
        for (pause, n, delta, ago) in steps {
            now += pause;
            sliding.add(Micros(now), n);
            sliding.correct(Micros(now - ago), delta);
            let sum: u64 = sliding.granules.iter().map(|(_, n)| n).sum();
            prop_assert_eq!(sliding.used(Micros(now)), sliding.granules.iter().map(|(_, n)| n).sum::<u64>());
            prop_assert!(sliding.total <= sum);
            prop_assert!(sliding.granules.iter().zip(sliding.granules.iter().skip(1)).all(|((a, _), (b, _))| a < b));
        }
    }
}
