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
    // Error `InvalidInput`: a path that roles may not be made in.
    [[nodiscard]] base::Result<gate::Description> plan(const gate::Subject& subject) const override;

    // Roles, users, groups and the account's own policies.
    [[nodiscard]] base::Result<gate::ResourcePage> each_resource(const gate::ResourceQuery& query) const override;
    // The directory's: who is in which group, and who may what, move it, too.
    [[nodiscard]] uint64_t version() const override { return directory_.version(); }

private:
    enum class By : uint8_t { arn, name };
    [[nodiscard]] base::Result<gate::Description> described(const gate::Subject& subject, By by) const;
    identity::Directory& directory_;
};

// Stands in for the trust policy of a role that is not there.
[[nodiscard]] policy::AttachedPolicy trusts_no_one(std::string_view role_arn);

}  // namespace services::iam
