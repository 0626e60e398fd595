// A record as the text of a line, in parts: those that repeat (who, from where, the circumstances, a decision) are written once a
// segment and referred to by number; the rest stands in each line. Pure.
//
// The members of a line of a request (README.md has the whole grammar):
//     t    when, milliseconds since 1970        id   the request's id
//     w    {"Service","Operation"}              p    Principal
//     f    {"AccessKeyId","SessionName","SourceAddress","UserAgent"}
//     c    the condition keys that all accesses share; [] of aws:currenttime and aws:epochtime: they are `t`
//     x    the accesses: d (decision, with the action), r (one resource or more that it is the same for), c (keys of its own)
//     in   what was asked
//   and, where both facts are in one line, those of the answer:
//     s    status    e, m   error code and message    made   what was made    refused  true: nothing was done
//     repeated, since: this many more of the same until `t`, the first at `since`
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/record.hpp"
#include "audit/record_view.hpp"
#include "base/small_vector.hpp"

namespace audit {

// A JSON object that other records have too: a definition of each segment that has such a record. Any thread.
class SharedText {
public:
    explicit SharedText(std::string text_in) : text(std::move(text_in)) {}

    const std::string text;

    // Its number in a segment, which streams leave here lest they look it up again. `segment`: one number for each segment of a
    // process, from 1.
    [[nodiscard]] std::optional<uint32_t> number_in(uint32_t segment) const {
        const uint64_t place = place_.load(std::memory_order_relaxed);
        return place >> 32 == segment ? std::optional(static_cast<uint32_t>(place)) : std::nullopt;
    }
    void is_in(uint32_t segment, uint32_t number) const {
        place_.store(uint64_t{segment} << 32 | number, std::memory_order_relaxed);
    }

private:
    mutable std::atomic<uint64_t> place_ = 0;
};

// What questions look for, as a hash; who finds one reads the record to be sure.
using Term = uint64_t;
enum class TermKind : char {
    request_id = 'i',
    principal = 'p',     // its ARN, its role's ARN, a service's name
    principal_id = 'd',  // its unique id; of a session, its role's
    access_key = 'k',
    user_name = 'u',  // of a user, or of a session; root
    service = 's',
    operation = 'e',
    action = 'a',  // in lower case
    resource = 'r',
    resource_name = 'R',  // as CloudTrail calls it
    resource_type = 'y',
    outcome = 'o',
    writes = 'w',      // "true", "false": does it change anything
    management = 'm',  // "true": of what CloudTrail calls a management event
    event = 'v',       // CloudTrail's id of what is_derived()
    note = 'n',        // "": not a request, but shown in lists; "unreadable"
};
[[nodiscard]] Term term_of(TermKind kind, std::string_view value);

constexpr size_t usual_terms_max = 16, usual_shared_max = 5;  // of a record with one access
using Terms = base::SmallVector<Term, usual_terms_max>;

// The text of a record's line, from `"t":` on, without braces; and what its log needs to know of it.
struct RecordText {
    struct Shared {
        size_t at;  // where in `own` it belongs; ascending
        const SharedText* text;
    };
    std::string own;                                     // what is not shared, in one piece
    size_t changing = 0;                                 // bytes at its beginning that no other record has: time and id
    base::SmallVector<Shared, usual_shared_max> shared;  // what is …
    std::shared_ptr<const void> keeper;                  // … and what it belongs to
    Terms terms;                                         // of the index, without the outcome

    base::Time time;
    bool changes = true;          // does the operation change anything, by its name
    bool partly_refused = false;  // any of its accesses
    bool authenticated = true;
    std::string stranger_at, stranger_key;  // from where, and with which access key, of one that is not authenticated; else empty
    std::string followed_id;                // of a request that clients make again and again: its id; else empty …
    std::string followed_by, followed_operation;  // … of whom (of a session, its role) and which it is

    [[nodiscard]] size_t bytes() const;
    void replace_changing(std::string_view by);
    // Calls literal(text) and reference(shared) for what the line is made of, in order.
    template <class Literal, class Reference>
    void each(Literal&& literal, Reference&& reference) const {
        size_t begin = 0;
        for (const Shared& one : shared) {
            literal(std::string_view(own).substr(begin, one.at - begin));
            reference(*one.text);
            begin = one.at;
        }
        literal(std::string_view(own).substr(begin));
    }
};
[[nodiscard]] RecordText text_of(const Record& record);
// Equal for requests that differ in time and id alone.
[[nodiscard]] std::string sameness_of(const RecordText& text);
// The same terms, of a record that was read.
[[nodiscard]] Terms terms_of(const RecordView& record);

// `"s":200,…`: the members of an answer.
[[nodiscard]] std::string answer_text(int status, std::string_view error_code, std::string_view error_message,
                                      std::string_view made);

// Has a condition key values that many requests of a principal have? Then it stands in what records share. `key`: lower case.
[[nodiscard]] bool repeats(std::string_view key, const std::vector<std::string>& values);
// Appends `"key":["value",…]`, with a comma as append_member does. `time`: the record's, which no value repeats.
void append_entry(std::string& out, std::string_view key, const std::vector<std::string>& values, base::Time time);
// The same of one value, and of s3:x-amz-content-sha256.
void append_entry(std::string& out, std::string_view key, std::string_view value);
[[nodiscard]] bool repeats_content_hash(std::string_view value);
// What a record is found by as the one on this resource; as the record shows it.
void add_resource_terms(Terms& terms, std::string_view shown);

// Appends a member that is a JSON object, or of one that is too long, what it was. Empty: no member.
void append_object(std::string& out, std::string_view name, std::string_view object);

// A referer may be a presigned URL, which is a credential: its query stays out.
[[nodiscard]] std::string without_credentials(std::string_view key, std::string_view value);

// CloudTrail's management events: all but reading and writing objects, log events and data points.
[[nodiscard]] bool is_management(std::string_view service, std::string_view operation);

}  // namespace audit
