//! Which of a route's targets is asked first: by weight, by load, by speed, by price, or where the prompt's beginning was before.
//!
//! Pure: what is known of the targets is an argument. The others follow as fallbacks.

use super::Strategy;

/// Above so many times the mean load a target gets no calls by affinity, so that one popular beginning does not drown it.
/// The bound of consistent hashing with bounded loads; a quarter more than the mean is the usual choice.
const AFFINITY_LOAD_PERCENT: u64 = 125;

/// What is known of a target at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Calls in flight there.
    pub in_flight: u64,
    /// How long it takes to answer (first byte), smoothed, in microseconds; `None` until it has answered.
    pub latency_us: Option<u64>,
    /// What a million tokens cost there, in and out together, in nano-dollars; `None` where no price is known.
    pub price: Option<i64>,
}

/// What a choice is made by.
pub struct Choosing<'a> {
    /// A random number.
    pub roll: u64,
    /// A hash of the prompt's beginning, where calls with the same one should meet the same target.
    pub prefix: Option<u64>,
    /// What is known of a target, by provider and model.
    pub load: &'a dyn Fn(&str, &str) -> Load,
}

impl std::fmt::Debug for Choosing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Choosing").field("roll", &self.roll).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// A target to choose among.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The provider's name.
    pub provider: &'a str,
    /// The model asked of it.
    pub model: &'a str,
    /// Its share.
    pub weight: u32,
}

/// The order in which `candidates` are tried, as indexes. Calls without a preference are spread by weight.
#[must_use]
pub fn order(candidates: &[Candidate<'_>], strategy: Strategy, choosing: &Choosing<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    if candidates.len() < 2 || strategy == Strategy::Ordered {
        return order;
    }
    let load = |at: usize| candidates.get(at).map_or_else(Load::default, |it| (choosing.load)(it.provider, it.model));
    let first = weighted(candidates.iter().map(|it| it.weight), choosing.roll);
    // Equals stay in the order of chance.
    order.rotate_left(first);
    match strategy {
        Strategy::Weighted | Strategy::Ordered => {
            order.rotate_right(first);
            let chosen = order.remove(first.min(order.len().saturating_sub(1)));
            order.insert(0, chosen);
        }
        // Per unit of weight: a target of twice the share may be twice as busy.
        Strategy::LeastBusy => order.sort_by(|&a, &b| {
            let share = |at: usize| u128::from(candidates.get(at).map_or(1, |it| it.weight.max(1)));
            (u128::from(load(a).in_flight) * share(b)).cmp(&(u128::from(load(b).in_flight) * share(a)))
        }),
        // Who has never answered is tried, or it never would be.
        Strategy::LowestLatency => order.sort_by_key(|&at| load(at).latency_us.unwrap_or(0)),
        Strategy::LowestCost => order.sort_by_key(|&at| load(at).price.unwrap_or(i64::MAX)),
    }
    if let Some(prefix) = choosing.prefix
        && let Some(home) = home(candidates, prefix, &load)
    {
        order.retain(|&at| at != home);
        order.insert(0, home);
    }
    order
}

