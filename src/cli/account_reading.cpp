#include "cli/account_reading.hpp"

#include <algorithm>
#include <atomic>
#include <future>

#include "base/error_codes.hpp"
#include "policy/arn.hpp"
#include "text/xml.hpp"

namespace cli {

namespace {

using proof::AccountPolicies;
using text::Json;

constexpr size_t readers_max = 8;       // connections that read buckets
constexpr int pages_max = 10'000;       // of authorization details
constexpr size_t buckets_max = 10'000;  // AWS's own limit of an account

std::string said(const base::Error& error) { return error.code + ": " + error.message; }

void read_identities(wire::Client& client, AccountPolicies& account) {
    Json input = Json::object({{"MaxItems", 1000}});
    for (int page = 0; page < pages_max; ++page) {
        const auto answer = client.call("iam", "GetAccountAuthorizationDetails", input);
        if (!answer) {
            account.unread.push_back(
                "users, groups, roles and their policies (iam:GetAccountAuthorizationDetails: " + said(answer.error()) + ")");
            return;
        }
        add_authorization_details(account, *answer);
        if (!(*answer)["IsTruncated"].as_bool()) return;
        input.set("Marker", (*answer)["Marker"]);
    }
    account.unread.push_back("the rest of the users, groups and roles: more than " + std::to_string(pages_max) + " pages");
}

struct ListedBucket {
    std::string name, region;
};

std::vector<ListedBucket> list_buckets(wire::Client& client, AccountPolicies& account) {
    const auto answer = client.s3({.method = "GET"});
    const auto xml = answer ? text::parse_xml(answer->body) : std::unexpected(answer.error());
    std::vector<ListedBucket> out;
    if (!xml) {
        account.unread.push_back("buckets (s3:ListAllMyBuckets: " + said(xml.error()) + ")");
        return out;
    }
    if (const auto* buckets = xml->child("Buckets"))
        for (const auto& bucket : buckets->children)
            if (out.size() < buckets_max) out.push_back({bucket.child_text("Name"), bucket.child_text("BucketRegion")});
    return out;
}

// Of one bucket: what it says, or why it does not.
struct ReadBucket {
    proof::Bucket bucket;
    std::vector<std::string> unread;
};

ReadBucket read_bucket(wire::Client& client, const std::string& name) {
    ReadBucket out{.bucket = {.name = name, .policy = nullptr}, .unread = {}};
    const auto policy = client.s3({.method = "GET", .bucket = name, .query = "policy"});
    if (policy)
        out.bucket.policy = policy::Policy::parse_stored(policy->body, policy::PolicyKind::resource);
    else if (policy.error().code != base::code::NoSuchBucketPolicy)
        out.unread.push_back("the policy of bucket " + name + " (s3:GetBucketPolicy: " + said(policy.error()) + ")");
    // Restricted or not makes a difference only to those whom a policy lets in; a plan may give it one.
    const auto block = client.s3({.method = "GET", .bucket = name, .query = "publicAccessBlock"});
    if (block) {
        if (const auto xml = text::parse_xml(block->body))
            out.bucket.restrict_public = xml->child_text("RestrictPublicBuckets") == "true";
    } else if (block.error().code != base::code::NoSuchPublicAccessBlockConfiguration) {
        out.unread.push_back("the public access block of bucket " + name +
                             ", taken for off (s3:GetBucketPublicAccessBlock: " + said(block.error()) + ")");
    }
    return out;
}

void read_buckets(const wire::ClientOptions& options, const std::vector<ListedBucket>& listed, AccountPolicies& account) {
    std::vector<ReadBucket> read(listed.size());
    std::atomic<size_t> next = 0;
    const auto work = [&] {
        wire::Client client(options);
        for (size_t at = next++; at < listed.size(); at = next++) {
            const std::string& region = listed[at].region;
            if (region.empty() || region == options.region) {
                read[at] = read_bucket(client, listed[at].name);
            } else {
                wire::ClientOptions there = options;
                there.region = region;
                wire::Client other(there);
                read[at] = read_bucket(other, listed[at].name);
            }
            read[at].bucket.region = region;
        }
    };
    std::vector<std::future<void>> workers;
    for (size_t i = 0; i < std::min(readers_max, listed.size()); ++i) workers.push_back(std::async(std::launch::async, work));
    for (auto& worker : workers) worker.get();
    for (ReadBucket& one : read) {
        account.unread.insert(account.unread.end(), one.unread.begin(), one.unread.end());
        std::string name = one.bucket.name;
        account.buckets[std::move(name)] = std::move(one.bucket);
    }
}

// What the account blocks in all of its buckets (S3 Control).
void read_account_block(wire::Client& client, const std::string& id, AccountPolicies& account) {
    wire::S3Call call{.method = "GET", .bucket = "v20180820", .key = "configuration/publicAccessBlock"};
    call.headers.add("x-amz-account-id", id);
    const auto block = client.s3(call);
    if (block) {
        if (const auto xml = text::parse_xml(block->body))
            account.restrict_public = xml->child_text("RestrictPublicBuckets") == "true";
    } else if (block.error().code != base::code::NoSuchPublicAccessBlockConfiguration) {
        account.unread.push_back("the public access block of the account, taken for off (s3:GetAccountPublicAccessBlock: " +
                                 said(block.error()) + ")");
    }
}

// The ARN of who asks: arn:PARTITION:iam::ACCOUNT:…
void read_caller(wire::Client& client, AccountPolicies& account) {
    const auto answer = client.call("sts", "GetCallerIdentity", Json::object());
    if (!answer) {
        account.unread.push_back("which account it is (sts:GetCallerIdentity: " + said(answer.error()) + ")");
        return;
    }
    account.id = (*answer)["Account"].as_string();
    if (const auto arn = policy::parse_arn((*answer)["Arn"].as_string())) account.partition = std::string(arn->partition);
}

}  // namespace

AccountPolicies read_account(const wire::ClientOptions& options) {
    AccountPolicies account{.region = options.region};
    wire::Client client(options);
    read_caller(client, account);
    if (account.id.empty()) return account;
    // Buckets are many small answers, identities a few large ones: at the same time.
    AccountPolicies of_buckets;
    auto buckets = std::async(std::launch::async, [&, id = account.id] {
        wire::Client own(options);
        const auto listed = list_buckets(own, of_buckets);
        read_buckets(options, listed, of_buckets);
        if (!listed.empty()) read_account_block(own, id, of_buckets);
    });
    read_identities(client, account);
    buckets.get();
    account.buckets = std::move(of_buckets.buckets);
    account.restrict_public = of_buckets.restrict_public;
    for (auto& [name, bucket] : account.buckets) bucket.restrict_public = bucket.restrict_public || account.restrict_public;
    account.unread.insert(account.unread.end(), of_buckets.unread.begin(), of_buckets.unread.end());
    return account;
}

void read_policies(const wire::ClientOptions& options, const std::vector<std::string>& arns, AccountPolicies& account) {
    if (arns.empty()) return;
    wire::Client client(options);
    for (const std::string& arn : arns) {
        const auto policy = client.call("iam", "GetPolicy", Json::object({{"PolicyArn", arn}}));
        const auto version =
            policy ? client.call("iam", "GetPolicyVersion",
                                 Json::object({{"PolicyArn", arn}, {"VersionId", (*policy)["Policy"]["DefaultVersionId"]}}))
                   : std::unexpected(policy.error());
        if (version)
            add_managed_policy(account, (*policy)["Policy"], (*version)["PolicyVersion"]);
        else
            account.unread.push_back("the policy " + arn + ", which is taken to allow nothing (iam:" +
                                     (policy ? "GetPolicyVersion: " : "GetPolicy: ") + said(version.error()) + ")");
    }
}

}  // namespace cli
