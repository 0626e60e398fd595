#include "deploy/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "base/strings.hpp"

namespace deploy {

namespace {

constexpr size_t line_bytes_max = 1 << 20;  // a longer one is cut into several

class Process final : public Program {
public:
    Process(ProcessOptions options, pid_t pid, int output, int errors)
        : options_(std::move(options)), pid_(pid), output_(output), errors_(errors), reader_([this] { watch(); }) {}

    ~Process() override {
        kill();
        reader_.join();
    }

    void interrupt() override {
        muted_ = true;
        signal_group(SIGINT);
    }

    bool wait(int milliseconds) override {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::milliseconds(milliseconds), [this] { return ended_; });
    }

    void kill() override {
        muted_ = true;
        signal_group(SIGKILL);
        wait(5000);
    }

private:
    // The process is reaped under the lock, so its number is ours until then.
    void signal_group(int number) {
        const std::lock_guard lock(mutex_);
        if (!reaped_) ::kill(-pid_, number);
    }

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
        std::array<pollfd, 2> files = {pollfd{output_, POLLIN, 0}, pollfd{errors_, POLLIN, 0}};
        std::array<std::string, 2> buffers;
        size_t open = 2;
        int status = 0;
        bool reaped = false;
        // A grandchild may keep the pipes open: once the child itself is gone, only what is there already is read.
        while (open > 0) {
            const int ready = ::poll(files.data(), files.size(), reaped ? 0 : 50);
            if (ready < 0 && errno != EINTR) break;
            if (ready == 0 && reaped) break;
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
            if (!reaped) reaped = reap(status, WNOHANG);
        }
        if (!reaped) reap(status, 0);
        for (size_t i = 0; i < buffers.size(); ++i) deliver(buffers.at(i), i == 1, true);
        ::close(output_);
        ::close(errors_);
        options_.ended(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        const std::lock_guard lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    }

    bool reap(int& status, int flags) {
        // WNOWAIT first: the number stays taken while another thread may signal it.
        siginfo_t info{};
        if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | flags) != 0 || info.si_pid == 0) return false;
        const std::lock_guard lock(mutex_);
        ::kill(-pid_, SIGKILL);  // what the program itself started and left behind
        ::waitpid(pid_, &status, 0);
        reaped_ = true;
        return true;
    }

    ProcessOptions options_;
    const pid_t pid_;
    const int output_, errors_;
    std::atomic<bool> muted_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ended_ = false, reaped_ = false;
    std::thread reader_;  // last: it uses all the above
};

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& additions) {
    std::vector<std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        if (!additions.contains(std::string(text.substr(0, text.find('='))))) all.emplace_back(text);
    }
    for (const auto& [key, value] : additions) all.push_back(key + "=" + value);
    return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (std::string& text : strings) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
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
    std::array<int, 2> output{}, errors{}, failure{};
    if (::pipe2(output.data(), O_CLOEXEC) != 0 || ::pipe2(errors.data(), O_CLOEXEC) != 0 ||
        ::pipe2(failure.data(), O_CLOEXEC) != 0)
        return base::fail("ProcessError", std::string("cannot make a pipe: ") + std::strerror(errno));
    // Everything that allocates happens before the fork: other threads hold locks that the child would never get.
    std::vector<std::string> environment = merged_environment(options.environment);
    std::vector<char*> environment_pointers = pointers(environment);
    std::vector<char*> argument_pointers = pointers(options.arguments);
    const std::string folder = options.folder.string();
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::setpgid(0, 0);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(127);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::signal(SIGPIPE, SIG_DFL);
        const int null = ::open("/dev/null", O_RDONLY);
        ::dup2(null, STDIN_FILENO);
        ::dup2(output[1], STDOUT_FILENO);
        ::dup2(errors[1], STDERR_FILENO);
        if (::chdir(folder.c_str()) == 0) ::execve(argument_pointers[0], argument_pointers.data(), environment_pointers.data());
        const int error = errno;
        [[maybe_unused]] const ssize_t told = ::write(failure[1], &error, sizeof error);
        ::_exit(127);
    }
    ::close(output[1]);
    ::close(errors[1]);
    ::close(failure[1]);
    int error = pid < 0 ? errno : 0;
    if (pid > 0 && ::read(failure[0], &error, sizeof error) == sizeof error) ::waitpid(pid, nullptr, 0);
    ::close(failure[0]);
    if (error != 0) {
        ::close(output[0]);
        ::close(errors[0]);
        return base::fail("ProcessError", "cannot start " + options.arguments[0] + ": " + std::strerror(error));
    }
    return std::make_unique<Process>(std::move(options), pid, output[0], errors[0]);
}

}  // namespace deploy
