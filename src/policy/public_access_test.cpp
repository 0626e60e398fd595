#include "policy/public_access.hpp"

#include <doctest/doctest.h>

using namespace policy;

namespace {

constexpr const char* owner = "111122223333";

AttachedPolicy bucket_policy(const std::string& principal, const std::string& condition = "") {
    return {Policy::parse(R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":)" + principal +
                              R"(,"Action":"s3:*","Resource":"arn:aws:s3:::bucket/*")" +
                              (condition.empty() ? "" : R"(,"Condition":)" + condition) + "}}",
                          PolicyKind::resource)
                .value(),
            "bucket policy"};
}

Request request_of(Principal principal, const std::string& action = "s3:GetObject") {
    Request out{
        .principal = std::move(principal), .action = action, .resource = "arn:aws:s3:::bucket/a", .resource_account = owner};
    if (!out.principal.account.empty()) {
        out.context.set("aws:PrincipalAccount", out.principal.account);
        out.context.set("aws:PrincipalTag/team", "vision");
    }
    return out;
}

Principal user_of(const std::string& account) {
    return {.kind = PrincipalKind::user,
            .account = account,
            .arn = "arn:aws:iam::" + account + ":user/alice",
            .unique_id = "AIDAALICE",
            .user_arn = "arn:aws:iam::" + account + ":user/alice"};
}

bool applies(const Request& request, const AttachedPolicy& policy, bool restricts = true, bool is_public = false) {
    const auto* found = applying_policy(request, {.policy = &policy, .restricts_public = restricts, .is_public = is_public});
    CHECK((found == nullptr || found == &policy));
    return found != nullptr;
}

}  // namespace

TEST_CASE("RestrictPublicBuckets: whom it keeps from a bucket's policy (R79)") {
    const auto all = bucket_policy(R"("*")"), one = bucket_policy(R"({"AWS":"arn:aws:iam::444455556666:user/alice"})");
    const Principal nobody, service{.kind = PrincipalKind::service, .service = "sagemaker.amazonaws.com"};
    const auto other = user_of("444455556666"), own = user_of(owner);
    for (const auto& principal : {nobody, service, other, own}) CHECK(applies(request_of(principal), all, false));
    CHECK(!applies(request_of(nobody), all));
    CHECK(!applies(request_of(nobody), one));
    CHECK(applies(request_of(service), all));
    CHECK(applies(request_of(own), all));
    CHECK(!applies(request_of(other), all));
    CHECK(applies(request_of(other), one));
    CHECK(!applies(request_of(other), one, true, true));  // taken for public
    // A grant that asks for what a principal of no account has not is none to the public.
    CHECK(applies(request_of(other), bucket_policy(R"("*")", R"({"StringEquals":{"aws:PrincipalAccount":"444455556666"}})")));
    CHECK(applies(request_of(other), bucket_policy(R"("*")", R"({"StringEquals":{"aws:PrincipalTag/team":"vision"}})")));
    CHECK(!applies(request_of(other), bucket_policy(R"("*")", R"({"StringNotEquals":{"aws:PrincipalTag/team":"speech"}})")));
    CHECK(applying_policy(request_of(other), {.policy = nullptr, .restricts_public = true, .is_public = true}) == nullptr);
}

TEST_CASE("the owner's root user is spared its bucket's policy where that is about the policy") {
    const auto all = bucket_policy(R"("*")");
    Principal root{.kind = PrincipalKind::root, .account = owner, .arn = "arn:aws:iam::111122223333:root", .unique_id = owner};
    for (const char* action : {"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})
        CHECK(!applies(request_of(root, action), all, false));
    CHECK(applies(request_of(root, "s3:GetObject"), all, false));
    CHECK(applies(request_of(user_of(owner), "s3:GetBucketPolicy"), all, false));
    root.account = "444455556666";
    CHECK(applies(request_of(root, "s3:GetBucketPolicy"), all, false));
}
