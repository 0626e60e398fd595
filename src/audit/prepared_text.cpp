#include "audit/prepared_text.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

#include "audit/raw_writer.hpp"

namespace audit {
namespace {

// What stands before each of the shared parts.
constexpr auto before_shared = std::to_array<std::string_view>({",\"w\":", ",\"p\":", ",\"f\":", ",\"c\":", ",\"x\":[{\"d\":"});
constexpr std::string_view all_before_shared = ",\"w\":,\"p\":,\"f\":,\"c\":,\"x\":[{\"d\":";
constexpr size_t literals_bytes = 64;  // what a line has else between its parts

// A value of this record's own: as the record shows it, so that a question in its words finds it, and what stands for that between the
// quotes of a JSON string. Most stand there as they are.
class OwnValue {
public:
    explicit OwnValue(std::string_view value) : shown_(value), json_(value) {
        if (stands_as_it_is(value)) return;
        Other& other = other_.emplace();
        shown_ = other.shown = capped(value);
        append_quoted(other.quoted, value);
        json_ = std::string_view(other.quoted).substr(1, other.quoted.size() - 2);
    }
    OwnValue(const OwnValue&) = delete;
    OwnValue& operator=(const OwnValue&) = delete;

    [[nodiscard]] std::string_view shown() const { return shown_; }
    [[nodiscard]] std::string_view json() const { return json_; }

private:
    struct Other {
        std::string shown, quoted;
    };
    std::optional<Other> other_;
    std::string_view shown_, json_;
};

void add_own_terms(Terms& terms, const OwnValue& request_id, const OwnValue& resource) {
    if (!request_id.shown().empty()) terms.push_back(term_of(TermKind::request_id, request_id.shown()));
    add_resource_terms(terms, resource.shown());
}

}  // namespace

std::shared_ptr<PreparedText> prepare(const Record& record) {
    if (record.accesses.size() != 1 || record.accesses.front().decision.outcome != policy::Outcome::allow) return nullptr;
    RecordText whole = text_of(record);
    auto out = std::make_shared<PreparedText>();
    if (whole.shared.size() != out->shared.size()) return nullptr;  // circumstances over their limit
    std::ranges::transform(whole.shared, out->shared.begin(), &RecordText::Shared::text);
    out->keeper = std::move(whole.keeper);
    Terms own;
    add_own_terms(own, OwnValue(record.request_id), OwnValue(record.accesses.front().request.resource));
    std::ranges::copy_if(whole.terms, std::back_inserter(out->terms),
                         [&](Term term) { return std::ranges::find(own, term) == own.end(); });
    out->changes = whole.changes;
    out->authenticated = whole.authenticated;
    out->stranger_at = std::move(whole.stranger_at);
    out->stranger_key = std::move(whole.stranger_key);
    out->followed = !whole.followed_id.empty();
    out->followed_by = std::move(whole.followed_by);
    out->followed_operation = std::move(whole.followed_operation);
    return out;
}

RecordText text_of(const PreparedText& prepared, const OwnText& own) {
    constexpr std::string_view before_time = "\"t\":", before_id = ",\"id\":\"", before_resource = ",\"r\":\"",
                               before_context = "\",\"c\":{", behind_context = "}}]", behind_resource = "\"}]";
    RecordText out;
    const OwnValue id(own.request_id), resource(own.resource);
    const size_t context = prepared.context.size() + own.context.size();
    const size_t most = literals_bytes + all_before_shared.size() + RawWriter::number_bytes_max + id.json().size() +
                        resource.json().size() + context;
    // In one go: this is most of what a request pays to be recorded.
    out.own.resize_and_overwrite(most, [&](char* begin, size_t) {
        RawWriter writer(begin);
        writer.put(before_time);
        writer.put_number(own.time.time_since_epoch().count());
        writer.put(before_id);
        writer.put(id.json());
        writer.put("\"");
        out.changing = static_cast<size_t>(writer.at() - begin);
        writer.put(all_before_shared);
        writer.put(before_resource);
        writer.put(resource.json());
        if (context == 0) {
            writer.put(behind_resource);
            return static_cast<size_t>(writer.at() - begin);
        }
        writer.put(before_context);
        writer.put(prepared.context);
        if (!own.context.empty() && !prepared.context.empty()) writer.put(",");
        writer.put(own.context);
        writer.put(behind_context);
        return static_cast<size_t>(writer.at() - begin);
    });
    size_t at = out.changing;
    std::array<RecordText::Shared, usual_shared_max> shared;
    for (size_t i = 0; i < shared.size(); ++i) shared[i] = {.at = at += before_shared[i].size(), .text = prepared.shared[i]};
    out.shared.append(shared);
    append_object(out.own, "in", own.parameters);
    out.keeper = prepared.keeper;
    out.terms.append(prepared.terms);
    add_own_terms(out.terms, id, resource);
    out.time = own.time;
    out.changes = prepared.changes;
    out.authenticated = prepared.authenticated;
    if (!prepared.authenticated) {
        out.stranger_at = prepared.stranger_at;
        out.stranger_key = prepared.stranger_key;
    }
    if (prepared.followed) {
        out.followed_id = own.request_id;
        out.followed_by = prepared.followed_by;
        out.followed_operation = prepared.followed_operation;
    }
    return out;
}

}  // namespace audit
