// The Action and NotAction elements: actions that there are, and what is allowed without need.
#pragma once

#include "lint/statement.hpp"

namespace lint {

void check_actions(const Document& document, Collector& out);
// iam:PassRole and iam:CreateServiceLinkedRole for any role.
void check_wide_grants(const Document& document, Collector& out);

}  // namespace lint
