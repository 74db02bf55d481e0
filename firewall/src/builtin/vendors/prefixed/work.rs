//! Marked tokens of services for money and work.

use super::marked;
use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    marked(
        "shippo_token",
        "Shippo API token",
        &["shippo_live_", "shippo_test_"],
        r"shippo_(?:live|test)_[A-Fa-f0-9]{40}",
        &["shippo_live_f303BF897035E446Ed27884023B922f25306c9Aa"],
        &["shippo_live_name"],
    ),
    marked(
        "duffel_token",
        "Duffel API token",
        &["duffel_live_", "duffel_test_"],
        r"duffel_(?:test|live)_[A-Za-z0-9_=-]{43}",
        &["duffel_test_DALQEpaR5Qia2c1o5U1wUJ4y52wNC4FP9rgs0YYpFqh"],
        &["duffel_test_name"],
    ),
    marked(
        "frameio_token",
        "Frame.io API token",
        &["fio-u-"],
        r"fio-u-[A-Za-z0-9_=-]{64}",
        &["fio-u-H38rE9vB4p9P5RIR4mxBeaB21s15rP9yQwc4FJq5UP4L5l59Z0koapLdA8U4m3p2"],
        &["fio-u-name"],
    ),
    marked(
        "easypost_key",
        "EasyPost API key",
        &["EZAK", "EZTK"],
        r"EZ[AT]K[A-Za-z0-9]{54}",
        &["EZAK6t7Y8f58e5NGg1m5mxk4rHgM5ZQy7wY1nHz77sDO5Wq0s4b090ISX6"],
        &["EZAKname"],
    ),
    marked(
        "flutterwave_key",
        "Flutterwave key",
        &["FLWSECK", "FLWPUBK"],
        r"FLW(?:SEC|PUB)K(?:_TEST)?-[A-Fa-f0-9]{12,32}(?:-X)?",
        &["FLWSECK_TEST-eFd9a7D34431-X"],
        &["FLWSECKname"],
    ),
    marked(
        "linear_key",
        "Linear API key",
        &["lin_api_", "lin_oauth_"],
        r"lin_(?:api_[A-Za-z0-9]{40,48}|oauth_[a-f0-9]{64})",
        &["lin_api_1FGPe32w1Rt939drJ4fI4lx03C566B78aowlvDDm"],
        &["lin_api_name"],
    ),
    marked(
        "plaid_token",
        "Plaid access token",
        &["access-sandbox-", "access-development-", "access-production-"],
        r"access-(?:sandbox|development|production)-[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}",
        &["access-sandbox-Fe2C1B7b-c084-D208-1333-Ffe3deCD7389"],
        &["access-sandbox-name"],
    ),
    marked(
        "typeform_token",
        "Typeform token",
        &["tfp_"],
        r"tfp_[A-Za-z0-9_.=-]{40,64}",
        &["tfp_55qo4DNnd9Z91qZtlq22K23SV5921uiTQd8fXW1N"],
        &["tfp_name"],
    ),
    marked(
        "yandex_key",
        "Yandex Cloud key",
        &["AQVN", "YCA", "t1."],
        r"(?:AQVN[A-Za-z0-9_-]{35,38}|YC[A-Za-z0-9_-]{38}|t1[.][A-Z0-9a-z_-]{20,80}={0,2}[.][A-Z0-9a-z_-]{60,90}={0,2})",
        &["t1.9Tfm8aMRQ9F4kPNB1wlN=.mh1q1Err2755ZX8t626n1989355ifHO6318S3Wf1lUc5eLB0Wr5uD8D9i19U="],
        &["t1.name"],
    ),
    marked(
        "intra42_secret",
        "42 intranet client secret",
        &["s-s4t2ud-", "s-s4t2af-"],
        r"s-s4t2(?:ud|af)-[A-Fa-f0-9]{64}",
        &["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"],
        &["s-s4t2ud-name"],
    ),
];
