use fluxa_domain::price::{Rate, Rates};

use super::*;

fn bounds(mode: BudgetMode, size: Size, targets: &[Priced]) -> Bounds<'_> {
    Bounds { mode, clamp: false, size, targets }
}

fn size(body: &str) -> Size {
    Size::of(Op::Responses, &fluxa_wire::body::outline::outline(body.as_bytes()).unwrap(), body.as_bytes(), true)
}

fn target(context: Option<u64>, max_output: Option<u64>, input: i64) -> Priced {
    let rates = Rates { input: Rate(input), output: Rate(input), ..Rates::default() };
    Priced { price: Some(Arc::new(PriceRow { context, max_output, rates, ..PriceRow::default() })) }
}

#[test]
fn the_fallback_price_is_known_by_its_source() {
    let row = price_of(None, &UnpricedPolicy::Fallback(Rates::default())).unwrap();
    assert_eq!(row.source, FALLBACK_SOURCE);
}

#[test]
fn an_earlier_answer_is_bounded_by_the_largest_context_among_the_targets() {
    let targets = [target(Some(50_000), None, 1_000), target(Some(400_000), None, 1), target(None, None, 1)];
    let size = size(r#"{"input":"hi","previous_response_id":"r","n":2}"#);
    assert_eq!(bounds(BudgetMode::Strict, size, &targets).tokens(10), 400_020);
    assert!(bounds(BudgetMode::Balanced, size, &targets).tokens(10) < 100);
    let nanos = |targets| bounds(BudgetMode::Strict, size, targets).nanos(0).unwrap();
    assert_eq!(nanos(&targets[..1]), nanos(&targets));
}

#[test]
fn a_model_whose_longest_answer_is_not_known_leaves_no_bound_for_the_others() {
    let size = size(r#"{"input":"hi","max_output_tokens":9000}"#);
    let of = |targets: &[Priced]| bounds(BudgetMode::Strict, size, targets).longest_output(8_192, Op::Responses, true);
    assert_eq!(of(&[target(None, Some(4_000), 1)]).tokens, 4_000);
    assert_eq!(of(&[target(None, Some(4_000), 1), target(None, None, 1)]).tokens, 9_000);
    let unasked = self::size(r#"{"input":"hi","max_tokens":1,"max_output_tokens":null}"#);
    let bound = bounds(BudgetMode::Strict, unasked, &[target(None, None, 1)]).longest_output(8_192, Op::Responses, true);
    assert_eq!((bound.tokens, bound.cap), (8_192, true));
}
