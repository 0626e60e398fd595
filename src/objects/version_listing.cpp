// Storage: listing versions: keys in their order, the versions of each from the newest to the oldest.
//
// Three runs of keys are read side by side (versions.hpp): the latest objects, the latest delete markers, and all other versions.
#include <algorithm>
#include <array>

#include "objects/record.hpp"
#include "objects/rollup.hpp"
#include "objects/storage.hpp"
#include "objects/storage_keys.hpp"
#include "objects/versions.hpp"

namespace objects {
namespace {

constexpr size_t page_max = 256;

// One run, a page at a time.
class Run {
public:
    Run(const store::Snapshot& snapshot, std::string root, const std::string& prefix, size_t page)
        : snapshot_(snapshot), root_(std::move(root)), scan_{.prefix = root_ + prefix, .from = {}, .limit = page} {}

    // To the first entry that is not before this, of what stands behind the root.
    void seek(const std::string& from) {
        scan_.from = from.empty() ? std::string() : root_ + from;
        page_.clear();
        at_ = 0;
        ended_ = false;
    }
    void seek_beyond(const std::string& prefix) {
        seek({});
        scan_.from = beyond(root_ + prefix);
    }
    [[nodiscard]] base::Result<const store::Entry*> entry() {
        if (at_ == page_.size() && !ended_) {
            page_ = TRY(snapshot_.scan(scan_));
            at_ = 0;
            ended_ = page_.size() < scan_.limit;
            if (!page_.empty()) scan_.from = page_.back().key + '\0';
        }
        return at_ == page_.size() ? nullptr : &page_[at_];
    }
    void next() { ++at_; }
    // Object keys hold no NUL: what stands behind one is a version's id.
    [[nodiscard]] std::string_view key_of(const store::Entry& entry) const {
        const auto rest = std::string_view(entry.key).substr(root_.size());
        return rest.substr(0, rest.find('\0'));
    }
    [[nodiscard]] std::string_view id_of(const store::Entry& entry) const {
        const auto nul = entry.key.find('\0', root_.size());
        return std::string_view(entry.key).substr(nul + 1);
    }

private:
    const store::Snapshot& snapshot_;
    const std::string root_;
    store::Scan scan_;
    std::vector<store::Entry> page_;
    size_t at_ = 0;
    bool ended_ = false;
};

class Lister {
public:
    Lister(const store::Snapshot& snapshot, const ListVersions& request)
        : snapshot_(snapshot),
          request_(request),
          page_(std::min(page_max, request.max_keys + 1)),
          objects_(snapshot, object_prefix(request.bucket), request.prefix, page_),
          markers_(snapshot, marker_prefix(request.bucket), request.prefix, page_),
          others_(snapshot, version_prefix(request.bucket), request.prefix, page_) {}

    base::Result<VersionListing> run() {
        TRY(begin());
        while (!out_.truncated) {
            const auto key = TRY(next_key());
            if (!key) break;
            const std::string rolled(common_prefix(*key, request_.prefix, request_.delimiter));
            if (rolled.empty()) {
                TRY(add_key(*key));
                continue;
            }
            if (!has_room()) break;
            out_.common_prefixes.push_back(rolled);
            out_.next_key_marker = rolled;
            out_.next_version_id_marker.clear();
            for (Run* run : runs()) run->seek_beyond(rolled);
        }
        return std::move(out_);
    }

private:
    [[nodiscard]] std::array<Run*, 3> runs() { return {&objects_, &markers_, &others_}; }

    base::Result<void> begin() {
        const auto& marker = request_.key_marker;
        if (marker.empty()) return {};
        const std::string rolled(rolled_marker(marker, request_.prefix, request_.delimiter));
        if (!rolled.empty()) {
            for (Run* run : runs()) run->seek_beyond(rolled);
            return {};
        }
        objects_.seek(marker + '\0');
        markers_.seek(marker + '\0');
        if (!request_.version_id_marker) {
            others_.seek(marker + '\x01');
            return {};
        }
        std::string last = *request_.version_id_marker;
        if (last == null_version) {
            // Where it stood. If it is gone since, nothing tells: the key's older versions are listed again rather than left out.
            const KeyVersions versions(snapshot_, request_.bucket, marker);
            const auto null = TRY(versions.find(last));
            last = null && null->record_key == version_key(request_.bucket, marker, {}) ? order_text(order_of(null->object)) : "";
        }
        others_.seek(marker + '\0' + last + (last.empty() ? "" : "\x01"));
        resumed_ = marker;
        after_ = last.substr(0, order_text(0).size());
        return {};
    }

    base::Result<std::optional<std::string>> next_key() {
        std::optional<std::string> least;
        for (Run* run : runs()) {
            const auto* entry = TRY(run->entry());
            if (entry == nullptr) continue;
            const auto key = run->key_of(*entry);
            if (!least || key < *least) least = key;
        }
        return least;
    }

    [[nodiscard]] bool has_room() {
        if (out_.versions.size() + out_.common_prefixes.size() < request_.max_keys) return true;
        out_.truncated = true;
        return false;
    }

    base::Result<void> add(const std::string& key, std::string_view record, bool latest) {
        if (!has_room()) return {};
        auto object = TRY(read_object(record));
        out_.next_key_marker = key;
        out_.next_version_id_marker = shown_version(object);
        out_.versions.push_back({.key = key,
                                 .version_id = shown_version(object),
                                 .latest = latest,
                                 .delete_marker = object.delete_marker,
                                 .size = object.size,
                                 .etag = std::move(object.etag),
                                 .last_modified = object.last_modified,
                                 .checksum = std::move(object.checksum)});
        return {};
    }

    base::Result<void> add_key(const std::string& key) {
        for (Run* run : {&objects_, &markers_}) {
            const auto* entry = TRY(run->entry());
            if (entry == nullptr || run->key_of(*entry) != key) continue;
            TRY(add(key, entry->value, true));
            run->next();
        }
        const auto* other = TRY(others_.entry());
        if (other == nullptr || others_.key_of(*other) != key) return {};
        // The null version, which stands behind the others, comes where its time is.
        std::string null_place;
        const auto null = TRY(KeyVersions(snapshot_, request_.bucket, key).older_null());
        if (null) null_place = order_text(order_of(null->object));
        if (resumed_ == key && null_place <= after_) null_place.clear();
        for (; !out_.truncated; others_.next()) {
            other = TRY(others_.entry());
            const bool more = other != nullptr && others_.key_of(*other) == key;
            const bool is_null = more && others_.id_of(*other) == null_version;
            if (!null_place.empty() && (!more || is_null || null_place < others_.id_of(*other))) {
                TRY(add(key, null->record, false));
                null_place.clear();
            }
            if (!more) return {};
            if (!is_null) TRY(add(key, other->value, false));
        }
        return {};
    }

    const store::Snapshot& snapshot_;
    const ListVersions& request_;
    const size_t page_;
    Run objects_, markers_, others_;
    std::optional<std::string> resumed_;  // the key that the page before ended in …
    std::string after_;                   // … and the place of its last version
    VersionListing out_;
};

}  // namespace

base::Result<VersionListing> Storage::list_versions(const ListVersions& request) const {
    TRY(bucket(request.bucket));
    if (request.max_keys == 0) return VersionListing{};
    const auto snapshot = dependencies_.keys->snapshot();
    TRY(check_unchanged(request.bucket));  // as in list()
    return Lister(*snapshot, request).run();
}

}  // namespace objects
