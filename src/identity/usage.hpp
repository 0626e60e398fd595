// Who uses what within an account, kept beside the entities: the entities that a managed policy hangs on, the members of a group.
// Lists in pages and deletions ask it instead of every entity.
#pragma once

#include <map>
#include <set>
#include <string>

#include "identity/model.hpp"

namespace identity {

// Names in lower case.
using Names = std::set<std::string, std::less<>>;

class Usage {
public:
    struct OfPolicy {
        Names groups, roles, users;          // attached
        Names bounded_roles, bounded_users;  // as permissions boundary
        [[nodiscard]] bool empty() const {
            return groups.empty() && roles.empty() && users.empty() && bounded_roles.empty() && bounded_users.empty();
        }
    };

    void add(const Role& role);
    void add(const User& user);
    void add(const Group& group);
    void remove(const Role& role);
    void remove(const User& user);
    void remove(const Group& group);

    // By ARN; unused policies are not there.
    [[nodiscard]] const std::map<std::string, OfPolicy, std::less<>>& policies() const { return policies_; }
    [[nodiscard]] const OfPolicy& of(const std::string& policy_arn) const;
    // By the group's name in lower case.
    [[nodiscard]] const Names& members(const std::string& group_key) const;

private:
    template <class Edit>
    void edit(const std::string& arn, Edit edit);
    std::map<std::string, OfPolicy, std::less<>> policies_;
    std::map<std::string, Names, std::less<>> members_;
};

}  // namespace identity
