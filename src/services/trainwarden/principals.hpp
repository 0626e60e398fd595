// Finding principals by name, for questions about a principal that is not the caller.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "gate/gate.hpp"
#include "identity/directory.hpp"
#include "proof/encode.hpp"

namespace services::trainwarden {

// A role, a session of a role (any name), a user, an account's root, a service (sagemaker.amazonaws.com), or `*` for a caller
// without credentials. Errors: `ValidationException` for what is not a name of a principal, `NoSuchPrincipal`. `region`: where a
// service acts.
[[nodiscard]] base::Result<identity::Caller> find_principal(const identity::Directory& directory, const std::string& name,
                                                            const std::string& region);

// Whom a question is about.
struct AskedPrincipal {
    std::vector<identity::Caller> callers;  // one, or every live session of the ARN, newest first; never empty
    bool is_session = false;                // named by the ARN of a role's session …
    bool lives = false;                     // … of which `callers` are the ones that live; otherwise a new one of its role
};
// As find_principal; the ARN of a session means the sessions that live (Directory::live_sessions): with their session policy,
// tags, source identity and the limits of their job.
[[nodiscard]] base::Result<AskedPrincipal> asked_principal(const identity::Directory& directory, const std::string& name,
                                                           const std::string& region);

// Of the ARN of a session: which of the sessions that live is meant, in words.
[[nodiscard]] std::string which_session(const AskedPrincipal& asked);

// What a request about this principal is decided on, each of which must be allowed: the ARN that is named and, where it is a
// role's session, the role's. `name` itself where it is not an ARN. Error `ValidationException`: an ARN that no principal has.
[[nodiscard]] base::Result<std::vector<std::string>> names_of(identity::Directory& directory, const std::string& name);

// A principal that may be allowed something.
struct Candidate {
    identity::Caller caller;
    // Of other accounts: what their own policies must allow, in words; here they count as if they did.
    std::string needs;
    // How answers name the principal: empty if it is the caller's own ARN.
    std::string shown_as;
    // Of a role's sessions that bring more of their own than a new one has: what …
    std::vector<proof::OpenKey> brings = {};
    size_t of = 0;  // … and which candidate the role itself is
};

// Roles, users, the root user and anonymous callers; and the principals that the resource's own policy names: services,
// principals of other accounts, single sessions of a role. With a policy for everyone, also a principal of an account that nobody
// knows.
[[nodiscard]] std::vector<Candidate> candidates(const identity::Directory& directory, const gate::Access& access,
                                                const std::string& region);

// The parts of it, for questions about many resources; a principal that is there already is not added again.
[[nodiscard]] std::vector<Candidate> own_principals(const identity::Directory& directory);
// Whom a resource's policy names; `account`: the resource's.
void add_named(const identity::Directory& directory, const policy::AttachedPolicy& policy, const std::string& account,
               const std::string& region, std::vector<Candidate>& all);
// For each identity provider that a trust policy names, an identity that it vouches for.
void add_federated(const policy::AttachedPolicy& policy, std::vector<Candidate>& all);

}  // namespace services::trainwarden
