// A program that registers resources with a Monitor: a Python or Node process, or Pulumi YAML evaluated here.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "deploy/project.hpp"
#include "deploy/rpc/monitor.hpp"

namespace deploy {

struct ProgramOptions {
    const Project* project = nullptr;
    std::string stack;
    Config config;
    bool preview = false;
    bool transpile_only = false;  // TypeScript: the types were checked by the preview just before
    int parallel = 16;
    // A line it printed (without the newline; `is_error`: on stderr).
    std::function<void(const std::string& line, bool is_error)> line;
    // It ended; the error is empty when the program has told its own (exit status 32).
    std::function<void(std::optional<std::string> error)> ended;
};

class Program {
public:
    virtual ~Program() = default;
    // Asks it to stop and no longer shows what it says. Its Monitor's server may go away now.
    virtual void interrupt() = 0;
    // Waits until it has ended; false: it has not within that time.
    virtual bool wait(int milliseconds) = 0;
    virtual void kill() = 0;
};

// Is the project's runtime one that can be started? To be asked before anything is made for it.
[[nodiscard]] base::Result<void> check_runtime(const Project& project);

// Starts the project's program. `monitor` is where YAML registers, `address` is where processes find the same monitor.
[[nodiscard]] base::Result<std::unique_ptr<Program>> start_program(ProgramOptions options, rpc::Monitor& monitor,
                                                                   const std::string& address);

// The same for one language each.
[[nodiscard]] base::Result<std::unique_ptr<Program>> start_python(ProgramOptions options, const std::string& address);
[[nodiscard]] base::Result<std::unique_ptr<Program>> start_node(ProgramOptions options, const std::string& address);

// What every language host hands to its process: PULUMI_CONFIG and PULUMI_CONFIG_SECRET_KEYS. `infix` stands between namespace
// and name of a key: ":" for Python, ":config:" for Node.
[[nodiscard]] std::map<std::string, std::string> config_environment(const Config& config, std::string_view infix);

}  // namespace deploy
