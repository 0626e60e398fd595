#include "generator.hpp"

#include <algorithm>
#include <iterator>

#include "base/strings.hpp"

namespace reference {

using text::Json;

namespace {

constexpr const char* account_a = "111122223333";
constexpr const char* account_b = "444455556666";

// Actions on resources of their own; the first four are asked about most.
struct Target {
    const char* action;
    const char* resource;
    bool for_peer = true;  // the public simulator knows no rules of services, and asks about lists with `*`
};
constexpr std::array targets = {
    Target{"s3:GetObject", "arn:aws:s3:::data/team-a/k"},
    Target{"s3:PutObject", "arn:aws:s3:::data/team-b/k"},
    Target{"s3:GetObject", "arn:aws:s3:::data/alice/x:y"},
    Target{"s3:PutObject", "arn:aws:s3:::models/\xC3\xA9"},
    Target{"s3:DeleteObject", "arn:aws:s3:::data/alice/b"},
    Target{"s3:DeleteObject", "arn:aws:s3:::data/team-a/a\nb"},
    Target{"s3:ListBucket", "arn:aws:s3:::data"},
    Target{"s3:ListAllMyBuckets", "arn:aws:s3:::*", false},
    Target{"iam:DeletePolicy", "arn:aws:iam::aws:policy/ReadOnlyAccess", false},
    Target{"iam:PutRolePolicy", "arn:aws:iam::111122223333:role/aws-reserved/r", false},
    Target{"iam:PassRole", "arn:aws:iam::111122223333:role/R"},
    Target{"iam:GetUser", "arn:aws:iam::111122223333:user/alice"},
    Target{"sts:AssumeRole", "arn:aws:iam::111122223333:role/R"},
    Target{"sts:AssumeRoleWithWebIdentity", "arn:aws:iam::111122223333:role/R"},
    Target{"sts:GetCallerIdentity", "*"},
    Target{"sts:GetSessionToken", "*", false},
    Target{"s3:PutBucketPolicy", "arn:aws:s3:::data", false},
    Target{"iam:GetAccessKeyLastUsed", "arn:aws:iam::111122223333:user/*", false},
    Target{"kms:Decrypt", "arn:aws:kms:eu-central-1:111122223333:key/1"},
    Target{"kms:CreateAlias", "arn:aws:kms:eu-central-1:111122223333:alias/a", false},
    Target{"sqs:SendMessage", "arn:aws:sqs:eu-central-1:111122223333:q"},
    Target{"dynamodb:GetItem", "arn:aws:dynamodb:eu-central-1:111122223333:table/prod-orders"},
    Target{"sagemaker:CreateTrainingJob", "arn:aws:sagemaker:eu-central-1:111122223333:training-job/j"},
};
constexpr size_t crowded_targets = 6;  // of S3
constexpr std::array action_patterns = {
    "*",           "s3:*",          "s3:Get*",   "S3:getobject", "s3:?*Object",  "s3:List*",      "iam:*",        "sts:*",
    "sts:Assume*", "kms:*",         "sqs:Send*", "sagemaker:*",  "*:*",          "s3:Get Object", "s3:",          "s3:P*",
    "s3:D*",       "dynamodb:Get*", "s3:*t*",    "*:Get*",       "s3:?????????", "iam:?assRole",  "s3:PutObject", "nosuch:Action",
    "nosuch:Act*"};
constexpr std::array resource_patterns = {"*",
                                          "arn:aws:s3:::data/*",
                                          "arn:aws:s3:::*",
                                          "arn:aws:s3:::data/team-?/*",
                                          "arn:aws:s3:::data/${aws:username}/*",
                                          "arn:aws:s3:::data/${aws:PrincipalTag/team, 'team-a'}/k",
                                          "arn:aws:s3:::data/${aws:PrincipalTag/team}/*",
                                          "arn:aws:s3:::data/${aws:TagKeys, 'alice'}/*",
                                          "arn:aws:s3:::models/?",
                                          "arn:aws:s3:::*a*a*/*",
                                          "arn:aws:s3:::data",
                                          "arn:aws:s3",
                                          "arn:aws:s3:*",
                                          "arn:aws:*:role/R",
                                          "arn:aws:iam::111122223333:role/*",
                                          "arn:aws:iam::111122223333:rol*/R",
                                          "arn:aws:iam::*:*/alice",
                                          "arn:aws:sqs:*:q",
                                          "arn:aws:sqs:eu-*-1:111122223333:*",
                                          "arn:aws:sqs:?u-central-1:*:q",
                                          "arn:aws:kms:*:*:key/${*}",
                                          "arn:aws:dynamodb:*:table/prod-*",
                                          "arn:aws:dynamodb:*:*:table/prod-*",
                                          "arn:*:s3:::data/*/k",
                                          "arn:aws:s3:::da*/*:?"};

enum class Type : uint8_t { text, arn, ip, number, date, boolean, binary };
struct Key {
    const char* name;
    Type type;
    bool list, global;
    std::array<const char*, 7> values;    // what requests carry
    std::array<const char*, 8> patterns;  // what policies say
};
constexpr std::array keys = {
    Key{"aws:username",
        Type::text,
        false,
        true,
        {"alice", "bob", "Alice", "*", "", "team-a", "al\nice"},
        {"alice", "a*", "${aws:username}", "bob", "ALICE", "?*", "al?ice", "*e"}},
    Key{"aws:PrincipalTag/team",
        Type::text,
        false,
        true,
        {"team-a", "team-b", "team-*", "alice", "", "\xC3\xA9", "team-\xC3\xA9"},
        {"team-a", "team-?", "${aws:username}", "${aws:PrincipalTag/Team, 'x'}", "${*}", "team-${*}", "${aws:userid, 'team-b'}",
         "*-*"}},
    Key{"aws:TagKeys",
        Type::text,
        true,
        true,
        {"team", "cost", "owner", "", "Team", "x", "alice"},
        {"team", "cost", "o*", "Team", "owner", "${aws:username}", "?", "*t*"}},
    Key{"aws:PrincipalArn",
        Type::arn,
        false,
        true,
        {"arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:role/R", "arn:aws:iam::444455556666:role/x:y",
         "arn:aws:iam::111122223333:root", "not-an-arn", "arn:aws:sts::111122223333:assumed-role/R/s",
         "arn:aws:iam::111122223333:user/*"},
        {"arn:aws:iam::111122223333:*", "arn:aws:iam::*:role/*", "arn:*:*::*:user/${aws:username}", "arn:aws:iam:*:role/R", "*",
         "arn:aws:iam::444455556666:role/?:y", "arn:aws:iam::111122223333:user/${*}", "arn:aws:*:*:1*3:*/?*"}},
    Key{"aws:SourceIp",
        Type::ip,
        false,
        true,
        {"10.1.2.3", "192.0.2.7", "2001:db8::1", "2001:db9::1", "10.200.0.1", "2001:DB8:0:0::1", "0.0.0.0"},
        {"10.0.0.0/9", "192.0.2.7", "2001:db8::/32", "0.0.0.0/0", "::/0", "10.1.2.0/24", "2001:db8::1", "10.1.2.3/32"}},
    Key{"aws:MultiFactorAuthAge",
        Type::number,
        false,
        true,
        {"10", "10.0", "9", "100", "10abc", "ten", "-3"},
        {"10", "9.5", "100", "-1", "10.00", "11", "9", "0.5"}},
    Key{"aws:CurrentTime",
        Type::date,
        false,
        true,
        {"2026-01-01T00:00:00Z", "1767225600", "2026-06-01", "2025-12-31T23:59:59Z", "1780272000", "soon", "2026"},
        {"2026-01-01T00:00:00Z", "1767225600", "2026-06-01T02:00:00+02:00", "2026-03-01", "1767225601", "2025-01-01", "2026",
         "2026-06"}},
    Key{"aws:SecureTransport",
        Type::boolean,
        false,
        true,
        {"true", "false", "True", "FALSE", "true", "yes", "false"},
        {"true", "false", "TRUE", "${aws:SecureTransport}", "False", "true", "${aws:ViaAWSService, 'true'}", "false"}},
    Key{"s3:blob",
        Type::binary,
        false,
        false,
        {"QUJD", "QUJE", "!", "QUI=", "", "QUJD", "QQ=="},
        {"QUJD", "QUJE", "QUI=", "QUJD", "QQ==", "QUJE", "", "QUJDRA=="}},
    Key{"s3:max-keys",
        Type::number,
        false,
        false,
        {"10", "1e1", "0.1", "1E-1", "100000000000000000001", "+5", "."},
        {"1e1", "0.10", "1E-1", "100000000000000000000", "5", "1e2", "-0", "0.05"}},
    Key{"aws:PrincipalOrgPaths",
        Type::text,
        true,
        false,
        {"o-a/r-1/", "o-a/r-1/ou-2/", "o-b/r-1/", "", "o-a/", "*", "O-A/R-1/"},
        {"o-a/*", "o-a/r-1/", "*ou-?/", "${aws:username}", "o-b/*", "?*", "o-a/r-1/ou-2/", "*"}},
};
constexpr std::array text_operators = {"StringEquals",
                                       "StringNotEquals",
                                       "StringEqualsIgnoreCase",
                                       "StringNotEqualsIgnoreCase",
                                       "StringLike",
                                       "StringNotLike",
                                       "stringlike",
                                       "StringEquals",
                                       "StringLike",
                                       "Null"};
constexpr std::array arn_operators = {"ArnLike",    "ArnNotLike",    "ArnEquals", "ArnNotEquals",
                                      "StringLike", "StringNotLike", "Null"};
constexpr std::array ip_operators = {"IpAddress", "NotIpAddress", "IpAddress", "NotIpAddress", "Null"};
constexpr std::array number_operators = {"NumericEquals",
                                         "NumericNotEquals",
                                         "NumericLessThan",
                                         "NumericLessThanEquals",
                                         "NumericGreaterThan",
                                         "NumericGreaterThanEquals",
                                         "Null"};
constexpr std::array date_operators = {"DateEquals",      "DateNotEquals",         "DateLessThan", "DateLessThanEquals",
                                       "DateGreaterThan", "DateGreaterThanEquals", "Null"};
constexpr std::array boolean_operators = {"Bool", "Bool", "Bool", "StringEquals", "Null"};
constexpr std::array binary_operators = {"BinaryEquals", "BinaryEquals", "Null"};

const char* operator_for(Type type, Dice& dice) {
    switch (type) {
        case Type::text:
            return dice.pick(text_operators);
        case Type::arn:
            return dice.pick(arn_operators);
        case Type::ip:
            return dice.pick(ip_operators);
        case Type::number:
            return dice.pick(number_operators);
        case Type::date:
            return dice.pick(date_operators);
        case Type::boolean:
            return dice.pick(boolean_operators);
        case Type::binary:
            return dice.pick(binary_operators);
    }
    return "Null";
}

}  // namespace

const char* const full_resource_control =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]})";

