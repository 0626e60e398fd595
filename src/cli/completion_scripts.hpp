// Scripts that complete the command line in a shell. They hold every command and option as they were when they were written: a package
// writes them when it is built.
#pragma once

#include <string>

#include "cli/description.hpp"

namespace cli {

std::string bash_completion(const Description& root);
std::string zsh_completion(const Description& root);
std::string fish_completion(const Description& root);

}  // namespace cli
