// The record of every decision: JSON lines in `DIR/audit/`, rotated, written before the answer leaves.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "policy/decision.hpp"
#include "text/json.hpp"

namespace audit {

struct DecidedAccess {
    policy::Request request;  // context included
    policy::Decision decision;
};

struct Record {
    base::Time time;
    std::string request_id;
    std::string service, operation;  // empty if the request could not be classified
    std::string source_address, user_agent;
    std::string access_key_id;
    policy::Principal principal;
    std::string session_name;
    std::vector<DecidedAccess> accesses;
    std::string error_code;  // what was answered; empty: success so far
    std::string error_message;
};

struct LogOptions {
    std::string directory;
    uint64_t file_bytes_max = 64ull << 20;
    size_t files_max = 16;
};

// Safe from any thread.
class Log {
public:
    [[nodiscard]] static base::Result<std::unique_ptr<Log>> open(LogOptions options);
    virtual ~Log() = default;
    // Nothing was recorded: errors `AuditUnavailable`, `InsufficientStorage` (the disk is full, and this thread may not use the
    // reserve).
    [[nodiscard]] virtual base::Result<void> append(const Record& record) = 0;
    // The JSON of the records with that id, in order: the request's own and those of what a service decided on its behalf.
    // `NoSuchRequest` if rotated away or never made.
    [[nodiscard]] virtual base::Result<std::vector<std::string>> find(const std::string& request_id) const = 0;
    // Every record's JSON line from oldest to newest, until `visit` says false.
    [[nodiscard]] virtual base::Result<void> each(const std::function<bool(std::string_view line)>& visit) const = 0;
};

// How a record, an access and a principal look in JSON: the members of `RequestRecord`, `DecidedAccess` and `Principal` in
// models/trainwarden.service-2.json.
[[nodiscard]] text::Json to_json(const Record& record);
[[nodiscard]] text::Json to_json(const DecidedAccess& access);
[[nodiscard]] text::Json to_json(const policy::Principal& principal);

// An access as it was recorded, to be explained: without its context (the record does not tell lists from single values).
[[nodiscard]] DecidedAccess read_access(const text::Json& access, const text::Json& principal);

}  // namespace audit
