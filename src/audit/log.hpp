// The record of every request: written before anything happens, and again when it is answered; asked by whom, what, when and which.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/record.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "crypto/signing.hpp"
#include "text/json.hpp"

namespace audit {

constexpr std::string_view requests_stream = "requests";
// Of requests that were refused and that no valid credentials came with.
constexpr std::string_view unauthenticated_stream = "unauthenticated";

// Which answers wait until their records are on the disk. Every record is in its file before; this is about power loss.
enum class Sync : uint8_t { changes, answers, interval };
// What happens when the log is as large as it may be and its oldest records are younger than they shall be kept.
enum class WhenFull : uint8_t { remove_oldest, refuse };

struct LogOptions {
    std::string directory;
    std::shared_ptr<const crypto::SigningKey> key;
    // Outside of the data folder: the newest signed head of each stream. Empty: nowhere, and a log that is cut short is not noticed.
    std::string head_file;
    // Where they were kept until now, if another key signs from here on. The log is compared with them when it is opened.
    std::string previous_head_file;
    const base::Clock* clock = nullptr;
    std::string made_by;  // the version of this program
    std::string
        restored;  // noted when it is opened: of a log that goes on in a copy of the folder it was written in. Empty: it is none
    Sync sync = Sync::changes;
    int64_t keep_days = 90;             // 0: as long as there is room
    uint64_t keep_bytes = 16ull << 30;  // 0: as many as the disk takes
    uint64_t keep_unauthenticated_bytes = 256ull << 20;
    WhenFull when_full = WhenFull::remove_oldest;
    uint64_t segment_bytes_max = 32ull << 20;
    // Of unauthenticated refusals, what is written one by one; the rest is counted.
    uint64_t unauthenticated_bytes_per_second = 16u << 10;
    uint64_t unauthenticated_bytes_at_once = 4u << 20;
    std::chrono::milliseconds between_heads{10'000};
    std::chrono::milliseconds poll_interval{60'000};
    // A clock that is suddenly ahead makes no record old before it has been so for this long (believed_time.hpp).
    std::chrono::milliseconds clock_believed_after{3'600'000};
};

struct RecordText;

// A request that was decided and is not answered yet.
class PendingRecord {
public:
    PendingRecord();
    ~PendingRecord();
    PendingRecord(PendingRecord&&) noexcept;
    PendingRecord& operator=(PendingRecord&&) noexcept;

private:
    friend class FileLog;
    struct State;
    std::unique_ptr<State> state_;
};

// A request as it was decided, by whoever decided it: the text of its record, for the log, and the whole of it, for who reads it.
class Decided {
public:
    virtual ~Decided() = default;
    [[nodiscard]] virtual RecordText text() const = 0;  // says the same as text_of(whole())
    [[nodiscard]] virtual Record whole() const = 0;
};

// What to look for; empty members do not matter. Records that cannot be read are part of every answer but to `request_id`.
struct Query {
    std::string request_id, principal, access_key, service, operation, action, resource, outcome;
    std::string principal_id;  // AIDA…, or AROA… for every session of the role: who that is, whatever its name was
    std::string user_name, resource_name, resource_type;  // as CloudTrail calls them (cloudtrail.hpp)
    std::string derived_event;                            // an id of derived_event_id
    std::optional<bool> writes;
    bool management_only = false;
    std::optional<base::Time> since, until;
    size_t most = 50;
    std::string older_than;     // a Page's `older`: what is older than that page
    std::string written_since;  // a Page's `newer`: what has been answered since, oldest first
    // By the record itself; called for each that the rest of the query fits, in order. Empty: all.
    std::function<bool(const text::Json&)> accept;
};

struct Page {
    std::vector<text::Json> records;  // `RequestRecord`s, newest first (with written_since: oldest first)
    std::string older;                // empty: there are none
    std::string newer;
};

// Safe from any thread.
class Log {
public:
    // Errors: `AuditUnavailable`, `InsufficientStorage`.
    [[nodiscard]] static base::Result<std::unique_ptr<Log>> open(LogOptions options);
    virtual ~Log() = default;

    // What was decided, before anything happens. Errors: `AuditUnavailable`, `InsufficientStorage` (the disk is full, and this thread
    // may not use the reserve, or has used it up), `AuditFull` (the log has the size that it may have): nothing was recorded, nothing may be done.
    [[nodiscard]] virtual base::Result<PendingRecord> decided(const Decided& request) = 0;
    [[nodiscard]] base::Result<PendingRecord> decided(const Record& record);
    // What came of it, before the answer leaves. Returns when it is as durable as LogOptions::sync says.
    [[nodiscard]] virtual base::Result<void> answered(PendingRecord pending, const Answered& answer) = 0;
    // Both at once: a request that was refused, or a decision that is all there is.
    [[nodiscard]] virtual base::Result<void> append(const Record& record) = 0;

    // Would a record be taken now? Errors as decided()'s; a full disk is none of them.
    [[nodiscard]] virtual base::Result<void> takes_records() const { return {}; }

    // The records with that id, in order: the request's own and those of what a service decided on its behalf. `NoSuchRequest` if
    // rotated away or never made.
    [[nodiscard]] virtual base::Result<std::vector<text::Json>> find(const std::string& request_id) const = 0;
    // `InvalidToken`: older_than or written_since is of no page.
    [[nodiscard]] virtual base::Result<Page> search(const Query& query) const = 0;
    // Until something is written after that page, or the time has passed. False: too many wait already.
    virtual bool wait(const std::string& newer, std::chrono::milliseconds at_most) const = 0;

    // How much is kept of the requests' stream, and what there is.
    struct Keeping {
        int64_t days = 0;    // LogOptions::keep_days
        uint64_t bytes = 0;  // LogOptions::keep_bytes
        WhenFull when_full = WhenFull::remove_oldest;
    };
    struct Kept {
        uint64_t bytes = 0;
        std::optional<base::Time> oldest;  // as far as is known without reading
    };
    // From now on, until it is opened again.
    virtual void keep_from_now(const Keeping&) {}
    [[nodiscard]] virtual Kept kept() const { return {}; }

    // For a copy of the log: where it ends now, behind a signed head, on the disk. Segments that are full never change.
    struct End {
        std::string stream;
        std::vector<std::string> full;  // paths, oldest first
        std::string current;            // path
        uint64_t bytes = 0;             // of the current one
        text::Json head;                // as head files have it
    };
    [[nodiscard]] virtual base::Result<std::vector<End>> end_now();  // error `NotImplemented`: it is in no files
};

}  // namespace audit
