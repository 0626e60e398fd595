// Records of every room in the store: can each be read, and is what it belongs to there.
#pragma once

#include "admin/check.hpp"
#include "store/store_copy.hpp"

namespace admin {

[[nodiscard]] base::Result<void> check_records(const store::Snapshot& keys, const CheckOptions& options, CheckReport& report);

}  // namespace admin
