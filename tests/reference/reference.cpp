#include "reference.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "policy/catalogue.hpp"

namespace reference {

using policy::Layer;
using policy::Outcome;
using policy::PolicyKind;
using policy::Principal;
using policy::PrincipalKind;
using policy::Request;
using text::Json;

const std::vector<NamedReading>& all_readings() {
    static const std::vector<NamedReading> all = {
        {"variables_in_every_version", &Reading::variables_in_every_version},
        {"incomparable_fails_negation", &Reading::incomparable_fails_negation},
        {"epochs_and_dates_unmixed", &Reading::epochs_and_dates_unmixed},
        {"numbers_by_prefix", &Reading::numbers_by_prefix},
        {"ipv6_as_text", &Reading::ipv6_as_text},
        {"zero_prefix_is_one_address", &Reading::zero_prefix_is_one_address},
        {"wildcards_stop_at_newline", &Reading::wildcards_stop_at_newline},
        {"empty_values_compared", &Reading::empty_values_compared},
        {"empty_list_is_present", &Reading::empty_list_is_present},
        {"any_value_if_exists_fails", &Reading::any_value_if_exists_fails},
        {"booleans_only", &Reading::booleans_only},
        {"escapes_only_beside_wildcards", &Reading::escapes_only_beside_wildcards},
        {"empty_value_is_no_value", &Reading::empty_value_is_no_value},
        {"list_takes_default", &Reading::list_takes_default},
        {"unresolved_not_resource_fails", &Reading::unresolved_not_resource_fails},
        {"arns_by_segment", &Reading::arns_by_segment},
        {"partitions_ignored", &Reading::partitions_ignored},
        {"not_principal_by_any_level", &Reading::not_principal_by_any_level},
        {"root_is_a_user", &Reading::root_is_a_user},
        {"session_policy_caps_everything", &Reading::session_policy_caps_everything},
        {"federated_session_uncapped", &Reading::federated_session_uncapped},
        {"trust_optional", &Reading::trust_optional},
        {"anonymous_assumes_roles", &Reading::anonymous_assumes_roles},
        {"control_policies_bind_everyone", &Reading::control_policies_bind_everyone},
        {"resource_control_of_every_service", &Reading::resource_control_of_every_service},
    };
    return all;
}

namespace {

std::vector<std::string> list(const Json& json) {
    std::vector<std::string> out;
    const auto word = [](const Json& item) {
        return item.is_bool() ? std::string(item.as_bool() ? "true" : "false") : item.as_string();
    };
    if (json.is_array())
        for (const auto& item : json.items()) out.push_back(word(item));
    else
        out.push_back(word(json));
    return out;
}

// A request on its way through the policies; the action in lower case.
struct Asked {
    const Request& request;
    const Reading& reading;
    std::string action, resource;
    bool boundary = false;
};

// --- Principals ---------------------------------------------------------------------------------------------------------

// The names that a caller answers to, by level: 0 account, 1 role (or the user who federated), 2 itself.
std::vector<std::set<std::string>> levels_of(const Asked& asked) {
    const auto& caller = asked.request.principal;
    std::vector<std::set<std::string>> out(3);
    const auto partition = caller.arn.empty() ? std::string("aws") : std::string(base::split(caller.arn, ':')[1]);
    if (!caller.account.empty())  // R6, R30
        out[0] = {"AWS " + caller.account, "AWS arn:" + partition + ":iam::" + caller.account + ":root"};
    if (asked.reading.partitions_ignored)
        for (const char* other : {"aws", "aws-cn"})
            out[0].insert("AWS arn:" + std::string(other) + ":iam::" + caller.account + ":root");
    if (caller.kind == PrincipalKind::role_session) out[1] = {"AWS " + caller.role_arn, "AWS " + caller.role_id};
    if (caller.kind == PrincipalKind::federated_user) out[1] = {"AWS " + caller.user_arn};
    if (caller.kind == PrincipalKind::user || caller.kind == PrincipalKind::role_session ||
        caller.kind == PrincipalKind::federated_user)
        out[2] = {"AWS " + caller.arn, "AWS " + caller.unique_id};
    if (caller.kind == PrincipalKind::service) out[2] = {"Service " + caller.service};  // R36
    if (!caller.federated_provider.empty() && asked.action.starts_with("sts:assumerolewith"))
        out[2] = {"Federated " + caller.federated_provider};  // R37
    return out;
}

enum class Strength { none, account, role, direct };

Strength principal_strength(const Json& element, bool negated, bool deny, const Asked& asked) {
    std::set<std::string> listed;
    bool everyone = element.is_string();  // only "*" may stand alone (R26)
    for (const auto& [type, names] : element.members())
        for (const auto& name : list(names)) {
            // A canonical user that is an account here was stored as one.
            listed.insert((type == "CanonicalUser" && name.size() == 12 ? "AWS" : type) + " " + name);
            everyone = everyone || (type == "AWS" && name == "*");
        }
    const auto levels = levels_of(asked);
    const auto hit = [&](size_t level) {
        return std::ranges::any_of(levels[level], [&](const auto& name) { return listed.contains(name); });
    };
    auto strongest = Strength::none;
    if (hit(0)) strongest = Strength::account;
    if (hit(1)) strongest = Strength::role;
    if (everyone || hit(2)) strongest = Strength::direct;
    if (!negated) return strongest;
    if (deny && asked.boundary) return Strength::direct;  // R23
    if (everyone) return Strength::none;
    // R27: an old NotPrincipal with Allow admits whoever is not named at any level.
    if (!deny || asked.reading.not_principal_by_any_level) return strongest == Strength::none ? Strength::direct : Strength::none;
    // R34: every level must be listed; the user who federated is not a level.
    bool named = false;
    for (size_t level = 0; level < 3; ++level) {
        if (level == 1 && asked.request.principal.kind == PrincipalKind::federated_user) continue;
        if (levels[level].empty()) continue;
        named = true;
        if (!hit(level)) return Strength::direct;
    }
    return named ? Strength::none : Strength::direct;
}

// --- Statements ---------------------------------------------------------------------------------------------------------

bool is_ambiguous(const std::string& key, const policy::Context& context) {
    const auto* entry = context.find(key);
    return entry && entry->ambiguous;
}

// Has this text a variable whose key is ambiguous? Before the sixth part of an ARN there are none (R64).
bool has_ambiguous_variable(std::string_view text, bool resource, const Document& document, const policy::Context& context) {
    if (!document.variables) return false;
    if (resource)
        for (int i = 0; i < 5 && !text.empty(); ++i) text.remove_prefix(std::min(text.find(':'), text.size() - 1) + 1);
    for (; !text.empty(); text.remove_prefix(1))
        if (text.starts_with("${"))
            if (const auto variable = read_variable(text)) {
                if (is_ambiguous(variable->key, context)) return true;
                text.remove_prefix(variable->end - 1);
            }
    return false;
}

// R81: a Deny that names an ambiguous key is asked with what names it taken for true.
bool line_is_in_doubt(const std::string& op, const std::string& key, const std::vector<std::string>& wanted,
                      const Document& document, const policy::Context& context) {
    if (is_ambiguous(key, context)) return true;
    const auto type = base::lower(op.substr(op.find(':') == std::string::npos ? 0 : op.find(':') + 1));
    if (!type.starts_with("string") && !type.starts_with("arn") && !type.starts_with("bool")) return false;
    return std::ranges::any_of(wanted,
                               [&](const auto& value) { return has_ambiguous_variable(value, false, document, context); });
}

// `none` if the statement does not apply.
Strength statement_applies(const Statement& statement, const Document& document, const Asked& asked) {
    const auto& json = statement.json;
    const bool deny = json["Effect"].as_string() != "Allow";
    if (statement.broken) return deny ? Strength::direct : Strength::none;  // R73
    const auto& context = asked.request.context;
    auto strength = Strength::direct;
    if (document.kind == PolicyKind::resource || document.kind == PolicyKind::trust ||
        document.kind == PolicyKind::resource_control) {
        const auto* principal = json.find("Principal");
        const auto* not_principal = json.find("NotPrincipal");
        if (!principal && !not_principal) return Strength::none;  // R35
        strength = principal_strength(principal ? *principal : *not_principal, !principal, deny, asked);
        if (strength == Strength::none) return Strength::none;
    }
    const bool not_action = json.contains("NotAction"), not_resource = json.contains("NotResource");
    bool action = false;
    for (const auto& item : list(json[not_action ? "NotAction" : "Action"]))
        action = action || action_matches(item, asked.action);
    if (action == not_action) return Strength::none;  // R45
    if (json.contains("Resource") || not_resource) {  // R48
        bool resource = false, unsettled = false;
        for (const auto& item : list(json[not_resource ? "NotResource" : "Resource"])) {
            if (has_ambiguous_variable(item, true, document, context)) {
                if (!deny) return Strength::none;
                if (not_resource) continue;
            }
            const auto match = resource_matches(item, asked.resource, document.kind, document.variables, context, asked.reading);
            resource = resource || match.matches, unsettled = unsettled || match.unsettled;
        }
        if (resource == not_resource) return Strength::none;
        if (not_resource && unsettled && asked.reading.unresolved_not_resource_fails) return Strength::none;
    }
    for (const auto& [op, keys] : json["Condition"].members())
        for (const auto& [key, values] : keys.members()) {
            const bool none = values.is_array() && values.size() == 0;
            const auto wanted = none ? std::vector<std::string>() : list(values);
            if (line_is_in_doubt(op, key, wanted, document, context)) {
                if (!deny) return Strength::none;
                continue;
            }
            if (!condition_holds(op, key, wanted, document.variables, context, asked.reading)) return Strength::none;
        }
    return strength;
}

struct Said {
    bool deny = false;
    Strength allow = Strength::none;
    [[nodiscard]] bool allows() const { return allow != Strength::none; }
};

class Hearing {
public:
    Hearing(const Asked& asked, Answer& answer) : asked_(asked), answer_(answer) {}

