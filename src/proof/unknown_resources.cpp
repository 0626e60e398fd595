#include "proof/unknown_resources.hpp"

#include "policy/policy.hpp"

namespace proof {

namespace {

policy::AttachedPolicy granting(const std::string& principal, const std::string& actions) {
    return {policy::Policy::parse_stored(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":)" + principal +
                                             R"(,"Action":")" + actions + R"(","Resource":"*"}]})",
                                         policy::PolicyKind::resource),
            "policies of resources"};
}

}  // namespace

policy::AttachedPolicy policy_leaving_to(const std::string& account, const std::string& actions) {
    return granting(R"({"AWS":"arn:aws:iam::)" + account + R"(:root"})", actions);
}

const policy::AttachedPolicy& policy_open_to_all() {
    static const policy::AttachedPolicy policy = granting("\"*\"", "*");
    return policy;
}

}  // namespace proof
