// A child process in a process group of its own, its output read line by line. It dies when we do, however we die: a program left
// alone could go on registering with no engine.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "deploy/program.hpp"

namespace deploy {

struct ProcessOptions {
    std::vector<std::string> arguments;              // the first is the executable's path
    std::map<std::string, std::string> environment;  // on top of ours
    std::filesystem::path folder;
    std::function<void(const std::string&, bool)> line;
    // How it ended, once, after its last line: an exit status, or 128 + the signal that killed it.
    std::function<void(int status)> ended;
};

// Call it from a thread that lives as long as the child should: the kernel ties the child's life to the thread that made it.
[[nodiscard]] base::Result<std::unique_ptr<Program>> start_process(ProcessOptions options);

// The executable of this name in PATH, or "".
[[nodiscard]] std::string find_executable(const std::string& name);

}  // namespace deploy
