#include "services/trainwarden/targets.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "gate/globals.hpp"
#include "identity/directory.hpp"
#include "policy/arn.hpp"
#include "policy/catalogue.hpp"
#include "policy/glob.hpp"
#include "policy/passed_resource.hpp"
#include "policy/vocabulary.hpp"
#include "proof/generalize.hpp"
#include "wire/region.hpp"

namespace services::trainwarden {
namespace {

constexpr size_t resources_looked_at_max = 10'000;  // buckets, or roles
constexpr size_t alike_buckets_max = 256;           // that are named one by one though nothing tells them apart
constexpr std::string_view bucket_format = "arn:${Partition}:s3:::${BucketName}";
constexpr std::string_view object_format = "arn:${Partition}:s3:::${BucketName}/${ObjectName}";
constexpr std::string_view role_format = "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}";

bool is_pattern(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

std::unexpected<base::Error> invalid(std::string message) {
    return base::fail(base::code::ValidationException, std::move(message));
}

// Those that the pattern means, and those of this server's own.
base::Result<std::vector<std::string>> actions_of(const std::string& asked) {
    if (!is_pattern(asked)) return std::vector<std::string>{TRY(known_action(asked))};
    std::vector<std::string> out = own_actions_matching(asked);
    if (!policy::actions_matching(asked).empty()) out.insert(out.begin(), asked);
    if (out.empty())
        return invalid("no action matches `" + asked + "`: a pattern of actions is SERVICE:PATTERN, for example s3:Get*, or *");
    return out;
}

bool has_wild_account(const policy::Arn& arn, const std::string& own) {
    return arn.account.empty() || arn.account == "aws" || policy::glob_matches(arn.account, own);
}

base::Result<std::vector<std::string>> resources_of(const Dependencies& parts, const std::string& asked) {
    if (asked == "*") return std::vector<std::string>{asked};
    if (asked.starts_with("s3://"))
        return invalid("`" + asked +
                       "` is an S3 URI; policies and questions name resources by ARN: arn:aws:s3:::" + asked.substr(5));
    if (asked.contains("${"))
        return invalid("`" + asked +
                       "`: in a question about patterns, a `?` stands for a `*`, `?` or `$` that a name really has");
    const auto arn = policy::parse_arn(asked);
    if (!arn) return invalid("`" + asked + "` is not an ARN, nor a pattern of ARNs, for example arn:aws:s3:::bucket/*");
    const std::string own = parts.directory->default_account();
    if (!policy::glob_matches(arn->partition, "aws"))
        return base::fail(base::code::NoSuchResource,
                          "there is no " + asked + " on this server: its partition is aws, not " + std::string(arn->partition));
    if (!has_wild_account(*arn, own))
        return base::fail(base::code::NoSuchResource, "there is no " + asked + " on this server: its account is " + own);
    const bool of_bucket = arn->service == "s3" && !arn->resource.contains('/');
    if (of_bucket) return std::vector<std::string>{asked, asked + "/*"};  // the bucket and all that is in it
    return std::vector<std::string>{asked};
}

// An answer about ARNs that no request for these actions is about would read as if nobody could.
base::Result<void> check_kind(const Dependencies& parts, const std::string& action, const std::string& resource,
                              const PatternQuestion& question) {
    const std::string account = parts.directory->default_account();
    std::string works_on;
    for (const std::string& pattern : question.actions) {
        const auto names = policy::actions_matching(pattern);
        if (names.empty()) return {};  // this server's own
        for (const std::string_view name : names) {
            if (proof::is_about(std::string(name), question.resources, account, parts.region)) return {};
            const auto formats = policy::resource_formats(name);
            if (works_on.empty() && !formats.empty()) works_on = std::string(name) + " works on " + std::string(formats.front());
        }
    }
    return invalid("`" + resource + "` is no resource of " +
                   (is_pattern(action) ? "any action that `" + action + "` means" : action) +
                   (works_on.empty() ? "" : ": " + works_on));
}

// The patterns as far as they mean actions of the service; the names that one means whose service is a pattern itself.
std::vector<std::string> of_service(const std::vector<std::string>& patterns, const std::string& service) {
    std::vector<std::string> out;
    for (const std::string& pattern : patterns) {
        const size_t colon = pattern.find(':');
        const std::string of = base::lower(pattern.substr(0, colon));
        if (pattern == "*")
            out.push_back(service + ":*");
        else if (colon != std::string::npos && of == service)
            out.push_back(pattern);
        else if (is_pattern(of))
            for (const std::string_view name : policy::actions_matching(pattern))
                if (name.starts_with(service + ":")) out.emplace_back(name);
    }
    return out;
}

template <class Keep>
std::vector<std::string> names_among(const std::vector<std::string>& patterns, const std::string& service, Keep&& keep) {
    std::set<std::string> out;
    for (const std::string& pattern : of_service(patterns, service))
        for (const std::string_view name : policy::actions_matching(pattern))
            if (keep(name)) out.emplace(name);
    return {out.begin(), out.end()};
}

bool works_on(std::string_view action, std::string_view format) {
    const auto formats = policy::resource_formats(action);
    return std::ranges::find(formats, format) != formats.end();
}

bool is_of_bucket(std::string_view action) {
    return policy::names_resource(action) && action != "s3:CreateBucket" &&
           (works_on(action, bucket_format) || works_on(action, object_format));
}

std::string text_of(const policy::Context& context) {
    std::string out;
    for (const auto& entry : context.entries()) {
        out += entry.key + (entry.multivalued ? "[" : "=");
        for (const std::string& value : entry.values) out += std::to_string(value.size()) + ":" + value;
    }
    return out;
}

class Collector {
public:
    Collector(const Dependencies& parts, const PatternQuestion& question)
        : parts_(parts), question_(question), account_(parts.directory->default_account()) {}

    base::Result<Targets> run() {
        std::vector<std::string> elsewhere;  // actions that are asked about there
        const auto buckets = names_among(question_.actions, "s3", is_of_bucket);
        if (!buckets.empty()) {
            const bool asked = TRY(add_buckets());
            if (asked) elsewhere = buckets;
        }
        const auto on_roles =
            names_among(question_.actions, "sts", [](std::string_view name) { return works_on(name, role_format); });
        if (!on_roles.empty()) {
            TRY(add_roles(on_roles));
            elsewhere.insert(elsewhere.end(), on_roles.begin(), on_roles.end());
        }
        add_rest(std::move(elsewhere));
        return std::move(out_);
    }

private:
    // Of one service, in pages; at most resources_looked_at_max.
    template <class Visit>
    base::Result<void> each(const std::string& pattern, std::string_view action, const std::string& what, Visit&& visit) {
        gate::ResourceQuery query{.pattern = pattern, .account = account_};
        std::string after;
        for (size_t seen = 0;;) {
            query.after = after;
            const gate::ResourcePage page = TRY(parts_.describer->each_resource(query));
            for (const std::string& arn : page.arns) {
                if (++seen > resources_looked_at_max) {
                    out_.open.push_back("this server has more than " + std::to_string(resources_looked_at_max) + " " + what +
                                        "; those beyond were not looked at");
                    return {};
                }
                auto found = TRY(parts_.describer->describe(arn, action, account_));
                if (found.existence == gate::Existence::there) visit(arn, found);
            }
            if (page.next.empty()) return {};
            after = page.next;
        }
    }

    // Resources with the same policy, keys and region are one target.
    void add(const gate::Description& description, const std::vector<std::string>& actions,
             const std::vector<std::string>& resources, const std::string& what) {
        const std::string text = description.policy ? std::string(description.policy->policy->text()) : std::string("-");
        const std::string key = text + "\n" + text_of(description.keys) + "\n" + description.owner + "\n" + description.region +
                                "\n" + (description.restrict_public ? "r" : "") + (description.policy_is_public ? "p" : "");
        const auto [entry, is_new] = by_key_.try_emplace(what + key, out_.all.size());
        if (is_new) {
            const policy::AttachedPolicy* policy =
                description.policy ? &out_.policies.emplace_back(*description.policy) : nullptr;
            out_.all.push_back({.actions = actions,
                                .except = {},
                                .resources = {},
                                .policy = policy,
                                .account = description.owner.empty() ? account_ : description.owner,
                                .known = description.keys,
                                .region = description.region.empty() ? parts_.region : description.region,
                                .restricts_public = description.restrict_public,
                                .policy_is_public = description.policy_is_public});
            if (what == "bucket") out_.all.back().except = {"s3:CreateBucket"};
            out_.all.back().absent = {"aws:resourcetag/", "iam:resourcetag/"};  // all tags that are there are known
        }
        auto& to = out_.all[entry->second].resources;
        to.insert(to.end(), resources.begin(), resources.end());
    }

    // False: too many buckets to be named, none with a policy of its own: nothing but the principals' policies decides about them.
    base::Result<bool> add_buckets() {
        struct Seen {
            gate::Description description;
            std::vector<std::string> resources;
        };
        std::vector<Seen> seen;
        bool differs = false;
        TRY(each("arn:aws:s3:::*", "s3:ListBucket", "buckets", [&](const std::string& arn, const gate::Description& found) {
            std::vector<std::string> resources;
            for (const std::string& pattern : question_.resources) {
                if (policy::glob_matches(pattern, arn)) resources.push_back(arn);
                for (std::string& below : proof::patterns_below(pattern, arn + "/")) resources.push_back(std::move(below));
            }
            if (resources.empty()) return;
            std::ranges::sort(resources);
            resources.erase(std::unique(resources.begin(), resources.end()), resources.end());
            if (found.policy) differs = true;
            seen.push_back({found, std::move(resources)});
        }));
        const auto names_buckets = [](const std::string& one) { return one.starts_with("arn:aws:s3:::"); };
        const bool makes_one =
            !names_among(question_.actions, "s3", [](std::string_view name) { return name == "s3:CreateBucket"; }).empty();
        if (seen.empty() && !makes_one && std::ranges::all_of(question_.resources, names_buckets))
            return base::fail(base::code::NoSuchResource,
                              "there is no bucket on this server that matches " + question_.resources.front());
        const bool named = std::ranges::all_of(question_.resources, names_buckets);
        if (!differs && !named && seen.size() > alike_buckets_max) {
            out_.open.push_back("this server has more than " + std::to_string(alike_buckets_max) +
                                " buckets, none with a policy: an example may name one that is not there");
            return false;
        }
        for (const Seen& one : seen) add(one.description, of_service(question_.actions, "s3"), one.resources, "bucket");
        return true;
    }

    base::Result<void> add_roles(const std::vector<std::string>& actions) {
        return each("arn:aws:iam::" + account_ + ":role/*", "sts:AssumeRole", "roles",
                    [&](const std::string& arn, const gate::Description& found) {
                        if (std::ranges::none_of(question_.resources,
                                                 [&](const std::string& one) { return policy::glob_matches(one, arn); }))
                            return;
                        gate::Description in_region = found;
                        for (const std::string& region : regions()) {
                            in_region.region = region;
                            add(in_region, actions, {arn}, "role");
                        }
                    });
    }

    void add_rest(std::vector<std::string> except) {
        const auto add_target = [&](std::vector<std::string> actions, std::vector<std::string> without,
                                    const std::string& region) {
            if (actions.empty()) return;
            out_.all.push_back({.actions = std::move(actions),
                                .except = std::move(without),
                                .resources = question_.resources,
                                .policy = nullptr,
                                .account = account_,
                                .known = {},
                                .region = region});
        };
        // IAM is served in one region (gate::supposed_region).
        if (parts_.region != wire::global_region || regions().size() > 1) {
            const auto of_iam =
                names_among(question_.actions, "iam", [](std::string_view name) { return name != "iam:PassRole"; });
            add_target(of_service(question_.actions, "iam"), {"iam:PassRole"}, std::string(wire::global_region));
            except.insert(except.end(), of_iam.begin(), of_iam.end());
        }
        const auto is_elsewhere = [&](const std::string& action) { return std::ranges::find(except, action) != except.end(); };
        std::vector<std::string> actions = question_.actions;
        std::erase_if(actions, is_elsewhere);
        for (const std::string& region : regions()) add_target(actions, except, region);
    }

    // Those that a request may go to: what is asked about may differ by them.
    [[nodiscard]] std::vector<std::string> regions() const {
        std::vector<std::string> out{parts_.region};
        if (question_.said.find("aws:RequestedRegion") != nullptr || is_of_one_region()) return out;
        for (const std::string& region : parts_.regions)
            if (region != parts_.region) out.push_back(region);
        return out;
    }
    // The resources name their region.
    [[nodiscard]] bool is_of_one_region() const {
        return std::ranges::all_of(question_.resources, [](const std::string& one) {
            const auto arn = policy::parse_arn(one);
            return arn && !arn->region.empty() && !is_pattern(arn->region);
        });
    }

    const Dependencies& parts_;
    const PatternQuestion& question_;
    const std::string account_;
    std::map<std::string, size_t> by_key_;
    Targets out_;
};

}  // namespace

bool is_pattern_question(std::string_view action, std::string_view resource) {
    if (is_pattern(action)) return true;
    // What requests without a resource are decided on may hold a `*`: arn:aws:s3:::* of s3:ListAllMyBuckets.
    const bool own = !own_actions_matching(action).empty();
    if (!own && !policy::names_resource(action)) return false;
    if (resource == "*") return !own;
    // The owner of a key that nobody here has (question.cpp) is one that requests name.
    if (base::equals_ignoring_case(action, "iam:GetAccessKeyLastUsed") && resource.ends_with(":user/*")) return false;
    std::string bare(resource);
    for (const std::string_view escape : {"${*}", "${?}", "${$}"})
        for (size_t at = bare.find(escape); at != std::string::npos; at = bare.find(escape)) bare.erase(at, escape.size());
    return is_pattern(bare);
}

base::Result<PatternQuestion> read_pattern_question(const Dependencies& parts, const std::string& action,
                                                    const std::string& resource,
                                                    std::span<const model::trainwarden::ContextEntry> context) {
    PatternQuestion out{.actions = TRY(actions_of(action)), .resources = TRY(resources_of(parts, resource)), .said = {}};
    out.said = TRY(context_of(context));
    // As requests to this server have it (docs/serve.md).
    if (out.said.find("aws:SecureTransport") == nullptr)
        out.said.set("aws:SecureTransport", gate::clients_use_tls() ? "true" : "false");
    TRY(check_kind(parts, action, resource, out));
    return out;
}

base::Result<Targets> targets_of(const Dependencies& parts, const PatternQuestion& question) {
    Dependencies there = parts;
    // Resources of another region are asked about there.
    if (const auto arn = policy::parse_arn(question.resources.front()))
        if (!arn->region.empty() && parts.describer->is_served(arn->region)) there.region = arn->region;
    return Collector(there, question).run();
}

}  // namespace services::trainwarden