size_t Dice::below(size_t n) {
    if (from_bytes_) {
        size_t value = 0;
        for (size_t reach = 1; reach < n && !bytes_.empty(); reach *= 256) {
            value = value * 256 + bytes_.front();
            bytes_ = bytes_.subspan(1);
        }
        return value % n;
    }
    uint64_t z = state_ += 0x9E3779B97F4A7C15;  // splitmix64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return (z ^ (z >> 31)) % n;
}

std::string Generator::noise(std::string_view alphabet, size_t length_max) {
    std::string out;
    for (size_t n = dice_.below(length_max + 1); n > 0; --n) {
        const char c = alphabet[dice_.below(alphabet.size())];
        if (c == '$')
            out += dice_.chance(50) ? "${aws:username}" : "${";
        else if (c == '\xA9')
            out += "\xC3\xA9";
        else
            out += c;
    }
    return out;
}

Generator::Line Generator::condition() {
    size_t index = dice_.below(keys.size());
    while (!domain_.everything && !keys[index].global) index = (index + 1) % keys.size();
    const auto& key = keys[index];
    Line out{operator_for(key.type, dice_), key.name, {}};
    const bool null = out.op == "Null";
    const bool likes = out.op.ends_with("Like") || out.op == "stringlike";
    const auto value = [&]() -> Json {
        if (null) return dice_.chance(50) ? "true" : "false";
        if (domain_.everything && likes && dice_.chance(8)) return noise("alice-?*/team:$\xA9", 8);
        const std::string text = dice_.pick(key.patterns);
        if (domain_.everything && key.type == Type::boolean && dice_.chance(20)) return dice_.chance(50);
        if (domain_.everything && key.type == Type::number && text == "10" && dice_.chance(30)) return 10;
        return text;
    };
    const bool single = dice_.chance(50);
    if (single && dice_.chance(60)) {
        out.values = value();
    } else {
        out.values = Json::array();
        const bool none = domain_.everything && dice_.chance(2);
        for (size_t n = none ? 0 : single ? 1 : 2 + dice_.below(2); n > 0; --n) out.values.push(value());
    }
    if (null && !(domain_.everything && dice_.chance(5))) return out;
    if (dice_.chance(key.list ? 85 : 10)) out.op = (dice_.chance(50) ? "ForAnyValue:" : "ForAllValues:") + out.op;
    if (!null && dice_.chance(15)) out.op += "IfExists";
    return out;
}

