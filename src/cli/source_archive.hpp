// The source of a training job as SageMaker's script mode wants it: sourcedir.tar.gz.
#pragma once

#include <string>

#include "base/result.hpp"

namespace cli {

// The bytes of a tar.gz with the one file, or with everything below the folder but hidden files and __pycache__. Links inside the
// folder are taken along as links. Errors: `FileNotFound`, `SourceTooLarge`; `InvalidSource`: a link that leads out of the folder
// or nowhere, or what is not a file.
[[nodiscard]] base::Result<std::string> pack_source(const std::string& path);

}  // namespace cli
