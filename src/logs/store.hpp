// Log groups and streams of every account and region, and their events.
//
// Source: CloudWatch Logs API Reference. Errors are AWS's: `ResourceNotFoundException`, `ResourceAlreadyExistsException`.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "crypto/random.hpp"
#include "logs/line.hpp"
#include "logs/quota.hpp"
#include "logs/writer.hpp"
#include "store/key_value_store.hpp"

namespace logs {

// Whose groups: names are unique in an account and region.
struct Owner {
    std::string account, region;
};

struct Group {
    std::string name;
    int64_t creation_time = 0;  // epoch milliseconds
    uint64_t stored_bytes = 0;
};

struct Stream {
    std::string name;
    int64_t creation_time = 0;
    std::optional<int64_t> first_event, last_event, last_ingestion;
    uint64_t stored_bytes = 0;
};

struct Page {
    std::vector<Event> events;
    uint64_t begin = 0, end = 0;  // the byte range the page covers
};

struct Range {
    std::optional<int64_t> start, end;  // epoch milliseconds: start inclusive, end exclusive
};

class Store {
public:
    struct Dependencies {
        store::KeyValueStore* keys = nullptr;
        const base::Clock* clock = nullptr;
        crypto::Random* random = nullptr;
        std::string folder;  // DIR/logs
        Limits limits;
    };
    [[nodiscard]] static base::Result<std::unique_ptr<Store>> open(Dependencies dependencies);

    [[nodiscard]] base::Result<void> create_group(const Owner& owner, const std::string& group);
    // With its streams.
    [[nodiscard]] base::Result<void> delete_group(const Owner& owner, const std::string& group);
    [[nodiscard]] base::Result<void> require_group(const Owner& owner, const std::string& group) const;
    // In order of name.
    [[nodiscard]] base::Result<std::vector<Group>> groups(const Owner& owner, std::string_view prefix) const;

    // Of every region of the account, and without a look at their files: (region, name).
    [[nodiscard]] base::Result<std::vector<std::pair<std::string, std::string>>> group_names(const std::string& account) const;
    // Of a group, none if it is not there.
    [[nodiscard]] base::Result<std::vector<std::string>> stream_names(const Owner& owner, const std::string& group) const;
    // Another one after every group or stream that comes or goes, once that can be seen and before the call returns.
    [[nodiscard]] uint64_t version() const { return version_.load(std::memory_order_acquire); }

    // Errors also `Throttling`: the account has as many as it may.
    [[nodiscard]] base::Result<void> create_stream(const Owner& owner, const std::string& group, const std::string& stream);
    [[nodiscard]] base::Result<void> delete_stream(const Owner& owner, const std::string& group, const std::string& stream);
    [[nodiscard]] base::Result<Stream> stream(const Owner& owner, const std::string& group, const std::string& stream) const;
    // In order of name.
    [[nodiscard]] base::Result<std::vector<Stream>> streams(const Owner& owner, const std::string& group,
                                                            std::string_view prefix) const;

    // All or nothing, and on disk when it returns. Error `Throttling`: more, or faster, than a job or an account may.
    [[nodiscard]] base::Result<void> put(const Owner& owner, const std::string& group, const std::string& stream,
                                         const std::vector<Event>& events);
    // A stream for a worker's output; makes it, and the group, if they are not there.
    [[nodiscard]] base::Result<LogWriter> start(const Owner& owner, const std::string& group, const std::string& stream);
    // Up to `limit` events from byte `offset` on (forward), or the last ones before it (backward; in order of time all the same).
    [[nodiscard]] base::Result<Page> read(const Owner& owner, const std::string& group, const std::string& stream,
                                          uint64_t offset, bool forward, const Range& range, size_t limit) const;

private:
    explicit Store(Dependencies dependencies) : dependencies_(std::move(dependencies)), quota_(dependencies_.limits) {}
    void drop_file(const Owner& owner, const std::string& group, const std::string& stream, const std::string& file);
    // What is there counts.
    [[nodiscard]] base::Result<void> count();
    [[nodiscard]] base::Result<void> make_stream(const Owner& owner, const std::string& group, const std::string& stream);
    struct Found {
        int64_t creation_time = 0;
        std::string file;  // its path
    };
    [[nodiscard]] base::Result<Found> find(const Owner& owner, const std::string& group, const std::string& stream) const;
    [[nodiscard]] base::Result<Found> found_in(std::string_view record) const;
    [[nodiscard]] base::Result<void> commit(const store::Batch& batch);
    [[nodiscard]] base::Result<void> sweep() const;
    [[nodiscard]] std::string path_of(const std::string& id) const;

    Dependencies dependencies_;
    Quota quota_;
    std::atomic<uint64_t> version_ = 1;
    std::array<base::Mutex, 16> appending_;  // by file: one batch at a time
};

}  // namespace logs
