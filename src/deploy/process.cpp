#include "deploy/process.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <thread>

#include "base/mutex.hpp"
#include "base/strings.hpp"
#include "os/process.hpp"

namespace deploy {

namespace {

constexpr size_t line_bytes_max = 1 << 20;  // a longer one is cut into several

class Process final : public Program {
public:
    Process(ProcessOptions options, std::unique_ptr<os::Process> process)
        : options_(std::move(options)), process_(std::move(process)), reader_([this] { watch(); }) {}

    ~Process() override {
        kill();
        reader_.join();
    }

    void interrupt() override {
        muted_ = true;
        process_->signal_group(SIGINT);
    }

    bool wait(int milliseconds) override {
        base::Lock lock(mutex_);
        return changed_.wait_for(mutex_, std::chrono::milliseconds(milliseconds), [this]() REQUIRES(mutex_) { return ended_; });
    }

    void kill() override {
        muted_ = true;
        process_->signal_group(SIGKILL);
        wait(5000);
    }

private:
    void deliver(std::string& buffer, bool is_error, bool all) {
        size_t start = 0;
        for (size_t end = buffer.find('\n'); end != std::string::npos; end = buffer.find('\n', start)) {
            if (!muted_) options_.line(buffer.substr(start, end - start), is_error);
            start = end + 1;
        }
        buffer.erase(0, start);
        if ((all && !buffer.empty()) || buffer.size() > line_bytes_max) {
            if (!muted_) options_.line(buffer, is_error);
            buffer.clear();
        }
    }

    void watch() {
        std::array<pollfd, 2> files = {pollfd{process_->output().number(), POLLIN, 0},
                                       pollfd{process_->error().number(), POLLIN, 0}};
        std::array<std::string, 2> buffers;
        size_t open = 2;
        std::optional<os::ExitStatus> status;
        // A grandchild may keep the pipes open: once the child itself is gone, only what is there already is read.
        while (open > 0) {
            const int ready = ::poll(files.data(), files.size(), status ? 0 : 50);
            if (ready < 0 && errno != EINTR) break;
            if (ready == 0 && status) break;
            for (size_t i = 0; ready > 0 && i < files.size(); ++i) {
                if (files.at(i).revents == 0) continue;
                std::array<char, 65536> bytes;
                const ssize_t count = ::read(files.at(i).fd, bytes.data(), bytes.size());
                if (count > 0) {
                    buffers.at(i).append(bytes.data(), static_cast<size_t>(count));
                    deliver(buffers.at(i), i == 1, false);
                } else if (count == 0 || errno != EINTR) {
                    files.at(i).fd = -1;
                    --open;
                }
            }
            if (!status) status = process_->wait_for(std::chrono::milliseconds(0));
        }
        if (!status) status = process_->wait();
        for (size_t i = 0; i < buffers.size(); ++i) deliver(buffers.at(i), i == 1, true);
        process_->output().close();
        process_->error().close();
        options_.ended(status->code);
        const base::Lock lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    }

    ProcessOptions options_;
    const std::unique_ptr<os::Process> process_;
    std::atomic<bool> muted_ = false;
    base::Mutex mutex_;
    base::Condition changed_;
    bool ended_ GUARDED_BY(mutex_) = false;
    std::thread reader_;  // last: it uses all the above
};

os::Environment merged_environment(const std::map<std::string, std::string>& additions) {
    os::Environment all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::string name(text.substr(0, text.find('=')));
        if (name.size() < text.size() && !additions.contains(name)) all.emplace_back(name, text.substr(name.size() + 1));
    }
    for (const auto& [key, value] : additions) all.emplace_back(key, value);
    return all;
}

}  // namespace

std::string find_executable(const std::string& name) {
    const char* path = std::getenv("PATH");
    for (std::string_view folder : base::split(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
        std::string candidate = std::string(folder.empty() ? "." : folder) + "/" + name;
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return "";
}

base::Result<std::unique_ptr<Program>> start_process(ProcessOptions options) {
    auto process = TRY(os::Process::spawn({.arguments = options.arguments,
                                           .environment = merged_environment(options.environment),
                                           .directory = options.folder.string(),
                                           .output = os::Stdio::pipe(),
                                           .error = os::Stdio::pipe(),
                                           .dies_with_us = true}));
    return std::make_unique<Process>(std::move(options), std::move(process));
}

}  // namespace deploy
