#include "audit/record_text.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "audit/cloudtrail.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "text/time.hpp"

namespace audit {
namespace {

using Entry = policy::Context::Entry;

bool repeats(const Entry& entry) { return audit::repeats(entry.key, entry.values); }
void append_entry(std::string& out, const Entry& entry, base::Time time) {
    audit::append_entry(out, entry.key, entry.values, time);
}

// Condition keys that differ from one request of a client to the next, and so are worth no definition.
constexpr auto changing = std::to_array<std::string_view>({"aws:referer", "s3:signatureage"});
constexpr std::string_view content_hash = "s3:x-amz-content-sha256";
constexpr std::string_view hash_of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr size_t sha256_digits = 64;
// Keys with `aws:` that belong to the request or the resource.
constexpr auto of_the_access = std::to_array<std::string_view>({"aws:requesttag/", "aws:resourcetag/", "aws:tagkeys"});

bool is_the_time(std::string_view key, const std::vector<std::string>& values, base::Time time) {
    if (values.size() != 1) return false;
    if (key == "aws:currenttime") return values[0] == text::iso8601(time);
    if (key != "aws:epochtime") return false;
    return values[0] == std::to_string(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
}

void append_value(std::string& out, std::string_view key, std::string_view value) {
    if (key == "aws:referer")
        append_quoted(out, without_credentials(key, value));
    else
        append_quoted(out, value, key == "aws:useragent" ? user_agent_bytes_max : value_bytes_max);
}

// Over its limit: what is left out, by number, length and digest.
class Cut {
public:
    void add(std::string_view text) {
        ++count_;
        bytes_ += text.size();
        if (!digest_) digest_.emplace(crypto::DigestKind::sha256);
        digest_->update(text);
        digest_->update("\n");
    }
    [[nodiscard]] bool is_empty() const { return count_ == 0; }
    // REQUIRES: not is_empty().
    [[nodiscard]] std::string described() {
        INVARIANT(digest_);
        return std::string(cut_marker) + std::to_string(count_) + " more, " + std::to_string(bytes_) + " bytes, sha256 " +
               crypto::hex(digest_->finish()) + "]";
    }

private:
    size_t count_ = 0, bytes_ = 0;
    std::optional<crypto::Digest> digest_;  // most records have none
};

// The circumstances that every access has alike.
std::string shared_context(const Record& record) {
    std::string out = "{";
    for (const Entry& entry : record.accesses.front().request.context.entries())
        if (repeats(entry)) append_entry(out, entry, record.time);
    if (out.size() > context_bytes_max) return "{}";
    return out + "}";
}

std::string own_context(const Record& record, const DecidedAccess& access, bool has_shared) {
    std::string out = "{";
    const policy::Context& first = record.accesses.front().request.context;
    Cut cut;
    const auto add = [&](const std::string& member) {
        if (out.size() + member.size() <= context_bytes_max) {
            if (out.size() > 1) out += ',';
            out += member;
        } else {
            cut.add(member);
        }
    };
    const bool is_first = &access == &record.accesses.front();
    for (const Entry& entry : access.request.context.entries()) {
        if (is_first && has_shared && repeats(entry)) continue;
        const Entry* same = has_shared && repeats(entry) ? first.find(entry.key) : nullptr;
        if (same != nullptr && same->values == entry.values) continue;
        std::string member;
        append_entry(member, entry, record.time);
        add(member);
    }
    for (const Entry& entry : first.entries())
        if (!is_first && has_shared && repeats(entry) && access.request.context.find(entry.key) == nullptr) {
            std::string member;
            append_member_name(member, entry.key);
            member += "null";
            add(member);
        }
    if (!cut.is_empty()) append_raw_member(out, "", "[\"" + cut.described() + "\"]");
    return out + "}";
}

// Accesses with the same decision and context: one part, with all their resources.
struct Group {
    std::string decision, context;
    bool refused;
    std::vector<const std::string*> resources;
};

std::vector<Group> groups_of(const Record& record, bool has_shared) {
    std::vector<Group> groups;
    std::map<std::pair<std::string, std::string>, size_t> known;
    size_t contexts = 0, decisions = 0;
    for (const DecidedAccess& access : record.accesses) {
        std::string context = own_context(record, access, has_shared);
        if (context != "{}" && (contexts += context.size()) > contexts_bytes_max) {
            Cut cut;
            cut.add(context);
            context = "{\"\":[\"" + cut.described() + "\"]}";
        }
        std::string decision;
        append_decision(decision, access);
        if (record.accesses.size() == 1) {
            groups.push_back({std::move(decision),
                              std::move(context),
                              access.decision.outcome != policy::Outcome::allow,
                              {&access.request.resource}});
            break;
        }
        const auto [found, is_new] = known.try_emplace({decision, context}, groups.size());
        if (is_new) {
            decisions += decision.size();
            if (decisions > decisions_bytes_max) {
                DecidedAccess bare{.request = access.request, .decision = {}};
                bare.decision.outcome = access.decision.outcome;
                bare.decision.layer = access.decision.layer;
                decision.clear();
                append_decision(decision, bare);
                const auto [again, other] = known.try_emplace({decision, context}, groups.size());
                found->second = again->second;
                if (!other) {
                    groups[again->second].resources.push_back(&access.request.resource);
                    continue;
                }
            }
            groups.push_back({std::move(decision), std::move(context), access.decision.outcome != policy::Outcome::allow, {}});
        }
        groups[found->second].resources.push_back(&access.request.resource);
    }
    return groups;
}

// As the record shows it, so that a question in its words finds it.
std::string shown(std::string_view value) { return capped(value); }

std::string resources_text(const Group& group, size_t& refused_bytes, size_t& resources, Terms& terms) {
    std::string out;
    Cut cut;
    size_t written = 0;
    for (const std::string* resource : group.resources) {
        if (group.refused) refused_bytes += std::min(resource->size(), value_bytes_max);
        if (++resources > resources_max || (group.refused && refused_bytes > refused_resources_bytes_max)) {
            cut.add(*resource);
            continue;
        }
        if (written++ > 0) out += ',';
        append_quoted(out, *resource);
        add_resource_terms(terms, shown(*resource));
    }
    if (!cut.is_empty()) {
        if (written++ > 0) out += ',';
        append_own(out, cut.described());
    }
    return written == 1 ? out : "[" + out + "]";
}

std::string origin_of(const Record& record) {
    std::string out = "{";
    if (!record.access_key_id.empty()) append_member(out, member::access_key_id, record.access_key_id);
    if (!record.session_name.empty()) append_member(out, member::session_name, record.session_name);
    if (!record.source_address.empty()) append_member(out, member::source_address, record.source_address);
    if (!record.user_agent.empty()) append_member(out, member::user_agent, record.user_agent, user_agent_bytes_max);
    return out + "}";
}

std::string kind_of(const Record& record) {
    std::string out = "{";
    if (!record.service.empty()) append_member(out, member::service, record.service);
    if (!record.operation.empty()) append_member(out, member::operation, record.operation);
    return out + "}";
}

bool is_refused(const Record& record) {
    return !record.error_code.empty() ||
           std::ranges::any_of(record.accesses, [](const auto& one) { return one.decision.outcome != policy::Outcome::allow; });
}

void keep_each_once(Terms& terms) {
    std::ranges::sort(terms);
    const auto repeated = std::ranges::unique(terms);
    Terms once;
    once.append({terms.begin(), repeated.begin()});
    terms = std::move(once);
}

std::string_view last_part(std::string_view arn) { return arn.substr(arn.rfind('/') + 1); }

// As the record shows it.
struct Asked {
    std::string request_id, arn, role_arn, id, service_principal, access_key, session_name, service, operation;
    bool is_user, is_root;
};

void add_terms(Terms& terms, const Asked& asked) {
    const auto add = [&](TermKind kind, std::string_view value) {
        if (!value.empty()) terms.push_back(term_of(kind, value));
    };
    add(TermKind::request_id, asked.request_id);
    add(TermKind::principal, asked.arn);
    add(TermKind::principal, asked.role_arn);
    add(TermKind::principal, asked.service_principal);
    add(TermKind::principal_id, asked.id.substr(0, asked.id.find(':')));
    add(TermKind::access_key, asked.access_key);
    add(TermKind::user_name, asked.is_root ? "root" : asked.is_user ? last_part(asked.arn) : asked.session_name);
    add(TermKind::service, asked.service);
    add(TermKind::operation, asked.operation);
    add(TermKind::writes, reads_only(asked.operation) ? "false" : "true");
    if (is_management(asked.service, asked.operation)) add(TermKind::management, "true");
}

}  // namespace

Term term_of(TermKind kind, std::string_view value) {
    constexpr Term odd = 0x9E3779B97F4A7C15u;  // 2^64 / golden ratio
    Term hash = odd * (static_cast<unsigned char>(kind) + value.size() * 256);
    const auto mix = [&](Term word) {
        hash = (hash ^ word) * odd;
        hash ^= hash >> 29;
    };
    for (; value.size() >= sizeof(Term); value.remove_prefix(sizeof(Term))) {
        Term word = 0;
        std::memcpy(&word, value.data(), sizeof word);
        mix(word);
    }
    if (!value.empty()) {
        Term word = 0;
        std::memcpy(&word, value.data(), value.size());
        mix(word);
    }
    return hash ^ hash >> 32;
}

bool repeats_content_hash(std::string_view value) { return value.size() != sha256_digits || value == hash_of_nothing; }

bool repeats(std::string_view key, const std::vector<std::string>& values) {
    if (std::ranges::find(changing, key) != changing.end()) return false;
    if (key == content_hash) return values.size() == 1 && repeats_content_hash(values[0]);
    if (key == "s3:authtype" || key == "s3:signatureversion" || key == "s3:resourceaccount") return true;
    return key.starts_with("aws:") &&
           std::ranges::none_of(of_the_access, [&](std::string_view prefix) { return key.starts_with(prefix); });
}

void append_entry(std::string& out, std::string_view key, const std::vector<std::string>& values, base::Time time) {
    append_member_name(out, key);
    out += '[';
    if (!is_the_time(key, values, time)) {
        for (size_t i = 0; i < values.size(); ++i) {
            if (i > 0) out += ',';
            append_value(out, key, values[i]);
        }
    }
    out += ']';
}

void append_entry(std::string& out, std::string_view key, std::string_view value) {
    append_member_name(out, key);
    out += '[';
    append_value(out, key, value);
    out += ']';
}

void add_resource_terms(Terms& terms, std::string_view shown) {
    terms.push_back(term_of(TermKind::resource, shown));
    const auto [type, name] = resource_words_of(shown);
    if (!name.empty()) terms.push_back(term_of(TermKind::resource_name, name));
    if (!type.empty()) terms.push_back(term_of(TermKind::resource_type, type));
}

void append_object(std::string& out, std::string_view name, std::string_view object) {
    if (object.empty()) return;
    if (object.size() <= parameters_bytes_max) return append_raw_member(out, name, object);
    append_raw_member(out, name, "{");
    append_member(out, "Cut", std::to_string(object.size()) + " bytes, sha256 " + crypto::hex(crypto::sha256(object)));
    out += '}';
}

bool is_management(std::string_view service, std::string_view operation) {
    if (service == "s3") {
        // Source: CloudTrail User Guide, "Logging data events": those of objects.
        return operation.find("Object") == std::string_view::npos && operation.find("Part") == std::string_view::npos &&
               operation.find("Multipart") == std::string_view::npos;
    }
    if (service == "logs") return operation.find("LogEvents") == std::string_view::npos;
    return operation != "PutMetricData" && operation != "GetMetricData";
}

std::string answer_text(int status, std::string_view error_code, std::string_view error_message, std::string_view made) {
    std::string out = "\"s\":" + std::to_string(status);
    if (!error_code.empty()) append_member(out, "e", error_code);
    if (!error_message.empty()) append_member(out, "m", error_message, message_bytes_max);
    append_object(out, "made", made);
    return out;
}

size_t RecordText::bytes() const {
    size_t out = own.size();
    for (const Shared& one : shared) out += one.text->text.size();
    return out;
}

void RecordText::replace_changing(std::string_view by) {
    own.replace(0, changing, by);
    for (Shared& one : shared) one.at = one.at - changing + by.size();
    changing = by.size();
}

RecordText text_of(const Record& record) {
    RecordText out;
    const auto texts = std::make_shared<std::deque<SharedText>>();
    const auto share = [&](std::string text) { out.shared.push_back({out.own.size(), &texts->emplace_back(std::move(text))}); };
    out.own = "\"t\":" + std::to_string(record.time.time_since_epoch().count());
    append_member(out.own, "id", record.request_id);
    out.changing = out.own.size();
    out.own += ",\"w\":";
    share(kind_of(record));
    out.own += ",\"p\":";
    std::string principal;
    append_principal(principal, record.principal);
    share(std::move(principal));
    out.own += ",\"f\":";
    share(origin_of(record));
    if (!record.accesses.empty()) {
        std::string circumstances = shared_context(record);
        const bool has_shared = circumstances != "{}";
        if (has_shared) {
            out.own += ",\"c\":";
            share(std::move(circumstances));
        }
        std::string_view before = ",\"x\":[{\"d\":";
        size_t refused_bytes = 0, resources = 0;
        for (Group& group : groups_of(record, has_shared)) {
            out.own += std::exchange(before, ",{\"d\":");
            share(std::move(group.decision));
            out.own += ",\"r\":";
            out.own += resources_text(group, refused_bytes, resources, out.terms);
            if (group.context != "{}") out.own += ",\"c\":" + group.context;
            out.own += '}';
        }
        out.own += ']';
    }
    append_object(out.own, "in", record.parameters);
    if (record.accesses.empty())
        if (const std::string named = named_resource(record.service, record.parameters); !named.empty())
            add_resource_terms(out.terms, named);
    out.keeper = texts;
    for (const DecidedAccess& access : record.accesses)
        out.terms.push_back(term_of(TermKind::action, base::lower(shown(access.request.action))));
    add_terms(out.terms, {.request_id = shown(record.request_id),
                          .arn = shown(record.principal.arn),
                          .role_arn = shown(record.principal.role_arn),
                          .id = shown(record.principal.unique_id),
                          .service_principal = shown(record.principal.service),
                          .access_key = shown(record.access_key_id),
                          .session_name = shown(record.session_name),
                          .service = shown(record.service),
                          .operation = shown(record.operation),
                          .is_user = record.principal.kind == policy::PrincipalKind::user,
                          .is_root = record.principal.kind == policy::PrincipalKind::root});
    keep_each_once(out.terms);
    out.time = record.time;
    out.changes = !reads_only(record.operation);
    out.partly_refused = is_refused(record);
    out.authenticated = record.authenticated;
    if (!record.authenticated) {
        out.stranger_at = record.source_address;
        out.stranger_key = record.access_key_id;
    }
    if (is_polled(record.service, record.operation) && !out.partly_refused) {
        out.followed_id = record.request_id;
        out.followed_by = record.principal.role_arn.empty() ? record.principal.arn : record.principal.role_arn;
        out.followed_operation = record.operation;
    }
    return out;
}

std::string sameness_of(const RecordText& text) {
    std::string out;
    text.each([&](std::string_view own) { out += own; }, [&](const SharedText& shared) { out += shared.text; });
    return out.substr(text.changing);
}

Terms terms_of(const RecordView& record) {
    Terms terms;
    for (const RecordView::Access& access : record.accesses) {
        terms.push_back(term_of(TermKind::action, base::lower(access.action)));
        if (!access.resource.starts_with(cut_marker)) add_resource_terms(terms, access.resource);
    }
    if (const std::string named = record.named_resource(); !named.empty()) add_resource_terms(terms, named);
    add_terms(terms, {.request_id = std::string(record.request_id),
                      .arn = std::string(record.principal.arn),
                      .role_arn = std::string(record.principal.role_arn),
                      .id = std::string(record.principal.id),
                      .service_principal = std::string(record.principal.service),
                      .access_key = std::string(record.access_key_id),
                      .session_name = std::string(record.session_name),
                      .service = std::string(record.service),
                      .operation = std::string(record.operation),
                      .is_user = record.principal.kind == policy::PrincipalKind::user,
                      .is_root = record.principal.kind == policy::PrincipalKind::root});
    if (is_derived(record))
        terms.push_back(term_of(TermKind::event, derived_event_id(record.request_id, record.operation, record.time)));
    keep_each_once(terms);
    return terms;
}

}  // namespace audit
