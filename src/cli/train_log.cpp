#include "cli/train_log.hpp"

#include <array>
#include <cstdio>

#include "cli/terminal.hpp"
#include "text/json.hpp"

namespace cli {
namespace {

using text::Json;

constexpr const char* group = "/aws/sagemaker/TrainingJobs";
constexpr std::array host_styles = {Style::cyan, Style::green, Style::yellow, Style::blue};

// <job>/algo-2-1700000000000 → algo-2
std::string host_of(const std::string& stream) {
    auto slash = stream.find('/');
    std::string rest = stream.substr(slash == std::string::npos ? 0 : slash + 1);
    return rest.substr(0, rest.rfind('-'));
}

Style style_of(const std::string& host) {
    int number = std::atoi(host.substr(host.rfind('-') + 1).c_str());
    return host_styles[static_cast<size_t>(number > 0 ? number - 1 : 0) % host_styles.size()];
}

}  // namespace

base::Result<void> TrainLog::print_stream(const std::string& stream) {
    const Text prefix = paint(style_of(host_of(stream)), Text(host_of(stream)) + " |") + " ";
    const Text below(std::string(host_of(stream).size(), ' ') + " | ");
    for (;;) {
        auto input = Json::object({{"logGroupName", group}, {"logStreamName", stream}, {"startFromHead", true}});
        std::string& token = tokens_[stream];
        if (!token.empty()) input.set("nextToken", token);
        Json page = TRY(client_.call("logs", "GetLogEvents", input));
        for (const Json& event : page["events"].items()) {
            const std::string& message = event["message"].as_string();
            print(prefix);
            if (raw_)
                print_exact(message + "\n");
            else
                print(Text::lines(message, below.string()) + "\n");
        }
        std::string next = page["nextForwardToken"].as_string();
        if (next == token || page["events"].size() == 0) return {};
        token = next;
    }
}

base::Result<void> TrainLog::print_new() {
    auto found =
        client_.call("logs", "DescribeLogStreams", Json::object({{"logGroupName", group}, {"logStreamNamePrefix", job_ + "/"}}));
    if (!found) {
        // No job has written anything yet.
        if (found.error().code == "ResourceNotFoundException") return {};
        return base::fail(std::move(found).error());
    }
    for (const Json& stream : (*found)["logStreams"].items()) TRY(print_stream(stream["logStreamName"].as_string()));
    std::fflush(stdout);
    return {};
}

}  // namespace cli
