// What statements with principals do: of trust policies, and of what resources have else. Conditions on who asks are part of it, as is who is named: the
// questions of proof/grants.hpp, with a policy that has one statement less, or one alone.
#include <algorithm>
#include <optional>

#include "lint/effect.hpp"
#include "policy/policy.hpp"
#include "proof/grants.hpp"
#include "text/json.hpp"

namespace lint {

namespace {

using Kind = proof::Answer::Kind;
using Statements = std::vector<std::string>;

class PrincipalEffect {
public:
    PrincipalEffect(const Document& document, std::string_view text, std::set<const Statement*>& said, Collector& out)
        : document_(document), text_(text), said_(said), out_(out) {
        limits_.document_bytes_max = out.limits().proved_bytes_max;
        limits_.questions_max = out.limits().questions_of_principals_max;
        limits_.work_max = out.limits().principal_work_max;
    }

    void check() {
        const auto& statements = document_.statements;
        if (!policy::Policy::parse(text_, is_trust() ? policy::PolicyKind::trust : policy::PolicyKind::resource))
            return;  // what is wrong with it has been found
        if (statements.size() > out_.limits().principal_statements_max)
            return unknown("more than " + std::to_string(out_.limits().principal_statements_max) +
                           " statements (principal_statements_max)");
        // From the last: of two that make each other superfluous, the later one is.
        for (size_t i = statements.size(); i-- > 0;) {
            if (out_.is_full()) return;
            if (!said_.contains(&statements[i])) check(statements[i]);
        }
    }

private:
    [[nodiscard]] bool is_trust() const { return document_.subject.is_trust(); }

    void check(const Statement& statement) {
        // Turned round, it would allow everyone who is not named.
        if (statement.not_principal != nullptr) return;
        const std::string as_allow = text_of(statement, true);
        if (grants({as_allow}) == Kind::no) return never_applies(statement);
        if (document_.statements.size() < 2) return;
        statement.allows() ? check_allow(statement) : check_deny(statement, as_allow);
    }

    void check_allow(const Statement& statement) {
        const auto all = statements([](const Statement&) { return true; });
        const auto rest = statements([&](const Statement& other) { return &other != &statement; });
        if (adds(all, rest) != Kind::no) return;
        Statements denied{text_of(statement, false)};
        for (const Statement& other : document_.statements)
            if (other.denies()) denied.push_back(text_of(other, false));
        if (denied.size() > 1 && grants(denied) == Kind::no)
            return add(statement, check_of("TRAINWARDEN_ALLOW_ALWAYS_DENIED"),
                       "Other statements of this policy deny all that this one allows.");
        add(statement, check_of("TRAINWARDEN_STATEMENT_SHADOWED"),
            "Other statements of this policy allow all that this one allows: without it nothing changes.");
    }

    void check_deny(const Statement& statement, const std::string& as_allow) {
        Statements others;
        bool can_turn = true;
        for (const Statement& other : document_.statements) {
            if (&other == &statement || !other.denies() || said_.contains(&other)) continue;
            can_turn = can_turn && other.not_principal == nullptr;
            others.push_back(text_of(other, true));
        }
        if (!others.empty() && can_turn && adds({as_allow}, others) == Kind::no)
            return add(statement, check_of("TRAINWARDEN_STATEMENT_SHADOWED"),
                       "Other statements of this policy deny all that this one denies: without it nothing changes.");
        // Other resources' policies deny what users' own policies allow, too. Nobody becomes a role that its trust policy does not let (R36).
        if (!is_trust()) return;
        const auto all = statements([](const Statement&) { return true; });
        const auto rest = statements([&](const Statement& other) { return &other != &statement; });
        if (rest.empty() || adds(rest, all) != Kind::no) return;
        add(statement, check_of("TRAINWARDEN_DENY_OF_WHAT_IS_NOT_ALLOWED"),
            "The policy lets nobody become the role whom this keeps out: without the statement nothing changes.");
    }

    void never_applies(const Statement& statement) {
        const std::string details = std::string("No request can meet the statement, whoever makes it: it ") +
                                    (statement.allows() ? "allows nothing." : "denies nothing.");
        add(statement,
            statement.allows() ? check_of("TRAINWARDEN_ALLOW_NEVER_APPLIES") : check_of("TRAINWARDEN_DENY_NEVER_APPLIES"),
            details);
    }

    void add(const Statement& statement, const Check& check, const std::string& details) {
        said_.insert(&statement);
        out_.add(check, details, statement.place);
    }

    void unknown(const std::string& why) { out_.unknown("what statements do, by who asks: " + why); }

    // As it is written, or as an Allow.
    [[nodiscard]] std::string text_of(const Statement& statement, bool as_allow) const {
        std::string out = "{";
        for (const Member& member : statement.node->members) {
            const auto slice = [&](Range range) { return text_.substr(range.begin, range.end - range.begin); };
            out.append(out.size() > 1 ? "," : "").append(slice(member.name_range)).append(":");
            out.append(as_allow && member.name == "Effect" ? std::string_view("\"Allow\"") : slice(member.value.range));
        }
        return out + "}";
    }

    // Those that are not known to be superfluous.
    template <class Wanted>
    [[nodiscard]] Statements statements(Wanted&& wanted) const {
        Statements out;
        for (const Statement& one : document_.statements)
            if (wanted(one) && !said_.contains(&one)) out.push_back(text_of(one, false));
        return out;
    }

    [[nodiscard]] std::string policy_of(const Statements& statements) const {
        std::string out =
            R"({"Version":")" + std::string(document_.has_variables ? "2012-10-17" : "2008-10-17") + R"(","Statement":[)";
        for (size_t i = 0; i < statements.size(); ++i) out.append(i > 0 ? "," : "").append(statements[i]);
        return out + "]}";
    }

    Kind grants(const Statements& statements) {
        return answer([&] { return proof::find_granted(policy_of(statements), proof::DocumentKind::resource, {}, {}, limits_); });
    }

    // Is there something that the first grant and the second do not?
    Kind adds(const Statements& with, const Statements& without) {
        // Of no statement at all, nothing is granted.
        if (without.empty()) return grants(with);
        return answer(
            [&] { return proof::find_new_access(policy_of(with), policy_of(without), proof::DocumentKind::resource, limits_); });
    }

    template <class Ask>
    Kind answer(Ask&& ask) {
        if (asked_ >= out_.limits().principal_questions_max || unknown_ >= out_.limits().unknown_max) {
            unknown(asked_ >= out_.limits().principal_questions_max ? "too many questions (principal_questions_max)"
                                                                    : "too many questions were too hard (unknown_max)");
            return Kind::unknown;
        }
        ++asked_;
        const auto found = ask();
        if (!found) {
            unknown(found.error().message);
            return Kind::unknown;
        }
        if (found->kind == Kind::unknown) unknown(found->reason), ++unknown_;
        return found->kind;
    }

    const Document& document_;
    std::string_view text_;
    std::set<const Statement*>& said_;  // of which something has been said: superfluous
    Collector& out_;
    proof::GrantLimits limits_;
    size_t asked_ = 0, unknown_ = 0;
};

}  // namespace

void check_principal_effect(const Document& document, std::string_view text, std::set<const Statement*>& said, Collector& out) {
    PrincipalEffect(document, text, said, out).check();
}

}  // namespace lint
