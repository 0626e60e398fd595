// A directory in memory, for this room's tests.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "crypto/random.hpp"
#include "identity/directory.hpp"
#include "policy/evaluate.hpp"
#include "store/key_value_store.hpp"

namespace identity {

inline constexpr const char* trust_sagemaker =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
inline constexpr const char* allow_s3 =
    R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})";

// A directory with one account, which can be opened again from its store.
struct IamFixture {
    std::unique_ptr<store::KeyValueStore> keys = store::make_memory_store();
    base::ManualClock clock{base::Time(std::chrono::milliseconds(1'790'000'000'000))};
    crypto::SystemRandom random;
    std::unique_ptr<Directory> directory;
    std::string account;
    Credentials root;

    IamFixture() {
        reopen();
        const auto first = directory->bootstrap();
        REQUIRE(first.has_value());
        REQUIRE(first->has_value());
        account = (*first)->account;
        root = (*first)->root;
    }
    void reopen() {
        directory.reset();
        auto opened = Directory::open({keys.get(), &clock, &random, std::string(32, 'k')});
        REQUIRE_MESSAGE(opened.has_value(), opened.error().describe());
        directory = std::move(*opened);
    }
    Iam& iam() { return directory->iam(); }
    RolePtr make_role(const std::string& name, const std::string& trust = trust_sagemaker, const std::string& path = "/") {
        CreateRole request;
        request.account = account;
        request.name = name;
        request.path = path;
        request.trust_document = trust;
        auto made = iam().create_role(request);
        REQUIRE_MESSAGE(made.has_value(), made.error().describe());
        return *made;
    }
    UserPtr make_user(const std::string& name) {
        CreateUser request;
        request.account = account;
        request.name = name;
        auto made = iam().create_user(request);
        REQUIRE_MESSAGE(made.has_value(), made.error().describe());
        return *made;
    }
    Holder role(const std::string& name) { return {HolderKind::role, account, name}; }
    Holder user(const std::string& name) { return {HolderKind::user, account, name}; }
    std::string trust_of(const std::string& principal) {
        return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":")" + principal +
               R"("},"Action":"sts:AssumeRole"}]})";
    }
    AssumedRole assume(const std::string& arn, const std::string& session = "job-1") {
        AssumeRole request;
        request.role_arn = arn;
        request.session_name = session;
        auto made = directory->assume_role(request);
        REQUIRE_MESSAGE(made.has_value(), made.error().describe());
        return *made;
    }
    // Would the caller behind these credentials be let do that on a resource of the account that has no policy of its own?
    policy::Outcome decide(const Credentials& credentials, const std::string& action) {
        const auto who = directory->authenticate(credentials.access_key_id, credentials.session_token);
        REQUIRE_MESSAGE(who.has_value(), who.error().describe());
        policy::Request request;
        request.principal = (*who)->caller.principal;
        request.action = action;
        request.resource = "arn:aws:s3:::data/one";
        request.context = (*who)->caller.context;
        return policy::evaluate(request, policy::PolicySet{(*who)->caller.policies, {}}).outcome;
    }
};

template <class T>
std::string code_of(const base::Result<T>& result) {
    return result ? "" : result.error().code;
}
template <class T>
std::string message_of(const base::Result<T>& result) {
    return result ? "" : result.error().message;
}

}  // namespace identity
