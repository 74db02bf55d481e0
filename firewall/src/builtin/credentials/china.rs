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
        yes: &["ALIBABA_CLOUD_ACCESS_KEY_ID=LTAI5tIDP1yuUhCOxHVeQTaN", "id是LTAIP0ocF9KJTRDbtwOm41bq。"],
        no: &["LTAIxxxxxxxxxxxxxxxxxxxx", "VOLTAIdEkMgjkDbdz4e0M2vvUo"],
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
        yes: &["ALIBABA_CLOUD_ACCESS_KEY_SECRET=y8ufe9Zflk7qy8Cjtj8g0Q41h9l1r0", r#"accessKeySecret: "5sepMPhgozp84ixwCIkMcXOa9pMmkb""#],
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
        yes: &["TENCENTCLOUD_SECRET_ID=AKIDqnTt7zccOeSvDi9jRgIE2AUv9uVIFc0L"],
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
            "TENCENTCLOUD_SECRET_KEY=7nIUmadyCb1VW5m8aze2REPuLum25oq5",
            "HUAWEI_CLOUD_SK=NVL7TAR0YETM9XMJAMLYD5UFDI36NRH0LZJ818UJ",
            "BAIDU_SECRET_KEY=h4MRTcqit6ispqsWaND1CBnHXRwcFQtl",
            "ARK_API_KEY=f09c8f71-5ccd-1906-df2f-7e6dcb0c0b7e",
            "VOLC_SECRETKEY=KIl3I4/e48dj6QL1MnZMuDOXbitOgDmD9rlqFAIjV8go5XXn+BYC2d7XLp==",
        ],
        no: &["spark.version=3.5.0", r#"secret_key = "change""#],
        ..TOKEN
    },
];