/// Where calls of this beginning go: the candidate with the highest hash that is not too busy (rendezvous hashing, so that a
/// target that comes or goes moves only its own share).
fn home(candidates: &[Candidate<'_>], prefix: u64, load: &dyn Fn(usize) -> Load) -> Option<usize> {
    let loads: Vec<u64> = (0..candidates.len()).map(|at| load(at).in_flight).collect();
    let total: u64 = loads.iter().sum();
    let count = u64::try_from(candidates.len()).unwrap_or(1).max(1);
    // This call counts too, and rounding is upwards: an idle target is never too busy.
    let most = (total.saturating_add(1)).saturating_mul(AFFINITY_LOAD_PERCENT).div_ceil(100 * count);
    let mut by_hash: Vec<usize> = (0..candidates.len()).collect();
    by_hash.sort_by_key(|&at| std::cmp::Reverse(candidates.get(at).map_or(0, |it| mix(prefix, it))));
    by_hash.into_iter().find(|&at| loads.get(at).is_some_and(|load| *load < most))
}

/// FNV-1a over the target's names, begun with the prefix, and stirred so that near inputs are far apart.
fn mix(prefix: u64, candidate: &Candidate<'_>) -> u64 {
    let mut hash = fnv(prefix ^ 0xCBF2_9CE4_8422_2325, candidate.provider.as_bytes());
    hash = fnv(hash, b"/");
    hash = fnv(hash, candidate.model.as_bytes());
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    hash ^ hash >> 33
}

/// FNV-1a: fast for short texts; nobody gains anything by collisions here.
#[must_use]
pub fn fnv(seed: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}

/// The index that `pick` falls on among `weights`, each counting as at least 1.
fn weighted(weights: impl Iterator<Item = u32> + Clone, pick: u64) -> usize {
    let sum: u64 = weights.clone().map(|weight| u64::from(weight.max(1))).sum();
    let mut left = pick % sum.max(1);
    for (at, weight) in weights.enumerate() {
        let weight = u64::from(weight.max(1));
        if left < weight {
            return at;
        }
        left -= weight;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: [Candidate<'static>; 3] = [
        Candidate { provider: "a", model: "m", weight: 1 },
        Candidate { provider: "b", model: "m", weight: 1 },
        Candidate { provider: "c", model: "m", weight: 2 },
    ];

    fn first(strategy: Strategy, roll: u64, prefix: Option<u64>, loads: [Load; 3]) -> usize {
        let load = |provider: &str, _: &str| loads[usize::from(provider.as_bytes()[0] - b'a')];
        let order = order(&THREE, strategy, &Choosing { roll, prefix, load: &load });
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2], "every target stays a fallback");
        order[0]
    }

    fn busy(in_flight: [u64; 3]) -> [Load; 3] {
        in_flight.map(|in_flight| Load { in_flight, ..Load::default() })
    }

    #[test]
    fn weights_are_shares() {
        let firsts: Vec<usize> = (0..4).map(|roll| first(Strategy::Weighted, roll, None, busy([9, 0, 0]))).collect();
        assert_eq!(firsts, [0, 1, 2, 2]);
        assert_eq!(first(Strategy::Ordered, 3, Some(1), busy([9, 0, 0])), 0);
    }

    #[test]
    fn the_least_busy_the_fastest_and_the_cheapest_come_first() {
        assert_eq!(first(Strategy::LeastBusy, 0, None, busy([3, 2, 5])), 1);
        assert_eq!(first(Strategy::LeastBusy, 0, None, busy([3, 3, 5])), 2, "twice the share, less than twice as busy");
        let fast = [Some(9), Some(5), Some(7)].map(|latency_us| Load { latency_us, ..Load::default() });
        assert_eq!(first(Strategy::LowestLatency, 0, None, fast), 1);
        let unknown = [Some(9), Some(5), None].map(|latency_us| Load { latency_us, ..Load::default() });
        assert_eq!(first(Strategy::LowestLatency, 0, None, unknown), 2, "who has never answered is tried");
        let cheap = [Some(2), Some(5), None].map(|price| Load { price, ..Load::default() });
        assert_eq!(first(Strategy::LowestCost, 3, None, cheap), 0);
    }

    #[test]
    fn equals_are_spread() {
        for strategy in [Strategy::LeastBusy, Strategy::LowestLatency, Strategy::LowestCost] {
            let firsts: std::collections::BTreeSet<usize> = (0..4).map(|roll| first(strategy, roll, None, busy([0; 3]))).collect();
            assert_eq!(firsts.len(), 3, "{strategy:?}");
        }
    }

    #[test]
    fn one_beginning_goes_to_one_target_unless_that_is_too_busy() {
        for prefix in 0..100 {
            let home = first(Strategy::Weighted, 0, Some(prefix), busy([0; 3]));
            assert!((0..4).all(|roll| first(Strategy::LeastBusy, roll, Some(prefix), busy([1; 3])) == home));
            let mut loads = [0; 3];
            loads[home] = 50;
            assert_ne!(first(Strategy::Weighted, 0, Some(prefix), busy(loads)), home);
        }
    }

    #[test]
    fn beginnings_are_spread_and_a_target_that_goes_moves_only_its_own() {
        let load = |_: &str, _: &str| Load::default();
        let mut counts = [0; 3];
        for prefix in 0..3_000_u64 {
            let choosing = Choosing { roll: 0, prefix: Some(fnv(7, &prefix.to_le_bytes())), load: &load };
            let home = order(&THREE, Strategy::Weighted, &choosing)[0];
            counts[home] += 1;
            let without = order(&THREE[..2], Strategy::Weighted, &choosing)[0];
            assert!(home == 2 || without == home);
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }
}
