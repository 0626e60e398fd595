#include "question.hpp"

#include <map>

#include "base/strings.hpp"
#include "text/json.hpp"

namespace reference {

using policy::Layer;
using policy::PolicyKind;
using policy::Principal;
using policy::PrincipalKind;

namespace {

std::string upper(std::string text) {
    for (auto& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return text;
}

// A value as a line of a case takes it: bare, or as a JSON string where bare would mean something else.
std::string shown(const std::string& text) {
    const bool plain = !text.empty() && base::trim(text) == text && text.find_first_of("\n\r\t,[]\"") == std::string::npos;
    return plain ? text : text::quote_json(text);
}

}  // namespace

std::optional<Principal> principal_of(std::string rest, std::string_view partition) {
    std::string account = "111122223333";
    if (const auto in = rest.find(" in "); in != std::string::npos) account = rest.substr(in + 4), rest.resize(in);
    const auto words = base::split(rest, ' ');
    const auto kind = words[0];
    const auto name = std::string(words.size() > 1 ? words[1] : "");
    const auto base_name = name.substr(name.rfind('/') + 1);
    const auto iam = "arn:" + std::string(partition) + ":iam::" + account + ":";
    const auto sts = "arn:" + std::string(partition) + ":sts::" + account + ":";
    Principal out;
    out.account = account;
    if (kind == "user") {
        out.kind = PrincipalKind::user, out.arn = out.user_arn = iam + "user/" + name, out.unique_id = "AIDA" + upper(base_name);
    } else if (kind == "root") {
        out.kind = PrincipalKind::root, out.arn = iam + "root", out.unique_id = account;
    } else if (kind == "role" || kind == "linked-role") {
        const auto session = std::string(words.size() > 3 ? words[3] : "s");
        out.kind = PrincipalKind::role_session, out.role_arn = iam + "role/" + name, out.role_id = "AROA" + upper(base_name);
        out.arn = sts + "assumed-role/" + base_name + "/" + session, out.unique_id = out.role_id + ":" + session;
        out.service_linked_role = kind == "linked-role";
    } else if (kind == "federated" && words.size() == 4) {
        out.kind = PrincipalKind::federated_user, out.arn = sts + "federated-user/" + name;
        out.user_arn = iam + "user/" + std::string(words[3]), out.unique_id = account + ":" + name;
    } else if (kind == "service") {
        out = {.kind = PrincipalKind::service, .service = name};
    } else if (kind == "anonymous") {
        out = {};
    } else if (kind == "vouched") {
        out = {.federated_provider = name};
    } else {
        return std::nullopt;
    }
    return out;
}

std::optional<PolicyKind> kind_named(std::string_view name) {
    static const std::map<std::string_view, PolicyKind> kinds = {
        {"endpoint", PolicyKind::resource},   {"identity", PolicyKind::identity},   {"boundary", PolicyKind::identity},
        {"session", PolicyKind::session},     {"resource", PolicyKind::resource},   {"trust", PolicyKind::trust},
        {"scp", PolicyKind::service_control}, {"rcp", PolicyKind::resource_control}};
    const auto found = kinds.find(name);
    return found == kinds.end() ? std::nullopt : std::optional(found->second);
}

std::string_view layer_name(Layer layer) {
    switch (layer) {
        case Layer::identity:
            return "identity";
        case Layer::boundary:
            return "boundary";
        case Layer::session:
            return "session";
        case Layer::service_control:
            return "scp";
        case Layer::resource_control:
            return "rcp";
        case Layer::resource:
            return "resource";
        case Layer::vpc_endpoint:
            return "endpoint";
        case Layer::account_root:
            return "root";
        case Layer::always:
            return "always";
        case Layer::service_rule:
            return "rule";
    }
    return "?";
}

std::string_view outcome_name(policy::Outcome outcome) {
    return outcome == policy::Outcome::allow ? "allow" : outcome == policy::Outcome::explicit_deny ? "deny" : "implicit";
}

std::string Question::as_case(const std::string& title, policy::Outcome expected) const {
    std::string out = "case " + title + "\n";
    if (partition != "aws") out += "partition " + partition + "\n";
    out += "principal " + principal + "\n";
    std::map<std::string, size_t> levels;
    for (const auto& placed : policies) {
        const bool organization = placed.layer == "scp" || placed.layer == "rcp";
        const auto known = levels.find(placed.layer);
        const bool same_level = organization && known != levels.end() && known->second == placed.level;
        levels[placed.layer] = placed.level;
        const bool stored = !policy::Policy::parse(placed.document, *kind_named(placed.layer));
        out += placed.layer + (same_level ? "+" : "") + (stored ? " stored\n  " : "\n  ") + placed.document + "\n";
    }
    for (const auto& entry : request.context.entries()) {
        if (entry.ambiguous) {
            for (size_t i = 0; i < entry.values.size(); ++i)
                out += (i == 0 ? "with " : "also ") + entry.key + " = " + shown(entry.values[i]) + "\n";
            continue;
        }
        out += "with " + entry.key + " = ";
        std::vector<std::string> values;
        for (const auto& value : entry.values) values.push_back(shown(value));
        out += entry.multivalued ? "[" + base::join(values, ", ") + "]\n" : base::join(values, ", ") + "\n";
    }
    out += "do " + request.action + " on " + shown(request.resource);
    if (!request.resource_account.empty()) out += " owner " + request.resource_account;
    return out + "\nexpect " + std::string(outcome_name(expected)) + "\n";
}

policy::PolicySet policy_set(const std::vector<Placed>& policies) {
    policy::PolicySet out;
    std::map<std::string, size_t> count;
    for (const auto& placed : policies) {
        const auto kind = *kind_named(placed.layer);
        const auto parsed = policy::Policy::parse(placed.document, kind);
        policy::AttachedPolicy attached{parsed ? *parsed : policy::Policy::parse_stored(placed.document, kind),
                                        placed.layer + " " + std::to_string(++count[placed.layer])};
        if (placed.layer == "identity") out.identity.push_back(attached);
        if (placed.layer == "boundary") out.boundary = attached;
        if (placed.layer == "session") {
            if (!out.session) out.session.emplace();
            out.session->push_back(attached);
        }
        if (placed.layer == "resource" || placed.layer == "trust") out.resource = attached;
        if (placed.layer == "endpoint") out.vpc_endpoint = attached;
        auto* levels = placed.layer == "scp" ? &out.service_control : placed.layer == "rcp" ? &out.resource_control : nullptr;
        if (!levels) continue;
        if (levels->size() <= placed.level) levels->resize(placed.level + 1);
        (*levels)[placed.level].push_back(attached);
    }
    return out;
}

namespace {

using Shorter = std::vector<text::Json>;

// The value without one of its items, or with one of its items made shorter.
void shorter_values(const text::Json& json, Shorter& out) {
    if (json.is_array())
        for (size_t i = 0; i < json.size(); ++i) {
            if (json.size() > 1) {
                auto less = json;
                less.items().erase(less.items().begin() + static_cast<std::ptrdiff_t>(i));
                out.push_back(std::move(less));
            }
            Shorter inside;
            shorter_values(json.items()[i], inside);
            for (auto& one : inside) {
                auto less = json;
                less.items()[i] = std::move(one);
                out.push_back(std::move(less));
            }
        }
    if (json.is_object())
        for (size_t i = 0; i < json.size(); ++i) {
            auto without = json;
            without.members().erase(without.members().begin() + static_cast<std::ptrdiff_t>(i));
            out.push_back(std::move(without));
            Shorter inside;
            shorter_values(json.members()[i].second, inside);
            for (auto& one : inside) {
                auto less = json;
                less.members()[i].second = std::move(one);
                out.push_back(std::move(less));
            }
        }
}

// Every question that is one step smaller.
std::vector<Question> smaller(const Question& question) {
    std::vector<Question> out;
    for (size_t i = 0; i < question.policies.size(); ++i) {
        out.push_back(question);
        out.back().policies.erase(out.back().policies.begin() + static_cast<std::ptrdiff_t>(i));
        // Levels stay in a row.
        const auto& gone = question.policies[i];
        bool level_is_empty = true;
        for (const auto& placed : out.back().policies)
            level_is_empty = level_is_empty && !(placed.layer == gone.layer && placed.level == gone.level);
        for (auto& placed : out.back().policies)
            if (level_is_empty && placed.layer == gone.layer && placed.level > gone.level) --placed.level;
    }
    for (const auto& entry : question.request.context.entries()) {
        out.push_back(question);
        auto& context = out.back().request.context;
        context = {};
        for (const auto& other : question.request.context.entries()) {
            if (other.key == entry.key) continue;
            if (other.multivalued) context.set_list(other.key, other.values);
            for (const auto& value : other.values)
                if (!other.multivalued) context.set(other.key, value);
        }
    }
    for (size_t i = 0; i < question.policies.size(); ++i) {
        const auto json = text::parse_json(question.policies[i].document);
        if (!json) continue;
        Shorter documents;
        shorter_values(*json, documents);
        for (const auto& document : documents) {
            out.push_back(question);
            out.back().policies[i].document = document.dump();
        }
    }
    return out;
}

}  // namespace

Question shrink(Question question, const std::function<bool(const Question&)>& property) {
    for (bool found = true; found;) {
        found = false;
        for (auto& candidate : smaller(question)) {
            if (!property(candidate)) continue;
            question = std::move(candidate);
            found = true;
            break;
        }
    }
    return question;
}

}  // namespace reference
