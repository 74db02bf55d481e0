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
        yes: &["ALIBABA_CLOUD_ACCESS_KEY_ID=LTAI5tPzjTDjg7biZ0NL4u4C", "id是LTAI3SvnB4nDEcpgtrBvggSy。"],
        no: &["LTAIxxxxxxxxxxxxxxxxxxxx", "VOLTAIdKeKOoZ9CDbiBpTtXLan"],
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
        yes: &["ALIBABA_CLOUD_ACCESS_KEY_SECRET=iVqBWsDHA0GTyJkyqRyNBFaLbJl3Oo", r#"accessKeySecret: "RDMyZNBzggzSW89JDiMgQFRMKeThgT""#],
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
        yes: &["TENCENTCLOUD_SECRET_ID=AKIDP6rrPGcZTTfXDilsYoj8cySgRJ5p3rbX"],
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
            "TENCENTCLOUD_SECRET_KEY=7eExWw9uQuE3umSgL1y147MdztoiNCDC",
            "HUAWEI_CLOUD_SK=KPYIEB5Z9E9U0Q8G1HBRQ1L5TEPIJVS6G7A04FVL",
            "BAIDU_SECRET_KEY=iMOTv7oB2nN1aCAlxJuVCskw9IGbSGjv",
            "ARK_API_KEY=b3808661-f1e7-968a-8ec7-f8b619d78b6f",
            "VOLC_SECRETKEY=v7bQmmPFNlLsuBeT0PfQYGRDontsqFvFNqMgrESPr9kejGDL2YPDXpEdYk==",
        ],
        no: &["spark.version=3.5.0", r#"secret_key = "change""#],
        ..TOKEN
    },
];
