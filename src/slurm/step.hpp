// One srun: the server's end of a worker on a node.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/descriptor.hpp"
#include "os/process.hpp"
#include "training/launch.hpp"

namespace slurm {

class Step {
public:
    // Error `InternalError`.
    [[nodiscard]] static base::Result<std::unique_ptr<Step>> start(std::vector<std::string> command);

    // The next line of its output. Errors `InternalError`: it ended, with what it said; `Cancelled`.
    [[nodiscard]] base::Result<std::string> read_line(std::chrono::steady_clock::time_point deadline,
                                                      const std::function<bool()>& given_up);
    [[nodiscard]] base::Result<void> write(std::string_view text);

    // Gives the process away; what follows still works.
    [[nodiscard]] training::LaunchedProcess release();
    [[nodiscard]] bool is_released() const { return process_ == nullptr; }
    // What srun, Slurm and the agent wrote to its standard error.
    [[nodiscard]] std::string errors() const;

private:
    Step() = default;
    [[nodiscard]] std::unexpected<base::Error> ended();
    std::unique_ptr<os::Process> process_;
    os::Descriptor errors_;  // a memory file
};

}  // namespace slurm
