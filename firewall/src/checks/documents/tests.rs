use super::{checked_alone, de_insurance, it_fiscal, kr_resident, shaped_alone, us_dea};
use crate::rule::Seen;

fn tried(check: fn(&Seen<'_>) -> bool, rows: &[(&str, bool)]) {
    for &(value, expect) in rows {
        assert_eq!(check(&Seen { value, whole: value, before: "" }), expect, "{value}");
    }
}

#[test]
fn check_characters_decide_about_numbers_that_stand_alone() {
    tried(
        checked_alone,
        &[
            ("2951 63831 1", true),
            ("2951 63832 1", false),
            ("2951 63831-1", false),
            ("499118665246", true),
            ("499118665247", false),
            ("B072RRE2I55", true),
            ("B072RRE2I65", false),
            ("026985620", true),
            ("0269-8562-0", true),
            ("026985621", false),
            ("552221-0805", true),
            ("552221-0806", false),
            ("37410590113", true),
            ("37410590114", false),
            ("16547869309", true),
            ("98765432106", false),
            ("86095742719", true),
            ("86095742718", false),
            ("4508296347251", true),
            ("4508296347252", false),
            ("8703152087284", true),
            ("8703152087285", false),
            ("96605062B", true),
            ("96605062C", false),
            ("201126866Z", true),
            ("201126866A", false),
            ("T12LL5898D", true),
            ("T12LL5898E", false),
            ("A123456780", true),
            ("A123456781", false),
            ("C01X00T41", true),
            ("C01X00T42", false),
        ],
    );
}

#[test]
fn shapes_hold_what_their_registries_give_out() {
    tried(
        shaped_alone,
        &[
            ("LK53 ABX", true),
            ("LK49 ABX", false),
            ("Q123 ABX", false),
            ("34 KTL 612", true),
            ("82 KTL 612", false),
            ("MH12DE1433", true),
            ("QQ12DE1433", false),
            ("AFZPK7190K", true),
            ("AFZXK7190K", false),
            ("M482K9071", true),
            ("B482K9071", false),
            ("15-08-482913-71", true),
            ("29-08-482913-71", false),
            ("150848291371", false),
            ("WOB-VK 482E", true),
            ("WOB-VK 0482", false),
            ("WOBX-VK 482", false),
        ],
    );
}

#[test]
fn residents_of_korea_have_a_check_digit_until_it_was_given_up() {
    for (id, expect) in
        [("8703152087284", true), ("8703152087280", false), ("2103153000001", true), ("1903153000002", false), ("8713152087284", false)]
    {
        assert_eq!(kr_resident(id), expect, "{id}");
    }
}

#[test]
fn other_papers_end_in_their_check_characters() {
    tried(it_fiscal, &[("RSSBNC84D51F205P", true), ("RSSBNC84D51F205Q", false), ("rssbnc84d51f205p", true)]);
    tried(de_insurance, &[("15070649C103", true), ("15070649C104", false), ("15990649C103", false)]);
    for (id, expect) in [("AB1234563", true), ("AB1234564", false), ("NB1234563", false)] {
        assert_eq!(us_dea(id), expect, "{id}");
    }
}
