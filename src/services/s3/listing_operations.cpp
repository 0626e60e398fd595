// ListObjects (v1), ListObjectsV2, ListObjectVersions: three dresses of one listing.
#include <array>

#include "model/s3/listings.hpp"
#include "services/s3/members.hpp"

namespace services::s3 {
namespace {

template <class Input>
objects::ListRequest request_of(const Input& in, std::string after) {
    return {.bucket = in.bucket,
            .prefix = in.prefix.value_or(""),
            .delimiter = in.delimiter.value_or(""),
            .after = std::move(after),
            .max_keys = at_most(in.max_keys)};
}

// The errors of models/s3.yaml leave `url` and nothing.
template <class Input>
bool wants_url(const Input& in) {
    return !model::text(in.encoding_type).empty();
}

// What all three say of the page.
template <class Output>
Output page_of(const objects::ListRequest& request, const objects::Listing& listing, bool url) {
    Output out;
    out.name = request.bucket;
    out.prefix = encoded(request.prefix, url);
    if (!request.delimiter.empty()) out.delimiter = encoded(request.delimiter, url);
    out.max_keys = static_cast<int32_t>(request.max_keys);
    if (url) out.encoding_type = "url";
    out.is_truncated = listing.truncated;
    out.common_prefixes = shown_prefixes(listing.common_prefixes, url);
    return out;
}

// `owner` nullptr: without owners.
template <class Shown>
std::vector<Shown> shown_objects(const objects::Listing& listing, bool url, const std::string* owner) {
    std::vector<Shown> out;
    out.reserve(listing.objects.size());
    const auto shown_owner = owner ? std::optional(owner_of(*owner)) : std::nullopt;
    for (const auto& object : listing.objects) {
        Shown& shown = out.emplace_back();
        shown.key = encoded(object.key, url);
        shown.last_modified = object.last_modified;
        shown.e_tag = quoted_etag(object.etag);
        if (object.checksum) {
            shown.checksum_algorithm = std::vector<std::string>{std::string(objects::name_of(object.checksum->kind))};
            shown.checksum_type = objects::name_of(object.checksum->type);
        }
        shown.size = static_cast<int64_t>(object.size);
        shown.owner = shown_owner;
        shown.storage_class = "STANDARD";
    }
    return out;
}

Result<m::ListObjects::Output> list_v1(S3& s3, const Permit&, const m::ListObjects::Input& in, Located&& located) {
    const auto request = request_of(in, in.marker.value_or(""));
    const bool url = wants_url(in);
    const auto listing = TRY(s3.storage.list(request));
    auto out = page_of<m::ListObjects::Output>(request, listing, url);
    out.marker = encoded(request.after, url);
    if (listing.truncated && !request.delimiter.empty()) out.next_marker = encoded(listing.next, url);
    out.contents = shown_objects<m::Object>(listing, url, &located.bucket->account);
    out.bucket_region = located.bucket->region;
    return out;
}

Result<m::ListObjectsV2::Output> list_v2(S3& s3, const Permit&, const m::ListObjectsV2::Input& in, Located&& located) {
    const auto start_after = in.start_after.value_or("");
    const auto after = in.continuation_token ? TRY(read_token(*in.continuation_token)) : start_after;
    const auto request = request_of(in, after);
    const bool url = wants_url(in);
    const auto listing = TRY(s3.storage.list(request));
    auto out = page_of<m::ListObjectsV2::Output>(request, listing, url);
    out.continuation_token = in.continuation_token;
    if (listing.truncated) out.next_continuation_token = token_for(listing.next);
    if (!start_after.empty()) out.start_after = encoded(start_after, url);
    out.key_count = static_cast<int32_t>(listing.objects.size() + listing.common_prefixes.size());
    out.contents = shown_objects<m::Object>(listing, url, in.fetch_owner.value_or(false) ? &located.bucket->account : nullptr);
    out.bucket_region = located.bucket->region;
    return out;
}

// Without versions every object is the latest of its only one.
Result<m::ListObjectVersions::Output> list_versions(S3& s3, const Permit&, const m::ListObjectVersions::Input& in,
                                                    Located&& located) {
    const auto request = request_of(in, in.key_marker.value_or(""));
    const bool url = wants_url(in);
    const auto listing = TRY(s3.storage.list(request));
    auto out = page_of<m::ListObjectVersions::Output>(request, listing, url);
    out.key_marker = encoded(request.after, url);
    out.version_id_marker = in.version_id_marker.value_or("");
    if (listing.truncated) {
        out.next_key_marker = encoded(listing.next, url);
        out.next_version_id_marker = "null";
    }
    auto versions = shown_objects<m::ObjectVersion>(listing, url, &located.bucket->account);
    for (auto& version : versions) {
        version.version_id = "null";
        version.is_latest = true;
    }
    out.versions = std::move(versions);
    return out;
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::ListObjects, list_v1>(),
    operation<m::ListObjectsV2, list_v2>(),
    operation<m::ListObjectVersions, list_versions>(),
});

}  // namespace

Rows listing_operations() { return operations; }

}  // namespace services::s3
