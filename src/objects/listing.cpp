// Storage: listing objects in key order, rolling keys up to common prefixes.
//
// A bucket can hold a million keys under one common prefix; the scan jumps over them: after the first key of a
// prefix it goes on at the first key that cannot have it.
#include <algorithm>

#include "objects/record.hpp"
#include "objects/rollup.hpp"
#include "objects/storage.hpp"
#include "objects/storage_keys.hpp"

namespace objects {
namespace {

constexpr size_t page_max = 256;

}  // namespace

std::string beyond(std::string prefix) {
    while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
    if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
    return prefix;
}

std::string_view common_prefix(std::string_view key, std::string_view prefix, std::string_view delimiter) {
    if (delimiter.empty()) return {};
    const auto at = key.find(delimiter, prefix.size());
    return at == std::string_view::npos ? std::string_view{} : key.substr(0, at + delimiter.size());
}

std::string_view rolled_marker(std::string_view marker, std::string_view prefix, std::string_view delimiter) {
    return marker.starts_with(prefix) ? common_prefix(marker, prefix, delimiter) : std::string_view{};
}

base::Result<Listing> Storage::list(const ListRequest& request) const {
    TRY(bucket(request.bucket));
    Listing listing;
    if (request.max_keys == 0) return listing;
    const auto snapshot = dependencies_.keys->snapshot();
    TRY(check_unchanged(request.bucket));  // after the snapshot: what it shows was written under what was decided on
    const auto root = object_prefix(request.bucket);
    store::Scan scan{.prefix = root + request.prefix};
    if (!request.after.empty()) {
        // A marker that lies in a common prefix was listed with everything else that the prefix stands for.
        const auto rolled = rolled_marker(request.after, request.prefix, request.delimiter);
        scan.from = rolled.empty() ? root + request.after + '\0' : beyond(root + std::string(rolled));
    }
    for (;;) {
        const auto listed = listing.objects.size() + listing.common_prefixes.size();
        scan.limit = std::min(page_max, request.max_keys - listed + 1);
        const auto page = TRY(snapshot->scan(scan));
        for (const auto& entry : page) {
            const std::string_view key = std::string_view(entry.key).substr(root.size());
            const auto rolled = common_prefix(key, request.prefix, request.delimiter);
            if (!rolled.empty() && !listing.common_prefixes.empty() && listing.common_prefixes.back() == rolled) continue;
            if (listing.objects.size() + listing.common_prefixes.size() == request.max_keys) {
                listing.truncated = true;
                return listing;
            }
            listing.next = rolled.empty() ? key : rolled;
            if (!rolled.empty()) {
                listing.common_prefixes.emplace_back(rolled);
                continue;
            }
            auto object = TRY(read_object(entry.value));
            listing.objects.push_back(
                {std::string(key), object.size, std::move(object.etag), object.last_modified, std::move(object.checksum)});
        }
        if (page.size() < scan.limit) return listing;
        const auto& last = page.back().key;
        const auto rolled = common_prefix(std::string_view(last).substr(root.size()), request.prefix, request.delimiter);
        scan.from = rolled.empty() ? last + '\0' : beyond(root + std::string(rolled));
    }
}

}  // namespace objects
