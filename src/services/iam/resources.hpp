// What decisions know of roles, users, groups, policies and instance profiles.
#pragma once

#include "gate/describer.hpp"
#include "identity/directory.hpp"

namespace services::iam {

// Tags stand under both aws:ResourceTag and iam:ResourceTag. A role's trust policy decides the sts: actions on it, and no other.
class Resources final : public gate::Resources {
public:
    explicit Resources(identity::Directory& directory) : directory_(directory) {}
    [[nodiscard]] base::Result<gate::Description> describe(const gate::Subject& subject) const override;
    // Requests name roles, users and groups without their paths: `role/ada` finds arn:aws:iam::A:role/research/ada.
    [[nodiscard]] base::Result<gate::Description> find(const gate::Subject& subject) const override;
    // Error `InvalidInput`: a path that nobody may make roles in.
    [[nodiscard]] base::Result<gate::Description> plan(const gate::Subject& subject) const override;

private:
    enum class By : uint8_t { arn, name };
    [[nodiscard]] base::Result<gate::Description> described(const gate::Subject& subject, By by) const;
    identity::Directory& directory_;
};

// Stands in for the trust policy of a role that is not there.
[[nodiscard]] policy::AttachedPolicy trusts_nobody(std::string_view role_arn);

}  // namespace services::iam
