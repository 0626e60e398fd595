// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
#include "services/s3/resources.hpp"

#include <algorithm>

#include "base/error_codes.hpp"
#include "policy/glob.hpp"
#include "policy/reference.hpp"

namespace services::s3 {
namespace {

using base::Result;
using gate::Description;
using gate::Existence;

constexpr std::string_view arn_prefix = "arn:aws:s3:::";
constexpr size_t keys_looked_at_max = 10'000;  // for one page

// arn:aws:s3:::bucket/key
struct Name {
    std::string bucket, key;
    bool is_object = false;
};
Name name_in(const policy::Arn& arn) {
    const size_t slash = arn.resource.find('/');
    if (slash == std::string_view::npos) return {.bucket = std::string(arn.resource), .key = ""};
    return {.bucket = std::string(arn.resource.substr(0, slash)),
            .key = std::string(arn.resource.substr(slash + 1)),
            .is_object = true};
}

bool is_of_bucket(const policy::Arn& arn) { return arn.account.empty() && arn.region.empty(); }

Description description_of(const gate::Subject& subject, const objects::BucketPtr& bucket) {
    Description out{.arn = std::string(subject.text), .existence = Existence::there, .owner = bucket->account};
    out.region = bucket->region;
    out.keys = bucket->keys;
    out.policy = bucket->attached_policy;
    out.restrict_public = bucket->restricts_public();
    out.policy_is_public = bucket->policy_is_public;
    return out;
}

bool looks_at_object(const gate::Subject& subject) {
    const auto has_tags = [](std::string_view action) { return policy::is_key_of_s3_action("s3:ExistingObjectTag/x", action); };
    return has_tags(subject.action) || std::ranges::any_of(subject.also, has_tags);
}

}  // namespace

base::Error invalid_version(const std::string& version) {
    return base::Error(base::code::InvalidArgument,
                       version.empty() ? "Version id cannot be the empty string" : "Invalid version id specified")
        .note("ArgumentName: versionId")
        .note("ArgumentValue: " + version);
}

std::optional<std::string> version_in(const policy::Context* said) {
    const auto* version = said == nullptr ? nullptr : said->find("s3:versionid");
    return version == nullptr ? std::nullopt : std::optional(version->values.front());
}

Result<Description> Resources::find(const gate::Subject& subject) const {
    Description nothing{.arn = std::string(subject.text), .owner = std::string(subject.arn.account)};
    if (!is_of_bucket(subject.arn)) return nothing;
    const Name name = name_in(subject.arn);
    Located located{.bucket = TRY(storage_.bucket(name.bucket)), .object = nullptr};
    Description out = description_of(subject, located.bucket);
    if (name.is_object) {
        out.existence = Existence::unknown;
        if (looks_at_object(subject)) {
            const auto version = version_in(subject.said);
            if (version && *version != objects::null_version && !objects::is_version_id(*version))
                return base::fail(invalid_version(*version));
            located.object = TRY(storage_.find_version(name.bucket, name.key, version));
            // After the look at the object: what was found there was written under the policy that decides.
            TRY(storage_.check_unchanged(name.bucket));
            // The latest version is not there where it is a delete marker; one that is named is.
            const bool there = located.object && (version || !located.object->delete_marker);
            out.existence = there ? Existence::there : Existence::absent;
            if (located.object)
                for (const auto& [key, value] : located.object->tags) out.bounded_keys.set("s3:ExistingObjectTag/" + key, value);
        }
    }
    out.found = gate::Found::of(std::move(located));
    return out;
}

Result<Description> Resources::describe(const gate::Subject& subject) const {
    // A pattern stands for many, of which nothing in common is known.
    const std::string bucket = name_in(subject.arn).bucket;
    if (bucket.find_first_of("*?") != std::string::npos) return Description{.arn = std::string(subject.text)};
    auto found = find(subject);
    if (found) {
        found->may_come = found->found.as<Located>() != nullptr;
        return found;
    }
    if (found.error().code != base::code::NoSuchBucket) return base::fail(std::move(found).error());
    return Description{.arn = std::string(subject.text), .existence = Existence::absent, .absence = found.error().message};
}

Result<gate::ResourcePage> Resources::each_resource(const gate::ResourceQuery& query) const {
    constexpr std::string_view wildcards = "*?";
    const size_t slash = query.pattern.find('/');
    const std::string_view place = query.pattern.substr(0, slash);
    if (slash != std::string_view::npos && place.starts_with(arn_prefix) &&
        place.find_first_of(wildcards) == std::string_view::npos) {
        const auto bucket = storage_.bucket(place.substr(arn_prefix.size()));
        if (!bucket || (*bucket)->account != query.account) return gate::ResourcePage{};
        return objects_of(**bucket, query);
    }
    gate::ResourcePager pager(query);
    for (const auto& bucket : storage_.buckets_of(std::string(query.account))) pager.add(bucket->arn());
    return std::move(pager).finish();
}

Result<gate::ResourcePage> Resources::objects_of(const objects::Bucket& bucket, const gate::ResourceQuery& query) const {
    const std::string before = bucket.arn() + "/";
    const std::string_view keys = query.pattern.substr(before.size());
    objects::ListRequest request{
        .bucket = bucket.name, .prefix = std::string(keys.substr(0, keys.find_first_of("*?"))), .delimiter = {}};
    if (query.after.starts_with(before))
        request.after = query.after.substr(before.size());
    else if (query.after > before)
        return gate::ResourcePage{};
    gate::ResourcePage page;
    const size_t most = std::min(query.most, gate::resources_a_page_max);
    for (size_t looked_at = 0; looked_at < keys_looked_at_max; looked_at += request.max_keys) {
        const auto listing = TRY(storage_.list(request));
        for (const auto& object : listing.objects) {
            std::string arn = before + object.key;
            if (!policy::glob_matches(query.pattern, arn)) continue;
            if (page.arns.size() == most) {
                page.next = page.arns.empty() ? std::string(query.after) : page.arns.back();
                return page;
            }
            page.arns.push_back(std::move(arn));
        }
        if (!listing.truncated) return page;
        request.after = listing.next;
    }
    page.next = before + request.after;
    return page;
}

}  // namespace services::s3
