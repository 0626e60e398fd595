#include "training/workers.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include "os/child.hpp"
#include "sandbox/inside/spec.hpp"
#include "training/limits.hpp"

namespace training {

namespace {

constexpr size_t output_bytes_max = 1 << 20;       // of one worker, read before the next is looked at
constexpr size_t last_output_bytes_max = 4 << 20;  // of one that has ended: more than a pipe holds

void ask_to_end(const LaunchedProcess& process) {
    if (!process.control.is_open()) {
        if (process.is_proxy) return;  // it was told to end at once
        ::kill(-process.process, SIGTERM);
        return;
    }
    ssize_t ignored = ::write(process.control.number(), &sandbox::word_terminate, 1);
    (void)ignored;  // A process that does not read any more has ended.
}

}  // namespace

Workers::~Workers() {
    kill_all();
    for (size_t host = 0; host < workers_.size(); ++host) {
        if (workers_[host].running) reap(host);
    }
}

void Workers::add(LaunchedProcess process, LogWriter log) { workers_.push_back({std::move(process), std::move(log), true, 0}); }

void Workers::remark(size_t host, const std::string& text) {
    workers_[host].log.write("[trainwarden] " + text + "\n", clock_.now());
}

bool Workers::any_running() const {
    return std::any_of(workers_.begin(), workers_.end(), [](const One& one) { return one.running; });
}

void Workers::terminate(std::chrono::seconds grace) {
    auto due = std::chrono::steady_clock::now() + grace;
    kill_at_ = std::min(kill_at_, due);
    terminating_ = true;
    for (size_t host = 0; host < workers_.size(); ++host) {
        if (!workers_[host].running) continue;
        if (watcher_ != nullptr) watcher_->before_end(host);
        ask_to_end(workers_[host].process);
    }
}

void Workers::kill_all() {
    for (size_t host = 0; host < workers_.size(); ++host) {
        One& one = workers_[host];
        if (!one.running) continue;
        if (watcher_ != nullptr) watcher_->before_end(host);
        // A proxy ends when its worker has; only one that was told so before and stays is killed itself.
        if (one.process.is_proxy && one.process.control.is_open()) {
            one.process.control.close();
            one.proxy_ends = std::chrono::steady_clock::now() + proxy_grace;
        } else if (!one.process.is_proxy || std::chrono::steady_clock::now() >= one.proxy_ends) {
            ::kill(-one.process.process, SIGKILL);
        }
    }
}

// At most so much at once: who writes without end must not keep this thread from what else happens.
void Workers::drain(One& one, size_t bytes_max) {
    std::array<char, 65536> buffer;
    for (size_t done = 0; one.process.output.is_open() && done < bytes_max; done += buffer.size()) {
        ssize_t count = ::read(one.process.output.number(), buffer.data(), buffer.size());
        if (count > 0) {
            one.log.write({buffer.data(), static_cast<size_t>(count)}, clock_.now());
            continue;
        }
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return;
        one.process.output.close();
    }
}

// Gives it the time it has left to report its worker's end.
void Workers::await_proxy(const One& one) {
    pollfd ended{one.process.ended.number(), POLLIN, 0};
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(one.proxy_ends - std::chrono::steady_clock::now());
        if (left.count() <= 0 || ::poll(&ended, 1, static_cast<int>(std::min<int64_t>(left.count(), 60'000))) > 0) return;
    }
}

// The worker has ended (or is about to, after SIGKILL): its exit code, and the end of whatever it left behind in its group.
void Workers::reap(size_t host) {
    One& one = workers_[host];
    if (one.process.is_proxy) await_proxy(one);
    // While the leader is unreaped its group id cannot be reused.
    ::kill(-one.process.process, SIGKILL);
    one.exit_code = os::reap(one.process.process).code;
    one.running = false;
    if (watcher_ != nullptr) watcher_->ended(host, one.exit_code);
    // What is in the pipe; a process that has left the group and still writes into it is not waited for.
    drain(one, last_output_bytes_max);
    one.process.output.close();
    one.log.close(clock_.now());
    if (one.exit_code != 0 && !terminating_) {
        ended_ = {Ended::How::failed, host, one.exit_code, one.log.last_line()};
        terminate(sibling_grace);
    }
}

void Workers::on_wake() {
    uint64_t count = 0;
    while (::read(wake_, &count, sizeof count) < 0 && errno == EINTR) {
    }
    StopReason reason = stop_.load();
    if (reason == StopReason::none || ended_.how == Ended::How::shutdown) return;
    if (reason == StopReason::shutdown) {
        ended_ = {Ended::How::shutdown, 0, 0, ""};
        terminate(std::chrono::seconds{3});
    } else if (!terminating_) {
        ended_ = {reason == StopReason::interrupted ? Ended::How::interrupted : Ended::How::stopped, 0, 0, ""};
        // Who has written too much would go on writing.
        terminate(reason == StopReason::disk_full      ? std::chrono::seconds{0}
                  : reason == StopReason::input_failed ? sibling_grace
                                                       : stop_grace);
    }
}

int Workers::patience(Moment now) const {
    Moment due = terminating_ ? kill_at_ : runtime_end_;
    if (due == Moment::max()) return -1;
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(due - now).count() + 1;
    return static_cast<int>(std::clamp<int64_t>(left, 0, std::numeric_limits<int>::max()));
}

Ended Workers::wait(std::chrono::seconds runtime_max) {
    runtime_end_ = std::chrono::steady_clock::now() + runtime_max;
    std::vector<pollfd> watched;
    while (any_running()) {
        watched.assign(1, {wake_, POLLIN, 0});
        for (const auto& one : workers_) {
            watched.push_back({one.running ? one.process.ended.number() : -1, POLLIN, 0});
            watched.push_back({one.process.output.number(), POLLIN, 0});
        }
        ::poll(watched.data(), watched.size(), patience(std::chrono::steady_clock::now()));
        if (watched[0].revents != 0) on_wake();
        for (size_t host = 0; host < workers_.size(); ++host) {
            if (watched[2 + 2 * host].revents != 0) drain(workers_[host], output_bytes_max);
            if (workers_[host].running && watched[1 + 2 * host].revents != 0) reap(host);
        }
        auto now = std::chrono::steady_clock::now();
        if (!terminating_ && now >= runtime_end_) {
            ended_ = {Ended::How::runtime_exceeded, 0, 0, ""};
            terminate(stop_grace);
        }
        if (terminating_ && now >= kill_at_) {
            kill_all();
            kill_at_ = now + std::chrono::seconds{1};  // A process that a debugger or the kernel holds: ask again.
        }
    }
    return ended_;
}

}  // namespace training