policy::Context Generator::context() {
    policy::Context out;
    for (const auto& key : keys) {
        if (!key.global && !domain_.everything) continue;
        if (dice_.chance(20)) continue;
        const auto value = [&] {
            return domain_.everything && key.type == Type::text && dice_.chance(5) ? noise("alice-?*/team:\xA9", 6)
                                                                                   : std::string(dice_.pick(key.values));
        };
        if (key.list) {
            std::vector<std::string> values;
            for (size_t n = dice_.below(4); n > 0; --n) values.push_back(value());
            out.set_list(key.name, values);
        } else {
            out.set(key.name, value());
        }
        if (domain_.everything && !key.list && dice_.chance(2)) out.set(base::lower(key.name), value());  // R81
    }
    return out;
}

std::string Generator::principal() {
    const std::string where = dice_.chance(75) ? "" : std::string(" in ") + account_b;
    const std::string name = dice_.chance(60) ? "alice" : "bob";
    switch (dice_.below(12)) {
        case 0:
            return "anonymous";
        case 1:
            return "root" + where;
        case 2:
            return dice_.chance(70) ? "service sagemaker.amazonaws.com" : "service logs.amazonaws.com";
        case 3:
            // The simulator takes the federated user's name for that of the user who federated.
            return "federated " + name + " by " + (domain_.everything ? "alice" : name) + where;
        case 4:
            return domain_.everything ? "vouched arn:aws:iam::111122223333:oidc-provider/ci.example.com" : "user alice";
        case 5:
            return (dice_.chance(30) ? "linked-role aws-service-role/x.amazonaws.com/AWSServiceRoleForX session "
                                     : "role team/ml/Q session ") +
                   name + where;
        case 6:
        case 7:
        case 8:
            return "role R session " + name + where;
        default:
            return "user " + name + where;
    }
}

