// What is recorded of a request: what was decided, before anything happens, and what was answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "audit/value.hpp"
#include "base/clock.hpp"
#include "policy/decision.hpp"
#include "text/json.hpp"

namespace audit {

// Limits of one record, besides value_bytes_max of each of its values. What is over them is counted and digested in the record.
constexpr size_t user_agent_bytes_max = 512;
constexpr size_t resources_max = 1000;                 // of one record: as many keys as DeleteObjects takes
constexpr size_t refused_resources_bytes_max = 8192;   // of all resources that were refused: nothing happened to them
constexpr size_t context_bytes_max = 16384;            // of the condition keys of one access
constexpr size_t contexts_bytes_max = 65536;           // of all accesses together, without what they share
constexpr size_t decision_bytes_max = 16384;           // the statements that decided one access
constexpr size_t decisions_bytes_max = 65536;          // … and all of a record
constexpr size_t parameters_bytes_max = 32768;         // of what was asked, and of what was made: the largest policy fits
constexpr size_t refused_parameters_bytes_max = 4096;  // of what was asked, where nothing came of it
constexpr size_t message_bytes_max = 2048;

struct DecidedAccess {
    policy::Request request;  // context included
    policy::Decision decision;
};

// A request as it is when it has been decided.
struct Record {
    base::Time time;
    std::string request_id;
    std::string service, operation;  // empty if the request could not be classified
    std::string source_address, user_agent;
    std::string access_key_id;
    policy::Principal principal;
    std::string session_name;
    std::vector<DecidedAccess> accesses;
    // What was asked, by the model's member names, without anything secret: a JSON object, or empty.
    std::string parameters;
    // Whose credentials did not hold, or who gave none.
    bool authenticated = true;
    // A record of a request that was refused has both facts at once.
    std::string error_code, error_message;
    int status = 0;
    // The error says that what the request is about is not there, which nothing was decided for: it failed, nobody refused it.
    bool is_missing = false;
};

// What came of a request after it was decided.
struct Answered {
    base::Time time;
    int status = 0;
    std::string error_code, error_message;  // empty: it succeeded
    std::string made;                       // by the model's member names, without anything secret: a JSON object, or empty
};

// Does an operation change nothing? By its name, as CloudTrail's readOnly.
[[nodiscard]] bool reads_only(std::string_view operation);
// Clients ask it again and again to follow what goes on.
[[nodiscard]] bool is_polled(std::string_view service, std::string_view operation);

// How an access and a principal look in JSON: the members of `DecidedAccess` and `Principal` in models/trainwarden.service-2.json.
[[nodiscard]] text::Json to_json(const DecidedAccess& access);
[[nodiscard]] text::Json to_json(const policy::Principal& principal);

// The same as text with capped values: the parts that a record is made of. Of an access: without Resource and Context.
void append_principal(std::string& out, const policy::Principal& principal);
void append_decision(std::string& out, const DecidedAccess& access);

// All accesses of a record, to be explained: without their context (the record does not tell lists from single values).
[[nodiscard]] std::vector<DecidedAccess> read_accesses(const text::Json& record);

}  // namespace audit
