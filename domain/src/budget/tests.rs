use super::*;
use crate::money::NanoUsd;

fn at(text: &str) -> Micros {
    Micros::from_rfc3339(text).unwrap()
}

/// One row: the window of `period` at `now` in `zone` has this id and these bounds (UTC).
fn check(period: Period, now: &str, zone: &str, id: &str, from: &str, to: &str) {
    let found = window(period, at(now), zone);
    assert_eq!(found.id, id, "{now} {zone}");
    assert_eq!(found.starts_at.to_rfc3339(), at(from).to_rfc3339(), "start of {id}");
    assert_eq!(found.ends_at.map(Micros::to_rfc3339), Some(at(to).to_rfc3339()), "end of {id}");
}

#[test]
fn days_weeks_and_months_in_utc() {
    use Period::{Day, Month, Week};
    check(Day, "2026-11-22T00:00:00Z", "UTC", "d:2026-11-22@UTC", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z");
    check(Day, "2026-11-22T23:59:59.999999Z", "UTC", "d:2026-11-22@UTC", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z");
    check(Week, "2026-11-22T12:00:00Z", "UTC", "w:2026-W47@UTC", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z");
    check(Week, "2026-11-23T00:00:00Z", "UTC", "w:2026-W48@UTC", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z");
    check(Month, "2026-11-30T23:59:59Z", "UTC", "m:2026-11@UTC", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
    check(Month, "2027-01-31T12:00:00Z", "UTC", "m:2027-01@UTC", "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z");
    check(Month, "2027-02-28T12:00:00Z", "UTC", "m:2027-02@UTC", "2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z");
    check(Month, "2028-02-29T12:00:00Z", "UTC", "m:2028-02@UTC", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z");
    check(Day, "2028-02-29T12:00:00Z", "UTC", "d:2028-02-29@UTC", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z");
    check(Month, "2026-12-31T23:00:00Z", "UTC", "m:2026-12@UTC", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
}

#[test]
fn the_year_of_a_week_is_the_iso_year() {
    use Period::Week;
    // 1 January 2027 is a Friday of week 53 of 2026; 31 December 2029 is a Monday of week 1 of 2030.
    check(Week, "2027-01-01T12:00:00Z", "UTC", "w:2026-W53@UTC", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z");
    check(Week, "2029-12-31T12:00:00Z", "UTC", "w:2030-W01@UTC", "2029-12-31T00:00:00Z", "2030-01-07T00:00:00Z");
}

#[test]
fn daylight_saving_makes_days_of_23_and_25_hours() {
    use Period::{Day, Month, Week};
    let berlin = "Europe/Berlin";
    check(Day, "2026-03-29T12:00:00Z", berlin, "d:2026-03-29@Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    check(Day, "2026-10-25T12:00:00Z", berlin, "d:2026-10-25@Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    // Both halves of the hour that happens twice.
    check(Day, "2026-10-25T00:30:00Z", berlin, "d:2026-10-25@Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    check(Day, "2026-10-25T01:30:00Z", berlin, "d:2026-10-25@Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    check(Week, "2026-03-29T12:00:00Z", berlin, "w:2026-W13@Europe/Berlin", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z");
    check(Month, "2026-03-31T22:30:00Z", berlin, "m:2026-04@Europe/Berlin", "2026-03-31T22:00:00Z", "2026-04-30T22:00:00Z");
}

#[test]
fn a_midnight_that_does_not_exist_or_happens_twice() {
    use Period::Day;
    // Brazil sprang forward at midnight (18 October 2015: the day began at 01:00 -02) …
    let sao_paulo = "America/Sao_Paulo";
    check(Day, "2015-10-18T12:00:00Z", sao_paulo, "d:2015-10-18@America/Sao_Paulo", "2015-10-18T03:00:00Z", "2015-10-19T02:00:00Z");
    check(Day, "2015-10-18T02:59:59Z", sao_paulo, "d:2015-10-17@America/Sao_Paulo", "2015-10-17T03:00:00Z", "2015-10-18T03:00:00Z");
    // … and fell back at midnight (21 February 2016: the last hour of the 20th happened twice).
    check(Day, "2016-02-21T02:30:00Z", sao_paulo, "d:2016-02-20@America/Sao_Paulo", "2016-02-20T02:00:00Z", "2016-02-21T03:00:00Z");
    // Midnight itself happens twice in Havana (1 November 2026, 01:00 to 00:00): the first one counts.
    check(Day, "2026-11-01T05:30:00Z", "America/Havana", "d:2026-11-01@America/Havana", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
}

#[test]
fn zones_far_from_greenwich_and_off_the_hour() {
    use Period::{Day, Month, Week};
    check(Day, "2026-11-21T18:15:00Z", "Asia/Kathmandu", "d:2026-11-22@Asia/Kathmandu", "2026-11-21T18:15:00Z", "2026-11-22T18:15:00Z");
    check(Day, "2026-11-21T18:14:59Z", "Asia/Kathmandu", "d:2026-11-21@Asia/Kathmandu", "2026-11-20T18:15:00Z", "2026-11-21T18:15:00Z");
    check(
        Month,
        "2026-12-31T10:00:00Z",
        "Pacific/Kiritimati",
        "m:2027-01@Pacific/Kiritimati",
        "2026-12-31T10:00:00Z",
        "2027-01-31T10:00:00Z",
    );
    check(Day, "2027-01-01T11:59:59Z", "Etc/GMT+12", "d:2026-12-31@Etc/GMT+12", "2026-12-31T12:00:00Z", "2027-01-01T12:00:00Z");
    check(Week, "2026-11-22T16:00:00Z", "Asia/Shanghai", "w:2026-W48@Asia/Shanghai", "2026-11-22T16:00:00Z", "2026-11-29T16:00:00Z");
    // Samoa skipped 30 December 2011 altogether.
    check(Day, "2011-12-30T10:00:00Z", "Pacific/Apia", "d:2011-12-31@Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z");
}

#[test]
fn windows_join_without_gap_or_overlap() {
    for zone in ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "America/Havana", "Australia/Lord_Howe"] {
        for period in [Period::Day, Period::Week, Period::Month] {
            let mut window_now = window(period, at("2011-06-01T00:00:00Z"), zone);
            for _ in 0..2_000 {
                let end = window_now.ends_at.unwrap();
                assert!(window_now.starts_at < end, "{}", window_now.id);
                assert_eq!(window(period, Micros(end.0 - 1), zone), window_now);
                let next = window(period, end, zone);
                assert_eq!(next.starts_at, end, "{} then {}", window_now.id, next.id);
                assert_ne!(next.id, window_now.id);
                window_now = next;
            }
        }
    }
}

#[test]
fn the_total_has_no_end_and_unknown_zones_are_utc() {
    assert_eq!(
        window(Period::Total, at("2026-11-22T00:00:00Z"), "UTC"),
        Window { id: "total".into(), starts_at: Micros(0), ends_at: None }
    );
    assert_eq!(window(Period::Day, at("2026-11-22T00:00:00Z"), "Mars/Olympus").id, "d:2026-11-22@UTC");
    assert!(is_time_zone("Asia/Kathmandu") && is_time_zone("UTC") && !is_time_zone("Mars/Olympus") && !is_time_zone(""));
}

#[test]
fn a_zone_is_one_zone_however_it_is_written() {
    let now = at("2026-11-22T00:00:00Z");
    assert_eq!(window(Period::Day, now, "europe/berlin").id, window(Period::Day, now, "Europe/Berlin").id);
}

#[test]
fn limits_are_listed_with_their_units() {
    assert!(limits(&KeyLimits::default()).is_empty());
    let set = KeyLimits { budget_usd_daily: Some(NanoUsd(5)), budget_tokens_total: Some(7), ..KeyLimits::default() };
    let expect = [
        BudgetLimit { period: Period::Day, unit: Unit::NanoUsd, limit: 5 },
        BudgetLimit { period: Period::Total, unit: Unit::Tokens, limit: 7 },
    ];
    assert_eq!(limits(&set), expect);
}
