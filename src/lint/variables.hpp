// Policy variables: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`.
#pragma once

#include "lint/statement.hpp"

namespace lint {

void check_variables(const Document& document, Collector& out);

}  // namespace lint
