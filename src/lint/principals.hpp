// The Principal and NotPrincipal elements of resource policies; trust policies.
#pragma once

#include <vector>

#include "lint/statement.hpp"

namespace lint {

// One principal that a statement names.
struct PrincipalItem {
    std::string_view kind;  // AWS, Service, Federated, CanonicalUser; empty: the element is the string "*"
    std::string_view name;
    Place place;
};
[[nodiscard]] std::vector<PrincipalItem> principals_of(const Statement& statement);

void check_principals(const Document& document, Collector& out);
void check_trust(const Document& document, Collector& out);  // trust.cpp

}  // namespace lint
