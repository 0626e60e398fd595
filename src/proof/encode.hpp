// A decision of the engine as a formula: which resources and circumstances let one principal do one action.
//
// The order of `policy/evaluate.cpp`, SEMANTICS.md section 1, over all layers at once. A request that brings a key twice with different values
// (R81) is outside: it is allowed less than with one of them wherever statements name the key in Allow alone, and the gate decides it by itself.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/attached.hpp"
#include "policy/compile.hpp"
#include "policy/decision.hpp"
#include "policy/principal.hpp"
#include "proof/formula.hpp"
#include "proof/values.hpp"

namespace proof {

// A key of a principal that may hold what it likes, within bounds.
struct OpenKey {
    std::string key;           // lower case; one that ends with `/` stands for all that begin so
    std::string pattern;       // that its values match, and the empty text does not
    bool is_optional = false;  // it may be missing
};

struct Subject {
    policy::Principal principal;
    policy::Context known;  // the condition keys that come with it: aws:PrincipalArn, its tags, …
    // Any principal of this kind: what `known` does not have of aws:username, aws:PrincipalTag/… and their like is open, not missing.
    bool is_any = false;
    // Beginnings of keys, in lower case, that the requests that are asked about do not bring where `known` has none: aws:resourcetag/ of
    // resources whose tags are all known.
    std::vector<std::string> absent = {};
    std::vector<OpenKey> open = {};  // such keys that are open though the subject is not any
    // Credentials of a training job's worker, which assume no role (R78).
    bool is_limited_to_job = false;
};

// The policies that apply at one time: today's, or a plan's. All must outlive what is asked about them.
struct View {
    const policy::PrincipalPolicies* policies = nullptr;
    const policy::AttachedPolicy* resource = nullptr;  // nullptr: resources have none
    // Of a bucket (R79): RestrictPublicBuckets keeps anonymous callers from what the policy grants, and all other accounts if it is taken for public.
    bool restricts_public = false, policy_is_public = false;
};

// The policy of the resource that decides the request.
[[nodiscard]] const policy::AttachedPolicy* applying_policy(const policy::Request& request, const View& view);

// What a formula's atoms stand for.
struct Atom {
    enum class Kind : uint8_t { resource, condition, opaque };
    Kind kind = Kind::opaque;
    std::vector<PatternTokens> patterns;  // resource: it matches one of these
    std::vector<std::string> open;        // the keys of variables whose value is not known
    KeyTest test;                         // condition
    std::string key;                      // its key, lower case
};

// One subject, action and owner of resources; any views.
class Encoder {
public:
    // `known`: every key whose value is settled. All must outlive it.
    Encoder(const Subject& subject, std::string action, std::string resource_account, const policy::Context& known);
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;

    [[nodiscard]] Node allowed(const View& view);

    [[nodiscard]] Formula& formula() { return formula_; }
    [[nodiscard]] const Formula& formula() const { return formula_; }
    [[nodiscard]] const Atom& atom(uint32_t number) const { return atoms_[number]; }
    [[nodiscard]] size_t atom_count() const { return atoms_.size(); }
    [[nodiscard]] const Variables& variables() const { return variables_; }
    // What requests for the action bring of a key that is not known.
    [[nodiscard]] KeyShape shape_of(std::string_view key) const;

private:
    struct Layer {
        std::vector<Node> denies;
        std::vector<Node> accounts, roles, directs;  // allows, by what they grant
        [[nodiscard]] Node any(Formula& formula) const;
    };
    void add(Layer& to, const policy::AttachedPolicy& attached, bool has_boundary);
    [[nodiscard]] Node resource_of(const policy::CompiledPolicy& policy, const policy::CompiledStatement& statement);
    [[nodiscard]] Node condition_of(const policy::CompiledPolicy& policy, const policy::Condition& condition);
    [[nodiscard]] Node levels(const std::vector<std::vector<policy::AttachedPolicy>>& levels, bool has_boundary,
                              std::vector<Node>& denies);
    [[nodiscard]] Node service_rules();
    [[nodiscard]] Node atom_of(const std::string& identity, Atom atom);
    [[nodiscard]] Node resource_like(std::string_view pattern);
    [[nodiscard]] Node resource_like(Tokens tokens);
    [[nodiscard]] Node granted_to_unknown(const policy::AttachedPolicy& policy);
    [[nodiscard]] Node decided(const View& view);
    [[nodiscard]] Node needs_resource_grant(const View& view);

    const Subject& subject_;
    const std::string action_, lower_, service_, owner_;
    const bool same_account_;
    const policy::Context* known_;
    Variables variables_;
    policy::CallerNames names_;
    bool as_unknown_ = false;  // what is encoded is what a principal of no account may do (policy/public_access.hpp)
    Formula formula_;
    std::vector<Atom> atoms_;
    std::map<std::string, Node> by_identity_;
};

}  // namespace proof
