#include "audit/prepared_text.hpp"

#include <algorithm>
#include <iterator>

namespace audit {
namespace {

// What stands before each of the shared parts.
constexpr auto before_shared = std::to_array<std::string_view>({",\"w\":", ",\"p\":", ",\"f\":", ",\"c\":", ",\"x\":[{\"d\":"});
constexpr std::string_view all_before_shared = ",\"w\":,\"p\":,\"f\":,\"c\":,\"x\":[{\"d\":";
constexpr size_t literals_bytes = 96;  // what a line has between its parts
constexpr size_t own_terms_max = 4;

// As the record shows it, so that a question in its words finds it.
void add_own_terms(std::vector<Term>& terms, std::string_view request_id, std::string_view resource) {
    if (!request_id.empty()) terms.push_back(term_of(TermKind::request_id, request_id));
    if (stands_as_it_is(resource))
        add_resource_terms(terms, resource);
    else
        add_resource_terms(terms, capped(resource));
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
    RecordText out;
    std::string& text = out.own;
    text.reserve(literals_bytes + own.request_id.size() + own.resource.size() + prepared.context.size() + own.context.size() +
                 own.parameters.size());
    text += "\"t\":";
    append_number(text, own.time.time_since_epoch().count());
    text += ",\"id\":";
    append_quoted(text, own.request_id);
    out.changing = text.size();
    out.shared.resize(prepared.shared.size());
    size_t at = text.size();
    for (size_t i = 0; i < prepared.shared.size(); ++i) out.shared[i] = {at += before_shared[i].size(), prepared.shared[i]};
    text += all_before_shared;
    text += ",\"r\":";
    append_quoted(text, own.resource);
    if (!own.context.empty() || !prepared.context.empty()) {
        text += ",\"c\":{";
        text += prepared.context;
        if (!own.context.empty() && !prepared.context.empty()) text += ',';
        text += own.context;
        text += '}';
    }
    text += "}]";
    append_object(text, "in", own.parameters);
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
