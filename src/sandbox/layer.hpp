// A tar archive, compressed or not, laid over a root file system: a layer of an OCI image, or a whole root file system.
//
// Source: OCI Image Format Specification 1.1, "Image Layer Filesystem Changeset" (whiteouts, opaque whiteouts).
//
// Nothing is ever written outside of the folder: entries that would leave it, or pass a link on their way, are refused.
#pragma once

#include <string>

#include "base/result.hpp"

namespace sandbox {

// Error `InvalidImage` names the entry.
[[nodiscard]] base::Result<void> apply_layer(const std::string& archive, const std::string& root);

// Lets every user read what the owner can read and pass what the owner can pass: folders that an archive did not mention have the
// server's own mask.
void open_to_all(const std::string& root);

}  // namespace sandbox
