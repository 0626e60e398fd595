// A world small enough to ask every request of it, and rich enough that whatever its policies tell apart is among them.
#pragma once

#include <string>
#include <vector>

#include "policy/evaluate.hpp"

namespace world {

struct Statement {
    std::string effect, action, resource, condition;
    std::string principal;  // `"Principal":…` or `"NotPrincipal":…`; empty: none
    [[nodiscard]] std::string text() const {
        return R"({"Effect":")" + effect + R"(",)" + (principal.empty() ? "" : principal + ",") + R"("Action":)" + action +
               R"(,"Resource":)" + resource + (condition.empty() ? "" : R"(,"Condition":)" + condition) + "}";
    }
};

inline policy::PolicyPtr policy_of(const std::vector<Statement>& statements, policy::PolicyKind kind) {
    std::string text = R"({"Version":"2012-10-17","Statement":[)";
    for (size_t i = 0; i < statements.size(); ++i) text += (i == 0 ? "" : ",") + statements[i].text();
    return policy::Policy::parse(text + "]}", kind).value();
}

inline const std::vector<std::string> actions = {R"("s3:GetObject")", R"("s3:PutObject")", R"("s3:??tObject")"};
inline const std::vector<std::string> resources = {R"("*")", R"("arn:aws:s3:::one/*")", R"("arn:aws:s3:::one/a*")",
                                                   R"(["arn:aws:s3:::one/ab","arn:aws:s3:::t??/*"])"};
// One key with one value, one with a list.
inline const std::vector<std::string> conditions = {
    "",
    R"({"StringEquals":{"aws:UserAgent":"p"}})",
    R"({"StringNotEquals":{"aws:UserAgent":["p","q"]}})",
    R"({"StringLikeIfExists":{"aws:UserAgent":"p*"}})",
    R"({"Null":{"aws:UserAgent":"true"}})",
    R"({"ForAllValues:StringEquals":{"aws:TagKeys":"k"}})",
    R"({"ForAnyValue:StringEquals":{"aws:TagKeys":["k","m"]}})",
    R"({"ForAnyValue:StringNotEqualsIfExists":{"aws:TagKeys":"k"}})",
    R"({"ForAllValues:StringNotLike":{"aws:TagKeys":"k*"},"Null":{"aws:TagKeys":"false"}})",
    R"({"ForAllValues:StringEquals":{"aws:UserAgent":"q"}})"};

inline std::vector<Statement> statements() {
    std::vector<Statement> out;
    for (const char* effect : {"Allow", "Deny"})
        for (const auto& action : actions)
            for (const auto& resource : resources)
                for (const auto& condition : conditions) out.push_back({effect, action, resource, condition, ""});
    return out;
}

// Every request: two actions, resources that match each set of patterns, values that meet each set of conditions.
inline std::vector<policy::Request> requests(const policy::Principal& principal, const std::string& resource_account) {
    const std::vector<std::vector<std::string>> lists = {
        {},   {"k"},     {"m"},     {"x"},     {"kx"},         {"k", "m"},  {"k", "x"}, {"m", "x"}, {"k", "m", "x"},
        {""}, {"", "k"}, {"", "m"}, {"", "x"}, {"", "k", "m"}, {"kx", "k"}, {"kx", "m"}};
    std::vector<policy::Request> out;
    for (const char* action : {"s3:GetObject", "s3:PutObject"})
        for (const char* resource :
             {"arn:aws:s3:::one/ab", "arn:aws:s3:::one/ac", "arn:aws:s3:::one/x", "arn:aws:s3:::two/x", "arn:aws:s3:::other/x"})
            for (const char* agent : {"-", "p", "q", "px", "x", ""})
                for (const auto& list : lists) {
                    policy::Request request{.principal = principal,
                                            .action = action,
                                            .resource = resource,
                                            .resource_account = resource_account,
                                            .context = {}};
                    if (agent != std::string("-")) request.context.set("aws:UserAgent", agent);
                    if (!list.empty()) request.context.set_list("aws:TagKeys", list);
                    out.push_back(std::move(request));
                }
    return out;
}

}  // namespace world
