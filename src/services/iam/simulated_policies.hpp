// The policies that a simulation runs over, each with the name that its answers call it by.
//
// Source: IAM API Reference, "SimulatePrincipalPolicy", "Statement" (SourcePolicyId), "PolicyIdentifier"; the reference's sample
// answers call an inline policy user_NAME_POLICY, a managed one by its name, and a document of the request PolicyInputList.1.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "gate/operation.hpp"
#include "identity/iam.hpp"
#include "model/iam/simulation.hpp"
#include "policy/attached.hpp"
#include "policy/decision.hpp"
#include "policy/statement_span.hpp"

namespace services::iam {

// Who PolicySourceArn or CallerArn means: arn:aws:iam::ACCOUNT:user/path/NAME, or a group or role.
struct EntityArn {
    identity::HolderKind kind = identity::HolderKind::user;
    std::string account, name;
};
// nullopt for anything else.
[[nodiscard]] std::optional<EntityArn> parse_entity_arn(const std::string& arn);

// A user, group or role that exists: found by its name, whatever path the ARN gives, as IAM does.
struct Entity {
    identity::HolderKind kind = identity::HolderKind::user;
    identity::UserPtr user;
    identity::GroupPtr group;
    identity::RolePtr role;
    [[nodiscard]] const identity::Entity& entity() const;
    [[nodiscard]] const std::string& boundary() const;  // its ARN; empty: none
};
// Error `NoSuchEntity`.
[[nodiscard]] base::Result<Entity> find_entity(const identity::Iam& iam, const EntityArn& arn);

// One policy, and where it hangs if it hangs somewhere.
struct SimulatedPolicy {
    policy::AttachedPolicy attached;  // its name is unique in the simulation
    std::string id;                   // SourcePolicyId
    identity::HolderKind holder = identity::HolderKind::user;
    std::string holder_name;
    std::string inline_name;  // empty: a managed policy, or a document of the request
};

// What a request about an entity needs: it is asked about by any path, and decided on by its own. Who may ask is the caller's account's business: of
// another's entities the answer says that they are. `source`: an ARN as the request has it.
[[nodiscard]] base::Result<gate::RequiredAccesses<>> source_needs(const identity::Iam& iam, const gate::RequestOrigin& asking,
                                                                  model::ActionName action, const std::string& source);

// The entity's policies: inline and attached, and a user's groups'. One that cannot be read denies everything.
[[nodiscard]] std::vector<SimulatedPolicy> policies_of(const identity::Iam& iam, const Entity& entity);
[[nodiscard]] SimulatedPolicy managed_policy(const identity::Iam& iam, const std::string& account, const std::string& arn);

// PolicyExclusionList: which policies do not count. Error `InvalidInput` for identifiers that cannot be one.
class Exclusions {
public:
    [[nodiscard]] static base::Result<Exclusions> read(std::span<const model::iam::PolicyIdentifier> list);
    [[nodiscard]] bool leaves_out(const SimulatedPolicy& policy) const;
    [[nodiscard]] bool leaves_out_boundary() const { return boundary_; }
    [[nodiscard]] bool leaves_out_service_control() const { return service_control_; }

private:
    struct Inline {
        identity::HolderKind holder;
        std::string holder_pattern, name;
    };
    bool inline_ = false, aws_managed_ = false, user_managed_ = false, boundary_ = false, service_control_ = false;
    std::vector<std::string> arns_;
    std::vector<Inline> inlines_;
};

// How the answers of one simulation name and place statements.
class Labels {
public:
    void add(const SimulatedPolicy& policy);
    // A member of MatchedStatements.
    [[nodiscard]] model::iam::Statement shown(const policy::StatementRef& statement) const;

private:
    struct Label {
        std::string id;
        std::vector<policy::StatementSpan> spans;
    };
    std::map<std::string, Label> by_name_;
};

}  // namespace services::iam
