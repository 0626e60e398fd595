#include "slurm/step.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error_codes.hpp"
#include "slurm/allocation.hpp"

namespace slurm {
namespace {

constexpr size_t line_bytes_max = 64 * 1024;
constexpr size_t errors_bytes_max = 64 * 1024;

std::unexpected<base::Error> internal(const std::string& what) { return base::fail(base::code::InternalError, what); }

}  // namespace

base::Result<std::unique_ptr<Step>> Step::start(std::vector<std::string> command) {
    std::unique_ptr<Step> step(new Step);
    // Of one size, and no other: a node may say as much as it likes, and the server keeps the beginning.
    step->errors_ = os::Descriptor(::memfd_create("srun", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!step->errors_.is_open() || ::ftruncate(step->errors_.number(), errors_bytes_max) != 0 ||
        ::fcntl(step->errors_.number(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) != 0)
        return internal(std::string("cannot make a memory file: ") + std::strerror(errno));
    auto process = os::Process::spawn({.arguments = std::move(command),
                                       .environment = slurm_environment(),
                                       .directory = "/",
                                       .input = os::Stdio::pipe(),
                                       .output = os::Stdio::pipe(),
                                       .error = os::Stdio::descriptor(step->errors_.number())});
    if (!process) return internal(process.error().message);
    step->process_ = std::move(*process);
    return step;
}

std::unexpected<base::Error> Step::ended() {
    process_->input().close();
    const auto status = process_->wait_for(std::chrono::seconds(5));
    std::string said = errors();
    while (said.ends_with('\n')) said.pop_back();
    return internal("Slurm could not start a worker (srun: " + (status ? status->describe() : std::string("its output ended")) +
                    "): " + said);
}

base::Result<std::string> Step::read_line(std::chrono::steady_clock::time_point deadline, const std::function<bool()>& given_up) {
    // Byte by byte: what follows the line is for another reader.
    std::string line;
    for (;;) {
        if (given_up()) return base::fail(base::code::Cancelled, "the job was stopped");
        if (std::chrono::steady_clock::now() >= deadline) return internal("a node does not answer: " + errors());
        pollfd ready{process_->output().number(), POLLIN, 0};
        if (::poll(&ready, 1, 100) <= 0) continue;
        char c = '\0';
        const ssize_t got = ::read(process_->output().number(), &c, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return ended();
        if (c == '\n') return line;
        line += c;
        if (line.size() > line_bytes_max)
            return internal("a node answers with something else than a message: " + line.substr(0, 200));
    }
}

base::Result<void> Step::write(std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(process_->input().number(), text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return ended();
        text.remove_prefix(static_cast<size_t>(count));
    }
    return {};
}

training::LaunchedProcess Step::release() {
    training::LaunchedProcess out;
    out.output = std::move(process_->output());
    out.control = std::move(process_->input());
    auto released = process_->release();
    process_.reset();
    ::fcntl(out.output.number(), F_SETFL, O_NONBLOCK);
    out.process = released.process;
    out.ended = std::move(released.ended);
    out.is_proxy = true;
    return out;
}

std::string Step::errors() const {
    std::string text(errors_bytes_max, '\0');
    const ssize_t got = ::pread(errors_.number(), text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    text.resize(std::min(text.find('\0'), text.size()));  // what was not written yet
    return text;
}

}  // namespace slurm
