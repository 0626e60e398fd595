#include "cli/train_log.hpp"

#include <array>
#include <cstdio>

#include "base/error_codes.hpp"
#include "cli/terminal.hpp"
#include "model/logs/operations.hpp"

namespace cli {
namespace {

namespace m = model::logs;

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
        m::GetLogEventsRequest asked{.log_group_name = group, .log_stream_name = stream, .start_from_head = true};
        std::string& token = tokens_[stream];
        if (!token.empty()) asked.next_token = token;
        const auto page = TRY(client_.call<m::GetLogEvents>(asked));
        const auto events = model::items(page.events);
        for (const auto& event : events) {
            const std::string message(model::text(event.message));
            print(prefix);
            if (raw_)
                print_exact(message + "\n");
            else
                print(Text::lines(message, below.string()) + "\n");
        }
        std::string next(model::text(page.next_forward_token));
        if (next == token || events.empty()) return {};
        token = next;
    }
}

base::Result<void> TrainLog::print_new() {
    auto found = client_.call<m::DescribeLogStreams>({.log_group_name = group, .log_stream_name_prefix = job_ + "/"});
    if (!found) {
        // No job has written anything yet.
        if (found.error().code == base::code::ResourceNotFoundException) return {};
        return base::fail(std::move(found).error());
    }
    for (const auto& stream : model::items(found->log_streams))
        TRY(print_stream(std::string(model::text(stream.log_stream_name))));
    std::fflush(stdout);
    return {};
}

}  // namespace cli