std::string Generator::action_pattern(const std::string& aimed_at) {
    if (dice_.chance(35)) return aimed_at;
    if (domain_.everything && dice_.chance(4)) return "s3:" + noise("GetPuObjc*?t", 8);
    for (;;) {
        const std::string text = dice_.pick(action_patterns);
        if (domain_.everything || !text.starts_with("*:")) return text;
    }
}

std::string Generator::resource_pattern(const std::string& aimed_at) {
    if (dice_.chance(20)) return aimed_at;
    if (domain_.everything && dice_.chance(5)) return "arn:aws:s3:::" + noise("data/team-*?:ak$", 12);
    if (domain_.everything && dice_.chance(3)) return "arn:aws:sqs:" + noise("eu-central:1*?", 14) + ":q";
    if (domain_.everything && dice_.chance(1)) return "arn:aws:iam:" + noise("eu:1*:", 6) + "111122223333:" + noise("user/*", 8);
    return dice_.pick(resource_patterns);
}

Json Generator::strings(auto&& one, size_t most) {
    if (dice_.chance(50)) return std::string(one());
    Json out = Json::array();
    for (size_t n = 1 + dice_.below(most); n > 0; --n) out.push(std::string(one()));
    return out;
}

Json Generator::principals() {
    constexpr std::array aws = {"111122223333",
                                "arn:aws:iam::111122223333:root",
                                "arn:aws:iam::111122223333:user/alice",
                                "arn:aws:iam::111122223333:role/R",
                                "arn:aws:sts::111122223333:assumed-role/R/alice",
                                "444455556666",
                                "arn:aws:sts::111122223333:federated-user/alice",
                                "arn:aws:iam::111122223333:role/team/ml/Q",
                                "*",
                                "arn:aws:iam::444455556666:role/R",
                                "arn:aws-cn:iam::111122223333:root",
                                "AIDABOB",
                                "AROAR",
                                "AROAR:alice"};
    if (dice_.chance(20)) return "*";
    Json out = Json::object();
    Json list = Json::array();
    // The simulator knows no unique ids.
    for (size_t n = 1 + dice_.below(4); n > 0; --n) list.push(aws[dice_.below(domain_.everything ? aws.size() : 11)]);
    out.set("AWS", std::move(list));
    if (dice_.chance(40)) out.set("Service", "sagemaker.amazonaws.com");
    if (domain_.everything && dice_.chance(5))
        out.set("CanonicalUser", dice_.chance(50) ? std::string("111122223333") : std::string(64, 'a'));
    if (domain_.everything && dice_.chance(30)) out.set("Federated", "arn:aws:iam::111122223333:oidc-provider/ci.example.com");
    return out;
}

