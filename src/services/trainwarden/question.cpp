#include "services/trainwarden/question.hpp"

#include <algorithm>
#include <set>

#include "base/error_codes.hpp"
#include "base/nearest.hpp"
#include "base/strings.hpp"
#include "identity/directory.hpp"
#include "model/access.hpp"
#include "model/services.hpp"
#include "policy/arn.hpp"
#include "policy/catalogue.hpp"
#include "policy/glob.hpp"
#include "policy/passed_resource.hpp"
#include "policy/reference.hpp"
#include "policy/vocabulary.hpp"
#include "training/request.hpp"

namespace services::trainwarden {
namespace {

namespace m = model::trainwarden;

constexpr size_t formats_named_max = 3;
constexpr std::string_view last_use_of_key = "iam:GetAccessKeyLastUsed";

std::unexpected<base::Error> invalid(std::string message) {
    return base::fail(base::code::ValidationException, std::move(message));
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
    const std::string meant = base::nearest(word, known);
    return meant.empty() ? "" : "; did you mean " + meant + "?";
}

// This server's own actions, which AWS does not have, and what each is decided on (operations.cpp, slurm.cpp). CheckTrainingJob
// is none: it needs what CreateTrainingJob needs.
struct OwnAction {
    std::string_view name;
    bool any = true;  // decided on `*` where a request names nothing
    std::vector<std::string_view> formats = {};
};

const std::vector<OwnAction>& own_actions() {
    // A session is asked about by its ARN and its role's: no question about one resource.
    static const std::vector<std::string_view> principals = {"arn:${Partition}:iam::${Account}:root",
                                                             "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}",
                                                             "arn:${Partition}:iam::${Account}:user/${UserNameWithPath}"};
    static const std::vector<OwnAction> all = {
        {"trainwarden:CloseSlurmSession"},
        {"trainwarden:DescribeMasterKey"},
        {"trainwarden:DescribeRetention"},
        {"trainwarden:DescribeScrub"},
        {"trainwarden:EndSnapshot"},
        {"trainwarden:ExplainAccess", true, principals},
        {"trainwarden:ExplainRequest", false, {"arn:${Partition}:trainwarden:${Region}:${Account}:request/${RequestId}"}},
        {"trainwarden:InterruptTrainingJob",
         false,
         {"arn:${Partition}:sagemaker:${Region}:${Account}:training-job/${TrainingJobName}"}},
        {"trainwarden:LeastPrivilege", false, principals},
        {"trainwarden:ListRequests", true, principals},
        {"trainwarden:OpenSlurmSession", false, {"arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"}},
        {"trainwarden:PutRetention"},
        {"trainwarden:RenewSlurmSession"},
        {"trainwarden:RenewSnapshot"},
        {"trainwarden:RotateMasterKey"},
        {"trainwarden:StartSnapshot"},
        {"trainwarden:UsedActions", false, principals},
        {"trainwarden:WhatCan", false, principals},
        {"trainwarden:WhoCan"},
    };
    return all;
}

const OwnAction* own_action(std::string_view action) {
    const auto at =
        std::ranges::find_if(own_actions(), [&](const OwnAction& one) { return base::equals_ignoring_case(one.name, action); });
    return at == own_actions().end() ? nullptr : &*at;
}

std::vector<std::string_view> formats_of(std::string_view action) {
    const OwnAction* own = own_action(action);
    return own != nullptr ? own->formats : policy::resource_formats(action);
}

// May a question about it name no resource?
bool needs_no_resource(const std::string& action) {
    const OwnAction* own = own_action(action);
    return own != nullptr ? own->any : !policy::names_resource(action);
}

bool is_own(std::string_view action) { return base::lower(action).starts_with("trainwarden:"); }

// `${*}`, `${?}` and `${$}` are the characters; `*` and `?` alone are none that a question may have.
base::Result<std::string> without_escapes(const std::string& resource) {
    std::string out;
    for (size_t i = 0; i < resource.size(); ++i) {
        const std::string_view here = std::string_view(resource).substr(i, 4);
        if (here == "${*}" || here == "${?}" || here == "${$}") {
            out += here[2];
            i += 3;
            continue;
        }
        if (resource[i] == '*' || resource[i] == '?')
            return invalid("`" + resource + "` is a pattern; a question is about one resource. If its name has a `" +
                           resource[i] + "`, write ${" + resource[i] + "}");
        out += resource[i];
    }
    return out;
}

// An account's root user has no name, so requests for its own keys and its own self name none: they are decided on the root.
bool is_about_root(std::string_view action) {
    if (base::equals_ignoring_case(action, last_use_of_key)) return true;  // the owner of the key
    for (const model::Service* service : model::services()) {
        if (service->signing_name != "iam") continue;
        for (const model::Operation* operation : service->operations)
            if (operation->accesses != nullptr &&
                std::ranges::any_of(operation->accesses->rules, [&](const model::AccessRule& rule) {
                    return !rule.or_caller.empty() && base::equals_ignoring_case(rule.action.text, action);
                }))
                return true;
    }
    return false;
}

// What only some requests are decided on: the root user, and the owner of a key that nobody here has, `user/*`.
bool is_of_no_format(const std::string& action, const std::string& asked, const std::string& account) {
    const std::string own = "arn:aws:iam::" + account + ":";
    if (asked == own + "root") return is_about_root(action);
    return asked == own + "user/*" && base::equals_ignoring_case(action, last_use_of_key);
}

std::unexpected<base::Error> is_uri(const std::string& asked) {
    return invalid("`" + asked + "` is an S3 URI; policies and questions name resources by ARN: arn:aws:s3:::" + asked.substr(5));
}

std::string works_on(const std::string& action) {
    std::string out = action + " works on ";
    size_t named = 0;
    for (const std::string_view format : formats_of(action)) {
        if (named == formats_named_max) break;
        out += (named++ == 0 ? "" : " or ") + std::string(format);
    }
    return out;
}

// Beside `*`, what the service passes for an action that names no resource (R44).
base::Result<std::string> passed_of(const Dependencies& parts, const std::string& action, const std::string& asked) {
    const std::string account = parts.directory->default_account();
    const auto passes = [&](const std::string& resource) {
        return policy::passed_resource(action, resource, account, parts.region) == resource;
    };
    if (passes(asked)) return asked;
    std::string resource = TRY(without_escapes(asked));
    if (passes(resource)) return resource;
    return invalid("`" + asked + "` is no resource of this action: requests for " + action + " name none, and are decided on " +
                   policy::passed_resource(action, "*", account, parts.region));
}

base::Result<std::string> resource_of(const Dependencies& parts, const std::string& action, const std::string& asked) {
    if (asked.starts_with("s3://")) return is_uri(asked);
    if (asked == "*" && needs_no_resource(action)) return asked;
    if (is_own(action) && formats_of(action).empty())
        return invalid("`" + asked + "` is no resource of this action: requests for " + action +
                       " name none, and are decided on *");
    if (!is_own(action) && !policy::names_resource(action)) return passed_of(parts, action, asked);
    if (asked == "*") return invalid("a question is about one resource: " + works_on(action));
    if (is_of_no_format(action, asked, parts.directory->default_account())) return asked;
    std::string resource = TRY(without_escapes(asked));
    const auto arn = policy::parse_arn(resource);
    if (!arn) return invalid("`" + asked + "` is not an ARN: " + works_on(action));
    if (arn->partition != "aws")
        return base::fail(base::code::NoSuchResource,
                          "there is no " + asked + " on this server: its partition is aws, not " + std::string(arn->partition));
    if (!arn->account.empty() && arn->service != "iam" && arn->account != parts.directory->default_account())
        return base::fail(base::code::NoSuchResource,
                          "there is no " + asked + " on this server: its account is " + parts.directory->default_account());
    const auto formats = formats_of(action);
    if (std::ranges::none_of(formats, [&](std::string_view format) { return policy::has_format(resource, format); }))
        return invalid("`" + asked + "` is no resource of this action: " + works_on(action));
    const bool published = arn->account == "aws" && arn->resource.starts_with("policy/");
    if (arn->service == "iam" && !published && arn->account != parts.directory->default_account())
        return base::fail(base::code::NoSuchResource, "there is no " + asked + " on this server");
    return resource;
}

base::Result<policy::KnownKey> key_of(const std::string& asked) {
    if (auto known = policy::find_key(asked)) return *known;
    if (const auto global = policy::find_key("aws:" + asked))
        return invalid("there is no condition key " + asked + "; did you mean " + global->name + "?");
    return invalid("there is no condition key " + asked + did_you_mean(asked, policy::keys_beside(asked)));
}

}  // namespace

base::Result<std::string> known_action(const std::string& asked) {
    if (asked.find_first_of("*?") != std::string::npos)
        return invalid("`" + asked + "` is a pattern; a question is about one action, for example s3:GetObject");
    if (is_own(asked)) {
        if (const OwnAction* own = own_action(asked)) return std::string(own->name);
        std::vector<std::string> all;
        for (const OwnAction& one : own_actions()) all.emplace_back(one.name);
        return invalid("there is no action " + asked + did_you_mean(asked, all));
    }
    if (const auto found = policy::actions_matching(asked); found.size() == 1) return std::string(found.front());
    const std::string service = asked.substr(0, asked.find(':'));
    std::vector<std::string> beside;
    if (service.size() < asked.size())
        for (const std::string_view one : policy::actions_matching(service + ":*")) beside.emplace_back(one);
    if (beside.empty())
        return invalid("there is no action " + asked + ": an action is SERVICE:NAME, for example s3:GetObject or iam:PassRole");
    return invalid("there is no action " + asked + did_you_mean(asked, beside));
}

std::vector<std::string> own_actions_matching(std::string_view pattern) {
    std::vector<std::string> out;
    for (const OwnAction& one : own_actions())
        if (policy::glob_matches(base::lower(pattern), base::lower(one.name))) out.emplace_back(one.name);
    return out;
}

base::Result<std::string> recorded_resource(const std::string& asked) {
    if (asked.starts_with("s3://")) return is_uri(asked);
    if (asked != "*" && !policy::parse_arn(asked)) return invalid("`" + asked + "` is not an ARN");
    return asked;
}

// A key that holds a list in AWS's reference is one, even with a single value.
base::Result<policy::Context> context_of(std::span<const m::ContextEntry> entries) {
    policy::Context said;
    std::set<std::string> seen;
    for (const m::ContextEntry& entry : entries) {
        const policy::KnownKey key = TRY(key_of(entry.key));
        if (!seen.insert(base::lower(key.name)).second)
            return invalid("the condition key " + key.name + " is there twice; its values belong together");
        for (const std::string& value : entry.values) {
            if (!policy::has_type(value, key.type))
                return invalid("`" + value + "` is no value of " + key.name + ", which is " +
                               std::string(policy::describe(key.type)));
        }
        const bool list = policy::key_holds_list(key.name);
        if (!list && entry.values.size() != 1)
            return invalid(key.name + " has one value, not " + std::to_string(entry.values.size()));
        if (list)
            said.set_list(key.name, entry.values);
        else
            said.set(key.name, entry.values.front());
    }
    return said;
}

base::Result<Question> read_question(const Dependencies& parts, const std::string& asked_action,
                                     const std::string& asked_resource, std::span<const m::ContextEntry> context) {
    const std::string action = TRY(known_action(asked_action));
    const std::string resource = TRY(resource_of(parts, action, asked_resource));
    Question out;
    out.said = TRY(context_of(context));
    auto access = gate::asked_access(*parts.describer, action, resource, parts.directory->default_account(), &out.said);
    if (!access && access.error().code == base::code::NoSuchResource) {
        const std::string& absence = access.error().message;
        return base::fail(base::Error(base::code::NoSuchResource,
                                      "there is no " + resource + " on this server" + (absence.empty() ? "" : ": " + absence))
                              .note("`aws iam simulate-principal-policy` can be asked about what is not there yet"));
    }
    out.access = TRY(std::move(access));
    return out;
}

}  // namespace services::trainwarden
