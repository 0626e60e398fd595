// Which of many actors a policy of a resource may speak of (speaks_of, account.hpp), found by their names: an account has thousands of
// principals, and most policies name one.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "policy/attached.hpp"
#include "proof/account.hpp"

namespace proof {

class ActorsByName {
public:
    // They are numbered as they come.
    void add(const Actor& actor);
    // The numbers, in order, of all actors that one of these policies speaks of, and perhaps of others.
    [[nodiscard]] std::vector<size_t> named_by(const std::optional<policy::AttachedPolicy>& one,
                                               const std::optional<policy::AttachedPolicy>& other = std::nullopt) const;

private:
    std::unordered_map<uint64_t, std::vector<size_t>> by_hash_;  // of any of their names
    size_t count_ = 0;
};

}  // namespace proof
