#include "lint/worlds.hpp"

#include <algorithm>
#include <set>

#include "base/strings.hpp"
#include "lint/arn_formats.hpp"
#include "lint/conditions.hpp"
#include "lint/words.hpp"
#include "policy/policy.hpp"
#include "proof/regions.hpp"

namespace lint {

std::vector<World> worlds_of(std::string_view text, const Document& document, size_t most) {
    std::set<std::string> accounts, regions, partitions;
    const auto see = [&](std::string_view value) {
        for (const std::string_view part : base::split(value, ':')) {
            if (part.size() == 12 && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; }))
                accounts.emplace(part);
            if (is_region(part)) regions.emplace(part);
        }
        const ArnSegments arn = segments_of(value);
        if (arn.count == 6 && arn.prefix == "arn" && arn.partition.starts_with("aws") && !has_wildcard(arn.partition))
            partitions.emplace(arn.partition);
    };
    for (const Statement& statement : document.statements) {
        for (const Item& item : statement.resources.items) see(item.text);
        for (const ConditionItem& item : conditions_of(statement))
            for (const auto& value : item.values) see(value.text);
    }
    if (partitions.empty()) partitions.emplace("aws");
    std::string other = "111122223333";
    while (text.contains(other)) other = std::to_string(std::stoull(other) + 1);
    accounts.insert(other);
    regions.emplace(text.contains("us-east-1") ? "ap-south-9" : "us-east-1");
    const bool has_principals = document.subject.takes_principal();
    const auto policy = policy::Policy::parse(text, has_principals ? policy::PolicyKind::resource : policy::PolicyKind::identity);
    // Of a document that is none, which statements are right is not known: nor which regions they tell apart.
    if (!policy && base::lower(text).contains("aws:requestedregion")) return {};
    if (policy) {
        const auto asked = proof::regions_to_ask({&*policy, 1}, {}, *regions.begin());
        if (!asked.complete) return {};
        regions.insert(asked.regions.begin(), asked.regions.end());
    }
    std::vector<World> out;
    for (const auto& partition : partitions)
        for (const auto& account : accounts)
            for (const auto& region : regions) {
                if (out.size() == most) return {};
                out.push_back({partition, account, region});
            }
    return out;
}

}  // namespace lint
