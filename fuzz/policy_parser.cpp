// Any bytes: Policy::parse accepts exactly what the naive grammar of tests/reference does, parse_stored always answers, both
// decide alike where parse accepts, and as the naive evaluator does in any case. The first byte picks the kind of policy and the
// caller, the rest is the document.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include "base/invariant.hpp"
#include "compare.hpp"
#include "policy/evaluate.hpp"
#include "policy/explain.hpp"

namespace {

policy::Request question(unsigned choice) {
    policy::Request request{.action = "s3:GetObject", .resource = "arn:aws:s3:::bucket/team-a/key"};
    auto& who = request.principal;
    switch (choice % 4) {
        case 0:
            break;
        case 1:
            who = {.kind = policy::PrincipalKind::user,
                   .account = "111122223333",
                   .arn = "arn:aws:iam::111122223333:user/alice",
                   .unique_id = "AIDAALICE"};
            break;
        case 2:
            who = {.kind = policy::PrincipalKind::role_session,
                   .account = "111122223333",
                   .arn = "arn:aws:sts::111122223333:assumed-role/R/s",
                   .unique_id = "AROAR:s",
                   .role_arn = "arn:aws:iam::111122223333:role/R",
                   .role_id = "AROAR"};
            break;
        case 3:
            who = {.kind = policy::PrincipalKind::service, .service = "sagemaker.amazonaws.com"};
            break;
    }
    request.context.set("aws:username", "alice");
    request.context.set("aws:SourceIp", "10.1.2.3");
    request.context.set("aws:CurrentTime", "2026-01-01T00:00:00Z");
    request.context.set("s3:max-keys", "10");
    request.context.set_list("aws:TagKeys", {"team", ""});
    return request;
}

policy::PolicySet hang(policy::PolicyPtr policy, policy::PolicyKind kind) {
    policy::PolicySet set;
    const policy::AttachedPolicy attached{std::move(policy), "fuzzed"};
    switch (kind) {
        case policy::PolicyKind::identity:
            set.identity = {attached};
            set.boundary = attached;
            break;
        case policy::PolicyKind::session:
            set.identity = {attached};
            set.session = {attached};
            break;
        case policy::PolicyKind::service_control:
            set.service_control = {{attached}};
            break;
        case policy::PolicyKind::resource_control:
            set.resource_control = {{attached}};
            break;
        case policy::PolicyKind::resource:
        case policy::PolicyKind::trust:
            set.resource = attached;
            break;
    }
    return set;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const auto kind = static_cast<policy::PolicyKind>(data[0] % 6);
    const std::string_view document(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto request = question(data[0] / 6);
    const auto stored = hang(policy::Policy::parse_stored(document, kind), kind);
    const auto decision = policy::evaluate(request, stored);
    INVARIANT(!policy::explain(request, decision).empty());
    const auto wrong = reference::difference(request, stored, reference::evaluate(request, reference::read(stored)));
    if (!wrong.empty()) std::fprintf(stderr, "%s\n%.*s\n", wrong.c_str(), static_cast<int>(document.size()), document.data());
    INVARIANT(wrong.empty());
    const auto refused = reference::grammar_difference(document, kind);
    if (!refused.empty()) std::fprintf(stderr, "%s\n%.*s\n", refused.c_str(), static_cast<int>(document.size()), document.data());
    INVARIANT(refused.empty());
    if (const auto parsed = policy::Policy::parse(document, kind))
        INVARIANT(policy::evaluate(request, hang(*parsed, kind)).outcome == decision.outcome);
    return 0;
}
