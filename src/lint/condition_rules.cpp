// Keys with rules of their own: what their values look like, what goes with them, and what they cannot do.
// Source: IAM User Guide, "AWS global condition context keys" and "IAM policy validation check reference"; Amazon S3 and DynamoDB guides, condition keys.
#include <algorithm>
#include <set>

#include "base/strings.hpp"
#include "lint/conditions.hpp"
#include "lint/words.hpp"
#include "policy/reference.hpp"

namespace lint {

namespace {

using policy::Comparison;
using Names = std::initializer_list<std::string_view>;

bool is_one_of(const ConditionItem& item, Names keys) {
    return std::ranges::any_of(keys, [&](std::string_view key) { return item.is_key(key); });
}

bool asks_for_any(const Statement& statement, Names keys) {
    return std::ranges::any_of(keys, [&](std::string_view key) { return statement.asks_for(key); });
}

bool compares_strings(const ConditionItem& item) {
    return item.op.comparison == Comparison::string_equals || item.op.comparison == Comparison::string_equals_ignore_case ||
           item.op.comparison == Comparison::string_like;
}

// `vpc-` and 8 or 17 letters and digits. What a wildcard or a variable leaves open is taken.
bool is_id(std::string_view text, std::string_view prefix) {
    if (has_wildcard(text) || text.contains("${")) return true;
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    const auto fine = [](char c) { return (c >= '0' && c <= '9') || (base::lower(c) >= 'a' && base::lower(c) <= 'z'); };
    return (text.size() == 8 || text.size() == 17) && std::ranges::all_of(text, fine);
}

bool is_key_arn(std::string_view text) {
    if (text.contains("${")) return true;
    const auto parts = base::split(text, ':');
    return parts.size() == 6 && parts[0] == "arn" && (parts[2] == "kms" || has_wildcard(parts[2])) &&
           (parts[5].starts_with("key/") || has_wildcard(parts[5]));
}

void check_forms(const ConditionItem& item, Collector& out) {
    if (!compares_strings(item) && item.op.comparison != Comparison::arn_like) return;
    for (const auto& value : item.values) {
        const std::string given = shown(value.text);
        if (item.is_key("aws:SourceVpc") && !is_id(value.text, "vpc-"))
            out.add(check_of("INVALID_VPC_FORMAT"), given + " is no VPC: `vpc-` and 8 or 17 letters and digits.", value.place);
        if (item.is_key("aws:SourceVpce") && !is_id(value.text, "vpce-"))
            out.add(check_of("INVALID_VPCE_FORMAT"), given + " is no VPC endpoint: `vpce-` and 8 or 17 letters and digits.",
                    value.place);
        const bool open = has_wildcard(value.text) || value.text.contains("${");
        if (item.is_key("aws:RequestedRegion") && !open && !is_region(value.text))
            out.add(check_of("INVALID_REGION"), given + " is no region, such as us-east-1.", value.place);
        if (item.is_key("s3:x-amz-server-side-encryption-aws-kms-key-id") && !is_key_arn(value.text))
            out.add(check_of("INVALID_KMS_KEY_VALUE"), given + " is no ARN of a KMS key.", value.place);
        if (is_one_of(item, {"aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:PrincipalServiceName",
                             "aws:PrincipalServiceNamesList", "iam:PassedToService", "kms:ViaService"}) &&
            !open && !is_service_principal(value.text))
            out.add(check_of("INVALID_SERVICE_PRINCIPAL_FORMAT"),
                    given + " is no service principal, such as sagemaker.amazonaws.com, in lower case.", value.place);
    }
}

void check_companions(const ConditionItem& item, Collector& out) {
    const Statement& statement = *item.statement;
    if (item.is_key("aws:VpcSourceIp") && !asks_for_any(statement, {"aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn"}))
        out.add(check_of("MISSING_PAIRED_CONDITION_KEYS"),
                "Private addresses are the same in every VPC: ask for aws:SourceVpc, too.", item.key_place);
    if (is_one_of(item, {"aws:Referer", "aws:UserAgent"}))
        out.add(check_of("UNTRUSTWORTHY_CONDITION_KEY"),
                "The caller sets " + shown(item.key()) + " as it likes: access cannot rest on it.", item.key_place);
    if (item.is_key("s3:prefix") && compares_strings(item) && statement.allows() == item.op.negated &&
        (statement.allows() || statement.denies()))
        out.add(check_of("S3_PREFIX_IN_NEGATIVE_CONTEXT"),
                "A request with a shorter prefix, or with none, passes this by and lists the same objects: allow with "
                "StringLike, or deny with StringNotLike.",
                item.key_place);
    if (item.is_key("dynamodb:Attributes") && statement.allows() && !statement.asks_for("dynamodb:Select"))
        out.add(check_of("DYNAMODB_ATTRIBUTES_WITHOUT_SELECT"),
                "A read without a projection returns every attribute: ask for dynamodb:Select SPECIFIC_ATTRIBUTES, too.",
                item.key_place);
}

void check_bucket(const ConditionItem& item, Collector& out) {
    if (item.is_key("s3:ResourceAccount"))
        out.add(check_of("IRRELEVANT_CONDITION_KEY_IN_POLICY"),
                "In a bucket's own policy s3:ResourceAccount is always the same: the bucket's account. It belongs in policies of "
                "identities.",
                item.key_place);
}

// Is a source there at all?
bool asks_whether_there(const Statement& statement) {
    for (const Member& op : statement.condition->value.members)
        for (const Member& key : op.value.members)
            if (base::equals_ignoring_case(op.name, "Null") && (base::equals_ignoring_case(key.name, "aws:SourceAccount") ||
                                                                base::equals_ignoring_case(key.name, "aws:SourceArn")))
                return true;
    return false;
}

// Resource control policies bind users and roles and the services that act for the account: a Deny for one of them must spare the others.
void check_resource_control(const ConditionItem& item, Collector& out) {
    const Statement& statement = *item.statement;
    if (!statement.denies()) return;
    const std::string key = shown(item.key());
    const bool says_service = statement.asks_for("aws:PrincipalIsAWSService");
    if ((is_one_of(item, {"aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths"}) ||
         base::lower(item.key()).starts_with("aws:principaltag/")) &&
        !says_service)
        out.add(check_of("RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY"),
                "Services have no " + key +
                    ", and this denies them, too: add \"BoolIfExists\": {\"aws:PrincipalIsAWSService\": \"false\"}.",
                item.key_place);
    if (!is_one_of(item, {"aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID", "aws:SourceOrgPaths"})) return;
    if (item.op.comparison == Comparison::null) return;
    if (!says_service)
        out.add(check_of("RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY"),
                "Only services bring " + key +
                    ", and this denies users and roles, too: add \"BoolIfExists\": {\"aws:PrincipalIsAWSService\": \"true\"}.",
                item.key_place);
    if (!asks_whether_there(statement))
        out.add(
            check_of("RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK"),
            "Some services bring no " + key + " when they act for the account: add \"Null\": {\"aws:SourceAccount\": \"false\"}.",
            item.key_place);
}

}  // namespace

// A tag that requests for some of the actions never have: for these, the condition never holds.
void check_tag_support(const Statement& statement, const std::vector<ConditionItem>& items, Collector& out) {
    if (statement.actions.member == nullptr || (!statement.allows() && !statement.denies())) return;
    std::vector<const Item*> lacking;  // exact names
    std::set<std::string> services;
    for (const Item& action : statement.actions.items) {
        if (statement.actions.negated || !policy::lacks_resource_tags(action.text)) continue;
        lacking.push_back(&action);
        services.insert(base::lower(action.text.substr(0, action.text.find(':'))));
    }
    if (lacking.empty() && !statement.actions.negated) return;
    const auto tag = std::ranges::find_if(items, [](const ConditionItem& item) {
        return base::lower(item.key()).starts_with("aws:resourcetag/") && !item.op.negated && !item.op.if_exists &&
               item.op.comparison != Comparison::null && item.op.set != policy::SetPrefix::all_values;
    });
    if (tag == items.end()) return;
    const std::string key = shown(tag->key());
    std::vector<Place> places;
    if (statement.actions.negated) {
        places = {statement.place.key(*statement.actions.member), tag->key_place};
        return statement.allows()
                   ? out.add(
                         check_of("ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE"),
                         "Many of the actions that NotAction leaves have no " + key + " and are not allowed: name the actions.",
                         std::move(places))
                   : out.add(
                         check_of("DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE"),
                         "Many of the actions that NotAction leaves have no " + key + " and are not denied: name the actions.",
                         std::move(places));
    }
    for (const Item* action : lacking) places.push_back(action->place);
    places.push_back(tag->key_place);
    const std::string details =
        "Requests for " + shown(lacking.front()->text) +
        (lacking.size() == 1 ? "" : " and " + std::to_string(lacking.size() - 1) + " more of these actions") + " (" +
        base::join({services.begin(), services.end()}, ", ") + ") have no " + key + ": the statement does not ";
    statement.allows()
        ? out.add(check_of("ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE"), details + "allow them.", std::move(places))
        : out.add(check_of("DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE"), details + "deny them.", std::move(places));
}

void check_key_rules(const ConditionItem& item, const Document& document, Collector& out) {
    check_forms(item, out);
    check_companions(item, out);
    if (document.subject.is_bucket()) check_bucket(item, out);
    if (document.subject.type == PolicyType::resource_control) check_resource_control(item, out);
}

}  // namespace lint