// One thing wrong, of the kinds that a stored document may hold.
void Generator::damage(Json& document, Json& statement) {
    const auto all = [&](const char* name, Json value) { statement.set(name, std::move(value)); };
    switch (dice_.below(20)) {
        case 0:
            return all("Condition", Json::object({{"ArnNotSimilar", Json::object({{"aws:username", "alice"}})}}));
        case 1:
            return all("Condition", Json::object({{"StringEquals", Json::object({{"username", "alice"}})}}));
        case 2:
            return all("Condition", Json::object({{"NumericEquals", Json::object({{"s3:max-keys", "ten"}})}}));
        case 3:
            return all("Condition", Json::object({{"NullIfExists", Json::object({{"aws:username", "true"}})}}));
        case 4:
            return all("Condition", Json::object({{"StringLike", Json::object({{"aws:username", "${aws:"}})}}));
        case 5:
            return all("Condition", "StringEquals");
        case 6:
            return all("Resource", "data/*");
        case 7:
            return all("Resource", "arn:aws:s*:::data/*");
        case 8:
            return all("Action", "GetObject");
        case 9:
            return all("Action", Json::array());
        case 10:
            return all("Effect", "allow");
        case 11:
            return all("Principal", Json::object({{"AWS", "arn:aws:iam::111122223333:group/g"}}));
        case 12:
            return all("Principal", "*");
        case 13:
            return all("Comment", "x");
        case 14:
            return all("NotResource", "*");
        case 15:
            return all("Sid", "my sid");
        case 16:
            statement.erase(dice_.chance(50) ? "Action" : "Resource");
            return;
        case 17:
            document.set("Id", dice_.chance(50) ? Json("x") : Json(7));
            return;
        case 18:
            document.set("Version", dice_.chance(30) ? "2012-10-18" : "2008-10-17");
            return;
        default:
            return all("Principal", Json::object({{"AWS", Json::array({"arn:aws:iam::111122223333:user/*"})}}));
    }
}

