// What a worker's output says about why it failed: the line that belongs in ErrorMessage of a FailureReason.
//
// The last line is that for a script that runs alone. Under mpirun and torchrun it is the launcher's: what counts is what the
// script said before. Pure.
#pragma once

#include <string>
#include <string_view>

#include "training/engine.hpp"

namespace training {

class FailureText {
public:
    explicit FailureText(Launcher launcher) : launcher_(launcher) {}
    void line(std::string_view text);
    // Empty: no line was the script's.
    [[nodiscard]] const std::string& best() const;

private:
    Launcher launcher_;
    bool in_traceback_ = false;
    bool launcher_speaks_ = false;
    std::string exception_;  // the last line of the first traceback
    std::string last_;       // the script's last line
};

}  // namespace training
