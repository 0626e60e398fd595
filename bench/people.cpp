// What who-can and its paths cost, on one core: many principals with conditions, and roles that may become each other.
//
//   people who-can PRINCIPALS    a bucket, and principals of whom some have their own policies
//   people paths ROLES           roles in chains, of which the last may
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "proof/paths.hpp"

namespace {

using policy::AttachedPolicy;

const std::string account = "111122223333", iam = "arn:aws:iam::" + account + ":";

AttachedPolicy attached(const std::string& name, const std::string& statements,
                        policy::PolicyKind kind = policy::PolicyKind::identity) {
    return {policy::Policy::parse(R"({"Version":"2012-10-17","Statement":[)" + statements + "]}", kind).value(), name};
}

std::string allow(const std::string& action, const std::string& resource, const std::string& condition = "") {
    return R"({"Effect":"Allow","Action":")" + action + R"(","Resource":")" + resource + "\"" +
           (condition.empty() ? "" : R"(,"Condition":)" + condition) + "}";
}

proof::Asker asker(const std::string& arn, bool is_role, const policy::PrincipalPolicies* policies, const std::string& team) {
    proof::Asker out{.subject = {}, .policies = policies};
    const std::string name = arn.substr(arn.rfind('/') + 1);
    auto& principal = out.subject.principal;
    principal.account = account;
    if (is_role) {
        principal.kind = policy::PrincipalKind::role_session;
        principal.role_arn = arn;
        principal.role_id = "AROA" + name;
        principal.arn = "arn:aws:sts::" + account + ":assumed-role/" + name + "/session";
        principal.unique_id = "AROA" + name + ":session";
    } else {
        principal.kind = policy::PrincipalKind::user;
        principal.arn = principal.user_arn = arn;
        principal.unique_id = "AIDA" + name;
        out.subject.known.set("aws:username", name);
    }
    out.subject.known.set("aws:PrincipalArn", arn);
    out.subject.known.set("aws:PrincipalTag/team", team);
    return out;
}

template <class Work>
double seconds(Work&& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

proof::Target target(std::vector<std::string> actions, std::vector<std::string> resources, const AttachedPolicy* policy) {
    return {.actions = std::move(actions),
            .except = {},
            .resources = std::move(resources),
            .policy = policy,
            .account = account,
            .known = {}};
}

void who_can(size_t count) {
    // Forty managed policies; a tenth has one of its own, a hundredth one with its name in it.
    std::vector<AttachedPolicy> managed;
    for (int i = 0; i < 40; ++i)
        managed.push_back(attached("arn:aws:iam::aws:policy/p" + std::to_string(i),
                                   allow("s3:GetObject", "arn:aws:s3:::big/" + std::to_string(i) + "/*",
                                         R"({"IpAddress":{"aws:SourceIp":"10.)" + std::to_string(i) + R"(.0.0/16"}})") +
                                       "," + allow("s3:PutObject", "arn:aws:s3:::big/*")));
    const auto home = attached("arn:aws:iam::aws:policy/home", allow("s3:GetObject", "arn:aws:s3:::big/home/${aws:username}/*"));
    std::deque<policy::PrincipalPolicies> policies;
    std::vector<proof::Asker> askers;
    for (size_t i = 0; i < count; ++i) {
        auto& own = policies.emplace_back();
        own.identity = {managed[i % 40]};
        if (i % 10 == 0)
            own.identity.push_back(
                attached("own", allow("s3:GetObject", "arn:aws:s3:::big/u" + std::to_string(i) + "/*",
                                      R"({"StringEquals":{"aws:PrincipalTag/team":"t)" + std::to_string(i % 7) + R"("}})")));
        if (i % 100 == 0) own.identity.push_back(home);
        askers.push_back(asker(iam + "user/u" + std::to_string(i), false, &own, "t" + std::to_string(i % 10)));
    }
    const auto bucket = attached(
        "bucket policy",
        R"({"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::big/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}})",
        policy::PolicyKind::resource);
    for (const auto& actions : {std::vector<std::string>{"s3:GetObject"}, {"s3:*"}}) {
        const std::vector targets{target(actions, {"arn:aws:s3:::big", "arn:aws:s3:::big/*"}, &bucket)};
        proof::Reach found;
        const double took = seconds([&] { found = proof::reach(askers, targets, {}); });
        size_t who = 0, ways = 0;
        for (const auto& group : found.groups) {
            who += group.askers.size();
            for (const auto& at : group.at) ways += at.ways->found.size();
        }
        std::printf("who-can %s: %zu principals, %zu classes, %zu may in %zu ways: %.3f s%s%s\n", actions.front().c_str(), count,
                    found.classes, who, ways, took, found.open.empty() ? "" : ", open: ", found.open.c_str());
    }
}

void paths(size_t count) {
    // Role i is assumed by role i-1, which trusts the account; every tenth may also pass a role of its ten to a job.
    proof::AccountForPaths all{.id = account, .region = "us-east-1", .holders = {}, .groups = {}, .policies = {}};
    std::deque<policy::PrincipalPolicies> policies;
    std::deque<AttachedPolicy> trust;
    for (size_t i = 0; i < count; ++i) {
        auto& own = policies.emplace_back();
        const std::string next = iam + "role/r" + std::to_string(i + 1);
        std::string statements = allow("sts:AssumeRole", next) + "," + allow("s3:ListAllMyBuckets", "*");
        if (i % 10 == 0)
            statements += "," + allow("iam:PassRole", iam + "role/r" + std::to_string(i + 5)) + "," +
                          allow("sagemaker:CreateTrainingJob", "*");
        if (i % 10 == 9) statements = allow("s3:GetObject", "arn:aws:s3:::data/*");
        own.identity = {attached("inline policy p of role r" + std::to_string(i), statements)};
        proof::HolderForPaths holder{.asker = asker(iam + "role/r" + std::to_string(i), true, &own, "t"),
                                     .arn = iam + "role/r" + std::to_string(i),
                                     .name = "r" + std::to_string(i),
                                     .is_role = true,
                                     .keys = {},
                                     .trust = nullptr,
                                     .groups = {}};
        holder.trust = &trust.emplace_back(attached("trust policy",
                                                    R"({"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":")" +
                                                        account + R"(","Service":"sagemaker.amazonaws.com"}})",
                                                    policy::PolicyKind::trust));
        all.holders.push_back(std::move(holder));
    }
    const std::vector targets{target({"s3:GetObject"}, {"arn:aws:s3:::data/*"}, nullptr)};
    proof::Paths found;
    const double took = seconds([&] { found = proof::find_paths(all, targets, {}); });
    std::printf("paths: %zu roles, %zu have one, the longest of %zu steps: %.3f s%s%s\n", count, found.paths.size(),
                found.paths.empty() ? 0 : found.paths.back().steps.size(), took,
                found.open.empty() ? "" : ", open: ", found.open.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    const size_t count = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
    if (argc != 3 || count == 0) {
        std::fprintf(stderr, "people who-can PRINCIPALS | people paths ROLES\n");
        return 2;
    }
    if (std::strcmp(argv[1], "paths") == 0)
        paths(count);
    else
        who_can(count);
    return 0;
}
