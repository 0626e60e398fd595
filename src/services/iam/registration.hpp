// How an IAM operation is declared: its name, the access it needs, what it does. Only this folder includes it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "gate/gate.hpp"
#include "identity/directory.hpp"

namespace services::iam {

using Handler = std::function<base::Result<text::Json>(const gate::Permit&, const text::Json& input)>;
using Classifier = std::function<base::Result<gate::Access>(const identity::Caller&, const text::Json& input)>;

class Registration {
public:
    Registration(gate::Registry& registry, identity::Directory& directory) : registry_(registry), directory_(directory) {}

    // One access: `iam:NAME` on what the classifier says. `tag_action` is needed too when the call brings tags
    // (IAM User Guide, "Tags for AWS Identity and Access Management resources": creating with tags needs permission to tag).
    // `also`: a second resource of the same action.
    void add(std::string name, Classifier classify, Handler handle, std::string tag_action = "", Classifier also = nullptr);

    [[nodiscard]] identity::Iam& iam() const { return directory_.iam(); }
    [[nodiscard]] identity::Directory& directory() const { return directory_; }

    // Accesses by kind of resource; the member of the input that names it is the argument. Resources that do not exist are
    // classified by the ARN that they would have: whether they exist is told only to those who may ask.
    [[nodiscard]] Classifier on_role() const;
    [[nodiscard]] Classifier on_user() const;  // without UserName: the caller itself
    [[nodiscard]] Classifier on_group() const;
    [[nodiscard]] Classifier on_policy(bool changes) const;
    [[nodiscard]] Classifier on_new(std::string type,
                                    std::string name_member) const;  // role, user, group, policy that is being made
    // What a user or group will be called: renaming needs permission on both (IAM User Guide, "Rename an IAM user"), or anybody
    // who may rename could step into a policy that is written for a name.
    [[nodiscard]] Classifier on_renamed(std::string type) const;
    [[nodiscard]] Classifier on_all(std::string type) const;  // lists: arn:aws:iam::A:role/PREFIX
    [[nodiscard]] static Classifier on_account();             // actions without a resource

private:
    gate::Registry& registry_;
    identity::Directory& directory_;
};

// The user that a call is about: UserName, or the caller if it is a user; empty for root. Error `ValidationError` for a role
// session.
[[nodiscard]] base::Result<std::string> user_name(const identity::Caller& caller, const text::Json& input);

void add_role_operations(Registration& registration);
void add_user_operations(Registration& registration);
void add_group_operations(Registration& registration);
void add_holder_operations(Registration& registration);
void add_policy_operations(Registration& registration);
void add_access_key_operations(Registration& registration);
void add_account_operations(Registration& registration);
void add_absent_operations(Registration& registration);
struct SimulatorParts;  // operations.hpp
void add_simulation_operations(Registration& registration, SimulatorParts simulator);

}  // namespace services::iam
