// The log of a training job, followed over CloudWatch Logs.
#pragma once

#include <map>
#include <string>

#include "base/result.hpp"
#include "wire/client.hpp"

namespace cli {

class TrainLog {
public:
    // `raw`: what workers wrote, byte for byte; else as a terminal may be shown it.
    TrainLog(wire::Client& client, std::string job, bool raw) : client_(client), job_(std::move(job)), raw_(raw) {}
    // Prints what came since the last time, `algo-1 | line`, stream by stream.
    [[nodiscard]] base::Result<void> print_new();

private:
    [[nodiscard]] base::Result<void> print_stream(const std::string& stream);
    wire::Client& client_;
    std::string job_;
    bool raw_;
    std::map<std::string, std::string> tokens_;  // by stream: where to go on
};

}  // namespace cli
