#include "audit/prepared_text.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace audit {
namespace {

// What stands before each of the shared parts.
constexpr auto before_shared = std::to_array<std::string_view>({",\"w\":", ",\"p\":", ",\"f\":", ",\"c\":", ",\"x\":[{\"d\":"});
constexpr std::string_view all_before_shared = ",\"w\":,\"p\":,\"f\":,\"c\":,\"x\":[{\"d\":";
constexpr size_t literals_bytes = 64;  // what a line has else between its parts
constexpr size_t own_terms_max = 4;

// As the record shows it, so that a question in its words finds it.
void add_own_terms(std::vector<Term>& terms, std::string_view request_id, std::string_view resource) {
    if (!request_id.empty()) terms.push_back(term_of(TermKind::request_id, request_id));
    if (stands_as_it_is(resource))
        add_resource_terms(terms, resource);
    else
        add_resource_terms(terms, capped(resource));
}

// What stands between the quotes of the value as a JSON string. `room`: for one that cannot stand there as it is.
std::string_view as_json(std::string_view value, std::string& room) {
    if (stands_as_it_is(value)) return value;
    append_quoted(room, value);
    return std::string_view(room).substr(1, room.size() - 2);
}

}  // namespace

std::shared_ptr<PreparedText> prepare(const Record& record) {
    if (record.accesses.size() != 1 || record.accesses.front().decision.outcome != policy::Outcome::allow) return nullptr;
    RecordText whole = text_of(record);
    auto out = std::make_shared<PreparedText>();
    if (whole.shared.size() != out->shared.size()) return nullptr;  // circumstances over their limit
    std::ranges::transform(whole.shared, out->shared.begin(), &RecordText::Shared::text);
    out->keeper = std::move(whole.keeper);
    std::vector<Term> own;
    add_own_terms(own, record.request_id, record.accesses.front().request.resource);
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
    std::string escaped_id, escaped_resource;
    const std::string_view id = as_json(own.request_id, escaped_id), resource = as_json(own.resource, escaped_resource);
    std::array<char, 20> digits{};
    const std::string_view time(
        digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), own.time.time_since_epoch().count()).ptr);
    const size_t context = prepared.context.size() + own.context.size();
    const size_t most = literals_bytes + all_before_shared.size() + time.size() + id.size() + resource.size() + context;
    // In one go: this is most of what a request pays to be recorded.
    out.own.resize_and_overwrite(most, [&](char* begin, size_t) {
        char* at = begin;
        const auto put = [&at](std::string_view text) { at += text.copy(at, text.size()); };
        put(before_time);
        put(time);
        put(before_id);
        put(id);
        put("\"");
        out.changing = static_cast<size_t>(at - begin);
        put(all_before_shared);
        put(before_resource);
        put(resource);
        if (context == 0) {
            put(behind_resource);
            return static_cast<size_t>(at - begin);
        }
        put(before_context);
        put(prepared.context);
        if (!own.context.empty() && !prepared.context.empty()) put(",");
        put(own.context);
        put(behind_context);
        return static_cast<size_t>(at - begin);
    });
    out.shared.reserve(prepared.shared.size());
    size_t at = out.changing;
    for (size_t i = 0; i < prepared.shared.size(); ++i)
        out.shared.push_back({.at = at += before_shared[i].size(), .text = prepared.shared[i]});
    append_object(out.own, "in", own.parameters);
    out.keeper = prepared.keeper;
    out.terms.reserve(prepared.terms.size() + own_terms_max);
    out.terms.insert(out.terms.end(), prepared.terms.begin(), prepared.terms.end());
    add_own_terms(out.terms, own.request_id, own.resource);
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
