// The source of a training job as SageMaker's script mode wants it: sourcedir.tar.gz.
#pragma once

#include <string>

#include "base/result.hpp"

namespace cli {

// The bytes of a tar.gz with the one file, or with everything below the folder (hidden files, __pycache__ and links left out).
// Errors: `FileNotFound`, `SourceTooLarge`.
[[nodiscard]] base::Result<std::string> pack_source(const std::string& path);

}  // namespace cli