Json Generator::statement(const std::string& layer, unsigned deny_percent) {
    Json out = Json::object();
    const bool rcp = layer == "rcp", trust = layer == "trust";
    const bool deny = rcp || dice_.chance(deny_percent);
    const auto& target = targets[dice_.below(dice_.chance(60) ? 4 : targets.size())];
    if (dice_.chance(20)) out.set("Sid", "S" + std::to_string(dice_.below(1000)));
    out.set("Effect", deny ? "Deny" : "Allow");
    if (rcp)
        out.set("Principal", dice_.chance(80) || !domain_.everything ? Json("*") : Json::object({{"AWS", "*"}}));
    else if (layer == "resource" || layer == "endpoint" || trust)
        out.set(deny && dice_.chance(trust ? 5 : 40) ? "NotPrincipal" : "Principal", principals());
    const bool narrow = rcp && !domain_.everything;  // the simulator takes neither `*` nor NotAction there
    const bool broad = dice_.chance(deny ? 30 : 60);
    if (trust)
        out.set("Action", strings([&]() -> std::string {
                    return dice_.chance(60) ? "sts:AssumeRole" : dice_.chance(97) ? "sts:Assume*" : "sts:AssumeRol";
                }));
    else
        out.set(!narrow && dice_.chance(12) ? "NotAction" : "Action", strings([&]() -> std::string {
            auto text = broad ? std::string("*") : action_pattern(target.action);
            while (narrow && text == "*") text = action_pattern(target.action);
            return text;
        }));
    if (!trust) {
        const auto resource = [&]() -> std::string {
            for (;;) {
                std::string text = broad || dice_.chance(15) ? "*" : resource_pattern(target.resource);
                const bool whole = text == "*" || std::ranges::count(text, ':') >= 5;
                if (text.starts_with("arn:aws:*")) continue;  // refused (R42)
                if (whole || (layer != "session" && !rcp)) return text;
            }
        };
        out.set(dice_.chance(10) ? "NotResource" : "Resource", strings(resource));
    }
    Json block = Json::object();
    for (size_t n = dice_.chance(deny ? 80 : 50) ? 1 + dice_.below(2) : 0; n > 0; --n) {
        const auto line = condition();
        bool repeated = false;  // operators may differ by case only
        for (const auto& [op, inside] : block.members())
            repeated = repeated || (op != line.op && base::equals_ignoring_case(op, line.op));
        if (repeated) continue;
        Json inside = block[line.op];
        inside.set(line.key, line.values);
        block.set(line.op, std::move(inside));
    }
    if (block.size() > 0) out.set("Condition", std::move(block));
    return out;
}

