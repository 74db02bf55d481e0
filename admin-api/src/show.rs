//! How values look in answers: dollars as numbers beside integer nano-dollars, moments as RFC 3339.

use fluxa_domain::money::NanoUsd;
use fluxa_domain::time::Micros;
use serde_json::{Map, Value};

/// Dollars as a JSON number: whole amounts without a fraction, others in the shortest decimal form.
pub(crate) fn dollars(amount: NanoUsd) -> Value {
    if amount.0 % NanoUsd::PER_USD == 0 {
        return Value::from(amount.0 / NanoUsd::PER_USD);
    }
    amount.to_decimal_usd().parse::<f64>().map_or(Value::Null, Value::from)
}

/// A moment, or null.
pub(crate) fn moment(at: Option<Micros>) -> Value {
    at.map_or(Value::Null, |at| Value::from(at.to_rfc3339()))
}

/// Puts `name` in dollars and `name_nanos` in nano-dollars; both null when there is no amount.
pub(crate) fn put_dollars(object: &mut Map<String, Value>, name: &str, amount: Option<NanoUsd>) {
    object.insert(name.to_owned(), amount.map_or(Value::Null, dollars));
    object.insert(format!("{name}_nanos"), amount.map_or(Value::Null, |amount| Value::from(amount.0)));
}

/// The members of a `json!({…})` literal.
pub(crate) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_written_as_people_write_them() {
        let check = |nanos: i64, expect: &str| assert_eq!(dollars(NanoUsd(nanos)).to_string(), expect);
        check(5_000_000_000, "5");
        check(100_000_000, "0.1");
        check(1, "1e-9");
        check(123_456_789_123, "123.456789123");
        check(0, "0");
    }
}
