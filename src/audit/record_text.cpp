#include "audit/record_text.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>

#include "audit/cloudtrail.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "text/time.hpp"

namespace audit {
namespace {

using Entry = policy::Context::Entry;

constexpr std::string_view cut_marker = "…[cut: ";

// Condition keys that differ from one request of a client to the next, and so are worth no definition.
constexpr auto changing = std::to_array<std::string_view>({"aws:referer", "s3:signatureage"});
constexpr std::string_view content_hash = "s3:x-amz-content-sha256";
constexpr std::string_view hash_of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr size_t sha256_digits = 64;
// Keys with `aws:` that belong to the request or the resource.
constexpr auto of_the_access = std::to_array<std::string_view>({"aws:requesttag/", "aws:resourcetag/", "aws:tagkeys"});

bool repeats(const Entry& entry) {
    if (std::ranges::find(changing, entry.key) != changing.end()) return false;
    if (entry.key == content_hash)
        return entry.values.size() == 1 && (entry.values[0].size() != sha256_digits || entry.values[0] == hash_of_nothing);
    if (entry.key == "s3:authtype" || entry.key == "s3:signatureversion" || entry.key == "s3:resourceaccount") return true;
    return entry.key.starts_with("aws:") &&
           std::ranges::none_of(of_the_access, [&](std::string_view prefix) { return entry.key.starts_with(prefix); });
}

bool is_the_time(const Entry& entry, base::Time time) {
    if (entry.values.size() != 1) return false;
    if (entry.key == "aws:currenttime") return entry.values[0] == text::iso8601(time);
    if (entry.key != "aws:epochtime") return false;
    return entry.values[0] == std::to_string(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
}

void append_entry(std::string& out, const Entry& entry, base::Time time) {
    append_member_name(out, entry.key);
    out += '[';
    if (!is_the_time(entry, time)) {
        for (size_t i = 0; i < entry.values.size(); ++i) {
            if (i > 0) out += ',';
            if (entry.key == "aws:referer")
                append_quoted(out, without_credentials(entry.key, entry.values[i]));
            else
                append_quoted(out, entry.values[i]);
        }
    }
    out += ']';
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
std::string shown(std::string_view value) { return escaped(capped(value)); }

void add_resource(std::vector<Term>& terms, const std::string& shown);

std::string resources_text(const Group& group, size_t& refused_bytes, size_t& resources, std::vector<Term>& terms) {
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
        add_resource(terms, shown(*resource));
    }
    if (!cut.is_empty()) {
        if (written++ > 0) out += ',';
        append_quoted(out, cut.described());
    }
    return written == 1 ? out : "[" + out + "]";
}

std::string origin_of(const Record& record) {
    std::string out = "{";
    if (!record.access_key_id.empty()) append_member(out, "AccessKeyId", record.access_key_id);
    if (!record.session_name.empty()) append_member(out, "SessionName", record.session_name);
    if (!record.source_address.empty()) append_member(out, "SourceAddress", record.source_address);
    if (!record.user_agent.empty()) append_member(out, "UserAgent", record.user_agent, user_agent_bytes_max);
    return out + "}";
}

std::string kind_of(const Record& record) {
    std::string out = "{";
    if (!record.service.empty()) append_member(out, "Service", record.service);
    if (!record.operation.empty()) append_member(out, "Operation", record.operation);
    return out + "}";
}

void keep_each_once(std::vector<Term>& terms) {
    std::ranges::sort(terms);
    const auto repeated = std::ranges::unique(terms);
    terms.erase(repeated.begin(), repeated.end());
}

std::string_view last_part(std::string_view arn) { return arn.substr(arn.rfind('/') + 1); }

// `shown` as the record has it.
void add_resource(std::vector<Term>& terms, const std::string& shown) {
    terms.push_back(term_of(TermKind::resource, shown));
    if (const std::string name = resource_name_of(shown); !name.empty()) terms.push_back(term_of(TermKind::resource_name, name));
    if (const std::string type = resource_type_of(shown); !type.empty()) terms.push_back(term_of(TermKind::resource_type, type));
}

// A member that is a JSON object, or of one that is too long, what it was. Empty: no member.
void append_object(std::string& out, std::string_view name, std::string_view object) {
    if (object.empty()) return;
    if (object.size() <= parameters_bytes_max) return append_raw_member(out, name, object);
    append_raw_member(out, name, "{");
    append_member(out, "Cut", std::to_string(object.size()) + " bytes, sha256 " + crypto::hex(crypto::sha256(object)));
    out += '}';
}

// As the record shows it.
struct Asked {
    std::string request_id, arn, role_arn, service_principal, access_key, session_name, service, operation;
    bool is_user, is_root;
};

void add_terms(std::vector<Term>& terms, const Asked& asked) {
    const auto add = [&](TermKind kind, std::string_view value) {
        if (!value.empty()) terms.push_back(term_of(kind, value));
    };
    add(TermKind::request_id, asked.request_id);
    add(TermKind::principal, asked.arn);
    add(TermKind::principal, asked.role_arn);
    add(TermKind::principal, asked.service_principal);
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
    while (!value.empty()) {
        Term word = 0;
        const size_t taken = std::min(value.size(), sizeof word);
        std::memcpy(&word, value.data(), taken);
        value.remove_prefix(taken);
        hash = (hash ^ word) * odd;
        hash ^= hash >> 29;
    }
    return hash ^ hash >> 32;
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

RecordText text_of(const Record& record) {
    RecordText out;
    const auto add = [&](std::string literal, std::string shared = {}) {
        out.parts.push_back({std::move(literal), false});
        if (!shared.empty()) out.parts.push_back({std::move(shared), true});
    };
    std::string begin = "\"t\":" + std::to_string(record.time.time_since_epoch().count());
    append_member(begin, "id", record.request_id);
    out.parts.push_back({std::move(begin), false});
    add(",\"w\":", kind_of(record));
    std::string principal;
    append_principal(principal, record.principal);
    add(",\"p\":", std::move(principal));
    add(",\"f\":", origin_of(record));
    if (!record.accesses.empty()) {
        std::string shared = shared_context(record);
        const bool has_shared = shared != "{}";
        if (has_shared) add(",\"c\":", std::move(shared));
        std::string literal = ",\"x\":[{\"d\":";
        size_t refused_bytes = 0, resources = 0;
        for (Group& group : groups_of(record, has_shared)) {
            add(std::move(literal), std::move(group.decision));
            literal = ",\"r\":" + resources_text(group, refused_bytes, resources, out.terms);
            if (group.context != "{}") literal += ",\"c\":" + group.context;
            literal += "},{\"d\":";
        }
        literal.resize(literal.size() - std::string_view(",{\"d\":").size());
        add(literal + "]");
    }
    std::string asked;
    append_object(asked, "in", record.parameters);
    if (!asked.empty()) add("," + asked);
    for (const DecidedAccess& access : record.accesses)
        out.terms.push_back(term_of(TermKind::action, base::lower(shown(access.request.action))));
    add_terms(out.terms, {.request_id = shown(record.request_id),
                          .arn = shown(record.principal.arn),
                          .role_arn = shown(record.principal.role_arn),
                          .service_principal = shown(record.principal.service),
                          .access_key = shown(record.access_key_id),
                          .session_name = shown(record.session_name),
                          .service = shown(record.service),
                          .operation = shown(record.operation),
                          .is_user = record.principal.kind == policy::PrincipalKind::user,
                          .is_root = record.principal.kind == policy::PrincipalKind::root});
    keep_each_once(out.terms);
    return out;
}

std::string sameness_of(const RecordText& text) {
    std::string out;
    for (size_t i = 1; i < text.parts.size(); ++i) out += text.parts[i].text;
    return out;
}

std::vector<Term> terms_of(const text::Json& record) {
    std::vector<Term> terms;
    const text::Json& principal = record["Principal"];
    for (const text::Json& access : record["Accesses"].items()) {
        terms.push_back(term_of(TermKind::action, base::lower(access["Action"].as_string())));
        if (access["Resource"].as_string().find(cut_marker) != 0) add_resource(terms, access["Resource"].as_string());
    }
    add_terms(terms, {.request_id = record["RequestId"].as_string(),
                      .arn = principal["Arn"].as_string(),
                      .role_arn = principal["RoleArn"].as_string(),
                      .service_principal = principal["Service"].as_string(),
                      .access_key = record["AccessKeyId"].as_string(),
                      .session_name = record["SessionName"].as_string(),
                      .service = record["Service"].as_string(),
                      .operation = record["Operation"].as_string(),
                      .is_user = principal["Type"].as_string() == "User",
                      .is_root = principal["Type"].as_string() == "Root"});
    keep_each_once(terms);
    return terms;
}

}  // namespace audit
