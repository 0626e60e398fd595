// ListObjects (v1), ListObjectsV2: two dresses of one listing; ListObjectVersions.
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

// What all say of the page.
template <class Output, class Request, class Listing>
Output page_of(const Request& request, const Listing& listing, bool url) {
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

Result<m::ListObjectVersions::Output> list_versions(S3& s3, const Permit&, const m::ListObjectVersions::Input& in,
                                                    Located&& located) {
    const bool url = wants_url(in);
    objects::ListVersions request{.bucket = in.bucket,
                                  .prefix = in.prefix.value_or(""),
                                  .delimiter = in.delimiter.value_or(""),
                                  .key_marker = in.key_marker.value_or(""),
                                  .version_id_marker = {},
                                  .max_keys = at_most(in.max_keys)};
    if (const auto marker = model::text(in.version_id_marker); !marker.empty()) {
        if (request.key_marker.empty())
            return base::fail(base::code::InvalidArgument, "A version-id marker cannot be specified without a key marker.");
        if (marker != objects::null_version && !objects::is_version_id(marker))
            return base::fail(base::code::InvalidArgument, "Invalid version id specified");
        request.version_id_marker = std::string(marker);
    }
    const auto listing = TRY(s3.storage.list_versions(request));
    auto out = page_of<m::ListObjectVersions::Output>(request, listing, url);
    out.key_marker = encoded(request.key_marker, url);
    out.version_id_marker = request.version_id_marker.value_or("");
    if (listing.truncated) {
        out.next_key_marker = encoded(listing.next_key_marker, url);
        if (!listing.next_version_id_marker.empty()) out.next_version_id_marker = listing.next_version_id_marker;
    }
    const auto owner = owner_of(located.bucket->account);
    std::vector<m::ObjectVersion> versions;
    std::vector<m::DeleteMarkerEntry> markers;
    for (const auto& version : listing.versions) {
        if (version.delete_marker) {
            markers.push_back({.key = encoded(version.key, url),
                               .version_id = version.version_id,
                               .is_latest = version.latest,
                               .last_modified = version.last_modified,
                               .owner = owner});
            continue;
        }
        m::ObjectVersion shown{.e_tag = quoted_etag(version.etag), .size = static_cast<int64_t>(version.size)};
        if (version.checksum) {
            shown.checksum_algorithm = std::vector<std::string>{std::string(objects::name_of(version.checksum->kind))};
            shown.checksum_type = objects::name_of(version.checksum->type);
        }
        shown.storage_class = "STANDARD";
        shown.key = encoded(version.key, url);
        shown.version_id = version.version_id;
        shown.is_latest = version.latest;
        shown.last_modified = version.last_modified;
        shown.owner = owner;
        versions.push_back(std::move(shown));
    }
    out.versions = std::move(versions);
    out.delete_markers = std::move(markers);
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