    Said ask(const Document& document, Layer layer) {
        Said out;
        if (document.closed) {
            out.deny = true;
            answer_.denies.insert({layer, document.name, 0});
        }
        for (size_t i = 0; i < document.statements.size(); ++i) {
            const auto strength = statement_applies(document.statements[i], document, asked_);
            if (strength == Strength::none) continue;
            if (document.statements[i].json["Effect"].as_string() == "Allow") {
                out.allow = std::max(out.allow, strength);
            } else {
                out.deny = true;
                answer_.denies.insert({layer, document.name, i});
            }
        }
        return out;
    }

    Said ask(const std::vector<Document>& documents, Layer layer) {
        Said out;
        for (const auto& document : documents) {
            const auto said = ask(document, layer);
            out.deny = out.deny || said.deny;
            out.allow = std::max(out.allow, said.allow);
        }
        return out;
    }

    Said ask(const std::optional<Document>& document, Layer layer) { return document ? ask(*document, layer) : Said(); }

    // R7: an Allow is needed at every level.
    bool ask(const std::vector<std::vector<Document>>& levels, Layer layer) {
        bool all = true;
        for (const auto& level : levels) all = ask(level, layer).allows() && all;
        return all;
    }

private:
    const Asked& asked_;
    Answer& answer_;
};

}  // namespace

Layers read(const policy::PolicySet& policies) {
    const auto document = [](const policy::AttachedPolicy& attached) {
        return read(attached.policy->text(), attached.policy->kind(), attached.name);
    };
    const auto documents = [&](const std::vector<policy::AttachedPolicy>& all) {
        std::vector<Document> out;
        for (const auto& one : all) out.push_back(document(one));
        return out;
    };
    Layers out;
    out.identity = documents(policies.identity);
    if (policies.boundary) out.boundary = document(*policies.boundary);
    if (policies.session) out.session = documents(*policies.session);
    for (const auto& level : policies.service_control) out.service_control.push_back(documents(level));
    for (const auto& level : policies.resource_control) out.resource_control.push_back(documents(level));
    if (policies.resource) out.resource = document(*policies.resource);
    if (policies.vpc_endpoint) out.vpc_endpoint = document(*policies.vpc_endpoint);
    return out;
}

Answer evaluate(const Request& request, const Layers& layers, const Reading& reading) {
    Answer answer;
    const auto& caller = request.principal;
    const Asked asked{request, reading, base::lower(request.action), request.resource, layers.boundary.has_value()};
    const bool anonymous = caller.kind == PrincipalKind::anonymous, service = caller.kind == PrincipalKind::service;
    if (asked.action == "sts:getcalleridentity" && !anonymous) {  // R74
        answer.outcome = Outcome::allow;
        return answer;
    }
    const bool is_owner = caller.kind == PrincipalKind::user || caller.kind == PrincipalKind::root;
    const bool own_session = is_owner && request.context.find("aws:TokenIssueTime") != nullptr;
    if (asked.action == "sts:getsessiontoken" && !anonymous) {  // R74, R78
        if (is_owner && !own_session)
            answer.outcome = Outcome::allow;
        else
            answer.missing = {Layer::service_rule};
        return answer;
    }
    const auto prefix = asked.action.substr(0, asked.action.find(':'));
    const bool everyone = reading.control_policies_bind_everyone && !anonymous;
    const bool rcp_applies = (!caller.service_linked_role || everyone) &&  // R10
                             (policy::supports_resource_control(prefix) || reading.resource_control_of_every_service);
    const bool scp_applies = (!caller.service_linked_role && !anonymous && !service) || everyone;  // R9

    // What each layer says; layers that do not apply say nothing and are not asked for.
    Hearing hearing(asked, answer);
    const bool rcp_ok = !rcp_applies || hearing.ask(layers.resource_control, Layer::resource_control);
    const bool scp_ok = !scp_applies || hearing.ask(layers.service_control, Layer::service_control);
    const auto resource = hearing.ask(layers.resource, Layer::resource);
    const auto endpoint = hearing.ask(layers.vpc_endpoint, Layer::vpc_endpoint);
    Said identity, boundary, session;
    if (!anonymous && !service) {
        identity = hearing.ask(layers.identity, Layer::identity);
        boundary = hearing.ask(layers.boundary, Layer::boundary);
        if (layers.session) session = hearing.ask(*layers.session, Layer::session);
    }
    if (!answer.denies.empty()) {  // R2
        answer.outcome = Outcome::explicit_deny;
        return answer;
    }

    // R78: no policy changes what AWS keeps for itself, root and anonymous callers assume no role, and no user's or root's session without MFA uses IAM.
    const auto parts = base::split(asked.resource, ':');
    const bool of_iam = parts.size() >= 6 && parts[0] == "arn" && parts[2] == "iam";
    const auto changes = [&](std::initializer_list<const char*> actions) {
        return std::ranges::any_of(actions, [&](const char* name) { return asked.action == "iam:" + base::lower(name); });
    };
    const bool policy = of_iam && parts[4] == "aws" && parts[5].starts_with("policy/") &&
                        changes({"CreatePolicy", "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion",
                                 "SetDefaultPolicyVersion", "TagPolicy", "UntagPolicy"});
    const bool role = of_iam && (parts[5].starts_with("role/aws-service-role/") || parts[5].starts_with("role/aws-reserved/")) &&
                      changes({"CreateRole", "DeleteRole", "UpdateRole", "UpdateRoleDescription", "UpdateAssumeRolePolicy",
                               "AttachRolePolicy", "DetachRolePolicy", "PutRolePolicy", "DeleteRolePolicy",
                               "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary", "TagRole", "UntagRole"});
    const auto* mfa = request.context.find("aws:MultiFactorAuthPresent");
    const bool second_factor =
        mfa != nullptr && !mfa->ambiguous && mfa->values.size() == 1 && base::lower(mfa->values.front()) == "true";
    const bool without_mfa = prefix == "iam" && own_session && !second_factor;
    const bool nobodys_token = asked.action == "sts:getsessiontoken";  // of an anonymous caller
    if (policy || role || without_mfa || nobodys_token ||
        (caller.kind == PrincipalKind::root && asked.action == "sts:assumerole") ||
        (anonymous && asked.action == "sts:assumerole" && !reading.anonymous_assumes_roles)) {
        answer.missing = {Layer::service_rule};
        return answer;
    }

    const auto require = [&](bool good, Layer layer) {
        if (!good) answer.missing.insert(layer);
    };
    require(rcp_ok, Layer::resource_control);
    require(scp_ok, Layer::service_control);                                  // R8: they only ever take away
    require(!layers.vpc_endpoint || endpoint.allows(), Layer::vpc_endpoint);  // R80
    const bool direct = resource.allow == Strength::direct, via_role = resource.allow == Strength::role;
    const bool root = caller.kind == PrincipalKind::root && !reading.root_is_a_user;
    const bool identity_allow = identity.allows() || root;
    const bool boundary_ok = !layers.boundary || boundary.allows();
    const bool session_ok =
        layers.session ? session.allows() : caller.kind != PrincipalKind::federated_user || reading.federated_session_uncapped;
    const bool same = request.resource_account.empty() || request.resource_account == caller.account;
    const bool trust = layers.resource && layers.resource->kind == PolicyKind::trust;
    const bool assumes = asked.action == "sts:assumerole" || asked.action == "sts:assumerolewithsaml" ||
                         asked.action == "sts:assumerolewithwebidentity";
    const bool alias =
        (asked.action == "kms:createalias" || asked.action == "kms:updatealias" || asked.action == "kms:deletealias") &&
        base::split(asked.resource, ':').size() == 6 && base::split(asked.resource, ':')[5].starts_with("alias/");
    const bool delegates = trust || (assumes && !(reading.trust_optional && !layers.resource)) ||
                           (prefix == "kms" && asked.resource != "*" && !alias);  // R75, R76
    if (anonymous || service) {
        require(direct, Layer::resource);
    } else if (!same) {  // R4, R22
        require(resource.allows(), Layer::resource);
        require(identity_allow, Layer::identity);
        require(boundary_ok, Layer::boundary);
        require(session_ok, Layer::session);
    } else if (!direct) {  // R15, R17, R18, R20: a direct grant is enough
        if (delegates) require(resource.allows(), Layer::resource);
        if (!via_role) require(identity_allow, Layer::identity);  // R16, R19, R24
        require(boundary_ok, Layer::boundary);                    // R14
        require(session_ok, Layer::session);
    } else if (reading.session_policy_caps_everything && layers.session) {
        require(session_ok, Layer::session);
    }
    // R78: what is told to those alone whom the policies allow it.
    const bool others_policy = !same && (asked.action == "s3:getbucketpolicy" || asked.action == "s3:putbucketpolicy" ||
                                         asked.action == "s3:deletebucketpolicy");
    const bool nobodys_key = asked.action == "iam:getaccesskeylastused" && asked.resource.ends_with(":user/*");
    require(!answer.missing.empty() || !(others_policy || nobodys_key), Layer::service_rule);
    if (answer.missing.empty()) answer.outcome = Outcome::allow;
    return answer;
}

}  // namespace reference
