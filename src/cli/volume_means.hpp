// Why a server that the user of this shell starts would have no volumes for training jobs (room `sandbox` tries one, at the server's
// start): `doctor` says so before.
#pragma once

#include <string>

namespace cli {

struct MissingMeans {
    std::string what, remedy;
};
// `what` is "" where nothing is missing.
[[nodiscard]] MissingMeans missing_for_volumes();

}  // namespace cli
