//! Keys of clouds and AI services of China.

use fluxa_domain::firewall::{Action, Confidence};

use super::TOKEN;
use crate::checks::tokens;
use crate::rule::{Anchor, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "aliyun_key",
        title: "Alibaba Cloud access key id",
        label: "ALIYUN_KEY",
        anchor: Anchor::Words(&["LTAI"]),
        pattern: "LTAI[A-Za-z0-9]{12,26}",
        check: Some(tokens::random_token),
        yes: &["ALIBABA_CLOUD_ACCESS_KEY_ID=LTAI5tOqS4HEwVo2kANQE26N", "id是LTAIbTex6czlZ7cQsVa9dJhU。"],
        no: &["LTAIxxxxxxxxxxxxxxxxxxxx", "VOLTAIeT7jAfVxIoA3NWcm5Tbb"],
        ..TOKEN
    },
    Rule {
        id: "aliyun_secret",
        title: "Alibaba Cloud secret by its name",
        label: "ALIYUN_SECRET",
        confidence: Confidence::Medium,
        anchor: Anchor::Words(&["aliyun", "alibaba", "ali_", "oss_", "accesskeysecret", "access_key_secret"]),
        pattern: assigned!("(?:aliyun|alibaba|ali_|oss_|access_?key_?secret)", "[A-Za-z0-9]{30}"),
        check: Some(tokens::named),
        yes: &["ALIBABA_CLOUD_ACCESS_KEY_SECRET=qlzEfNXX5cikTTRMTw1L1RxoIOLPTl", r#"accessKeySecret: "rTUvVxEunfMRhirQXsl0klddRtYvTY""#],
        no: &["oss_endpoint=oss-cn-hangzhou"],
        ..TOKEN
    },
    Rule {
        id: "tencent_key",
        title: "Tencent Cloud secret id",
        label: "TENCENT_KEY",
        anchor: Anchor::Words(&["AKID"]),
        pattern: "AKID[A-Za-z0-9]{13,40}",
        check: Some(tokens::random_token),
        yes: &["TENCENTCLOUD_SECRET_ID=AKIDEaNezFD2GMRDpipA6qVL1pjY1fnjRWb8"],
        no: &["AKIDxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..TOKEN
    },
    Rule {
        id: "tencent_secret",
        title: "Tencent, Huawei, Baidu, Volcengine or other cloud secret by its name",
        label: "CLOUD_SECRET",
        confidence: Confidence::Medium,
        action: Action::Alert,
        anchor: Anchor::Words(&[
            "tencent",
            "qcloud",
            "huawei",
            "hwcloud",
            "obs_",
            "baidu",
            "bce_",
            "qianfan",
            "wenxin",
            "volc",
            "ark_",
            "minimax",
            "moonshot",
            "dashscope",
            "qwen",
            "siliconflow",
            "baichuan",
            "stepfun",
            "hunyuan",
            "spark",
            "iflytek",
            "xfyun",
            "secretkey",
            "secret_key",
            "access_key",
        ]),
        pattern: assigned!(
            "(?:tencent|qcloud|huawei|hwcloud|obs_|baidu|bce_|qianfan|wenxin|volc|ark_|minimax|moonshot|dashscope|qwen|siliconflow|baichuan|stepfun|hunyuan|spark|iflytek|xfyun|secret_?key|access_?key)",
            "(?:[A-Za-z0-9+/]{42,60}={1,2}|[A-Za-z0-9]{40}|[A-Za-z0-9]{36}|[A-Za-z0-9]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[A-Za-z0-9]{24}|[A-Za-z0-9]{20})"
        ),
        check: Some(tokens::named),
        yes: &[
            "TENCENTCLOUD_SECRET_KEY=h5HPOybuxjIhZ8DW0Y8tZcUTlEoCl6vN",
            "HUAWEI_CLOUD_SK=RWXPA64VZ89YBODMNOZ3VVH1HH6QWRNPBVCHNYJE",
            "BAIDU_SECRET_KEY=L4tfkYFPqivtT6Fdl4vYtsjp02CnZDlv",
            "ARK_API_KEY=9f96f6d3-d74e-2cc3-a01d-90631c1a65a7",
            "VOLC_SECRETKEY=bdSFcqSroxvTURXXwX3mJ7ZELqnrEsmwk0KhA2mStLS0yfXgy+XTw0nUlz==",
        ],
        no: &["spark.version=3.5.0", r#"secret_key = "change""#],
        ..TOKEN
    },
];