std::string Generator::document(const std::string& layer, unsigned deny_percent, bool full) {
    Json document = Json::object();
    const bool newest = !domain_.everything && layer == "rcp";  // the simulator insists
    if (newest || !dice_.chance(12)) document.set("Version", newest || dice_.chance(90) ? "2012-10-17" : "2008-10-17");
    Json statements = Json::array();
    // Some are large enough for an index; there a deny is rarer, or every answer would be one.
    const bool large = dice_.chance(10);
    const bool crowded = domain_.everything && dice_.chance(layer == "identity" || layer == "resource" ? 6 : 2);
    const auto& target = targets[dice_.below(crowded_targets)];
    for (size_t n = crowded ? 18 + dice_.below(24) : large ? 9 + dice_.below(12) : 1 + dice_.below(3); n > 0; --n) {
        statements.push(statement(layer, large || crowded ? deny_percent / 6 : deny_percent));
        if (crowded) crowd(statements.items().back(), layer, target.action, target.resource);
    }
    if (domain_.everything && dice_.chance(3)) damage(document, statements.items().back());
    if (full) {
        Json allow = Json::object({{"Effect", "Allow"}, {"Action", "*"}, {"Resource", "*"}});
        if (layer == "rcp" || layer == "endpoint") allow.set("Principal", "*");
        statements.push(std::move(allow));
    }
    document.set("Statement", statements.size() == 1 && dice_.chance(30) ? statements.items()[0] : std::move(statements));
    return document.dump();
}

std::vector<Placed> Generator::policies() {
    std::vector<Placed> out;
    const auto place = [&](const char* layer, size_t level, unsigned deny_percent, bool full) {
        std::string text = document(layer, deny_percent, full);
        // Noise in a pattern, a Bool or a variable under the old version may be refused: then there is a question about that.
        while (!domain_.everything && !policy::Policy::parse(text, *kind_named(layer)))
            text = document(layer, deny_percent, full);
        out.push_back({layer, level, std::move(text)});
    };
    const bool all = domain_.everything;
    for (size_t n = dice_.below(4); n > 0; --n) place("identity", 0, 25, false);
    if (dice_.chance(22)) place("boundary", 0, 12, dice_.chance(40));
    if (dice_.chance(25))
        for (size_t n = all && dice_.chance(20) ? 2 : 1; n > 0; --n) place("session", 0, 12, dice_.chance(40));
    if (dice_.chance(25))
        for (size_t level = 0, levels = 1 + dice_.below(4); level < levels; ++level)
            for (size_t n = dice_.chance(20) ? 2 : 1; n > 0; --n) place("scp", level, 20, n == 1 && (!all || dice_.chance(80)));
    if (dice_.chance(20))
        for (size_t level = 0, levels = 1 + dice_.below(2); level < levels; ++level) {
            place("rcp", level, 100, all && dice_.chance(70));
            if (!all) out.push_back({"rcp", level, full_resource_control});
        }
    if (dice_.chance(65)) place(dice_.chance(15) ? "trust" : "resource", 0, 35, false);
    if (all && dice_.chance(18)) place("endpoint", 0, 25, dice_.chance(60));
    return out;
}

void Generator::ask(Question& question) {
    auto& request = question.request;
    request = {};
    question.principal = principal();
    question.partition = domain_.everything && dice_.chance(4) ? "aws-cn" : "aws";
    request.principal = *principal_of(question.principal, question.partition);
    const auto* target = &targets[dice_.below(dice_.chance(60) ? 4 : targets.size())];
    const auto unfit = [&] {
        const bool root_assumes =
            request.principal.kind == policy::PrincipalKind::root && std::string_view(target->action) == "sts:AssumeRole";
        return !domain_.everything && (!target->for_peer || root_assumes);
    };
    while (unfit()) target = &targets[dice_.below(targets.size())];
    request.action = target->action, request.resource = target->resource;
    if (domain_.everything) {
        if (dice_.chance(10)) request.resource = targets[dice_.below(targets.size())].resource;
        if (dice_.chance(4)) request.resource = "arn:aws:s3:::data/" + noise("team-ab:/*?\xA9", 10);
        if (dice_.chance(3))
            request.action = dice_.chance(50) ? "S3:GETOBJECT" : dice_.chance(50) ? "nosuch:Action" : "nosuch:Acting";
    }
    if (dice_.chance(30)) request.resource_account = dice_.chance(60) ? account_a : account_b;
    request.context = context();
}

}  // namespace reference
