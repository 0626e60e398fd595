#include "slurm/allocation.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "base/strings.hpp"

namespace slurm {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr auto answer_patience = 30s;  // one of Slurm's commands; they wait for a busy controller themselves
constexpr auto end_patience = 60s;     // Slurm's KillWait is 30 s
constexpr std::string_view name_prefix = "trainwarden-";

std::unexpected<base::Error> unavailable(const std::string& what, const std::string& remedy) {
    return base::fail(base::Error(base::code::SlurmUnavailable, what).note(remedy));
}

base::Result<os::Output> ask(std::vector<std::string> command) {
    return os::run({.arguments = std::move(command), .environment = slurm_environment(), .error_to_output = true},
                   answer_patience);
}

std::string trimmed(std::string_view text) { return std::string(base::trim(text)); }

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        if (end > 0) lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

// `name=value` in scontrol's one-line form.
std::string field(const std::string& line, const std::string& name) {
    const size_t at = (" " + line).find(" " + name + "=");
    if (at == std::string::npos) return "";
    const size_t start = at + name.size() + 1;
    return line.substr(start, line.find(' ', start) - start);
}

std::string comment_of(const Wanted& wanted) { return wanted.job + ";run=" + wanted.run + ";server=" + wanted.server; }

std::string megabytes_a_cpu(const Wanted& wanted) {
    const uint64_t megabytes = wanted.memory_bytes >> 20;
    return std::to_string(std::max<uint64_t>(1, megabytes / std::max(1U, wanted.cpus))) + "M";
}

// What srun's step takes is what salloc has asked for one task.
void add_size(const Wanted& wanted, std::vector<std::string>& command) {
    command.push_back("--cpus-per-task=" + std::to_string(std::max(1U, wanted.cpus)));
    if (wanted.memory_bytes > 0) command.push_back("--mem-per-cpu=" + megabytes_a_cpu(wanted));
    if (wanted.gpus > 0) command.push_back("--gpus-per-task=" + std::to_string(wanted.gpus));
}

void cancel(const std::string& id) {
    auto done = ask({"scancel", "--quiet", id});
    if (!done)
        base::log_error("the Slurm job " + id + " could not be cancelled: " + done.error().message);
    else if (!done->status.success())
        base::log_error("the Slurm job " + id + " could not be cancelled: " + trimmed(done->output));
}

// squeue's `format` of a job that Slurm still has; empty: it has none.
std::string look_at(const std::string& id, const std::string& format) {
    auto seen = ask({"squeue", "--noheader", "--states=all", "--jobs=" + id, "--format=" + format});
    return seen && seen->status.success() ? trimmed(seen->output) : "";
}

// Nothing of it runs any more: Slurm says COMPLETING as long as something does.
bool is_over(const std::string& id) {
    auto seen =
        ask({"squeue", "--noheader", "--states=PENDING,CONFIGURING,RUNNING,SUSPENDED,COMPLETING,STAGE_OUT,STOPPED,SIGNALING",
             "--jobs=" + id, "--format=%T"});
    if (!seen) return false;
    if (seen->status.success()) return trimmed(seen->output).empty();
    return seen->output.find("Invalid job id") != std::string::npos;  // forgotten already
}

bool await_end(const std::string& id, std::chrono::seconds patience) {
    const auto deadline = Steady::now() + patience;
    for (auto pause = 20ms; !is_over(id); pause = std::min(pause * 2, 1000ms)) {
        if (Steady::now() >= deadline) return false;
        std::this_thread::sleep_for(pause);
    }
    return true;
}

// salloc while it waits.
class Waiting {
public:
    explicit Waiting(std::unique_ptr<os::Process> process) : process_(std::move(process)) {
        ::fcntl(process_->error().number(), F_SETFL, O_NONBLOCK);
    }
    ~Waiting() {
        // Asked to end, salloc takes its request back; an allocation that it got meanwhile is ours to give back.
        if (process_->wait_for(0ms)) return;
        process_->terminate(5s);
        read();
        if (const auto words = read_salloc(text_); !words.id.empty()) cancel(words.id);
    }

    // Its exit status, when it has ended within this time.
    std::optional<os::ExitStatus> wait(std::chrono::milliseconds time) {
        pollfd said{process_->error().number(), POLLIN, 0};
        ::poll(&said, 1, static_cast<int>(time.count()));
        read();
        if ((said.revents & POLLHUP) == 0) return process_->wait_for(0ms);
        return process_->wait_for(time);
    }
    [[nodiscard]] SallocWords words() {
        read();
        return read_salloc(text_);
    }

private:
    void read() {
        char buffer[4096];
        for (ssize_t got; (got = ::read(process_->error().number(), buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR);) {
            if (got > 0) text_.append(buffer, static_cast<size_t>(got));
        }
    }
    std::unique_ptr<os::Process> process_;
    std::string text_;
};

}  // namespace

os::Environment slurm_environment() {
    os::Environment environment = {{"LC_ALL", "C"}};
    for (const char* name : {"PATH", "HOME", "SLURM_CONF"}) {
        if (const char* value = std::getenv(name)) environment.emplace_back(name, value);
    }
    return environment;
}

base::Result<std::optional<Munge>> check_cluster() {
    const std::string packages =
        "install Slurm's client programs (Debian package slurm-client) on this machine; see docs/slurm.md";
    for (const char* program : {"salloc", "srun", "squeue", "scancel", "scontrol"}) {
        auto said = ask({program, "--version"});
        if (!said || !said->status.success())
            return unavailable(std::string("--launcher slurm needs `") + program + "`, and it is not here", packages);
    }
    auto said = ask({"scontrol", "ping"});
    if (said && said->output.find(" is UP") != std::string::npos) {
        const auto configuration = ask({"scontrol", "show", "config"});
        if (!configuration || !configuration->status.success())
            return unavailable("`scontrol show config` says nothing: " +
                                   (configuration ? trimmed(configuration->output) : configuration.error().message),
                               "see whether it works for this user");
        const auto munge = read_configuration(configuration->output);
        if (!munge) return munge;
        const auto made = munge->encode("trainwarden", "test");
        if (!made) return unavailable(made.error().message, "start munged on this machine, or say why `munge -n` fails");
        return munge;
    }
    return unavailable("Slurm's controller does not answer: " + (said ? trimmed(said->output) : said.error().message),
                       "start slurmctld and munged, or say where slurm.conf is by the environment variable SLURM_CONF");
}

base::Result<size_t> end_leftovers(const std::string& server) {
    auto listed = ask({"squeue", "--noheader", "--user=" + std::to_string(::getuid()), "--format=%i|%j|%k"});
    if (!listed || !listed->status.success()) {
        return unavailable("the allocations of an earlier server cannot be listed: " +
                               (listed ? trimmed(listed->output) : listed.error().message),
                           "see whether `squeue` works for this user");
    }
    std::vector<std::string> left;
    for (const auto& line : lines_of(listed->output)) {
        const auto fields = base::split(line, '|');
        if (fields.size() < 3 || !fields[1].starts_with(name_prefix) || !line.ends_with(";server=" + server)) continue;
        left.emplace_back(fields[0]);
        cancel(left.back());
    }
    for (const auto& id : left) {
        if (!await_end(id, end_patience))
            base::log_error("the Slurm job " + id + " of an earlier server does not end: see `scontrol show job " + id + "`");
    }
    return left.size();
}

base::Result<std::vector<std::string>> split_options(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool open = false;
    char quote = '\0';
    for (const char c : text) {
        if (quote != '\0') {
            if (c == quote)
                quote = '\0';
            else
                word += c;
        } else if (c == '"' || c == '\'') {
            quote = c;
            open = true;
        } else if (c == ' ' || c == '\t' || c == '\n') {
            if (open) words.push_back(std::move(word));
            word.clear();
            open = false;
        } else {
            word += c;
            open = true;
        }
    }
    if (quote != '\0') return base::fail(base::Error(base::code::InvalidOptions, "a quotation in --slurm-options does not end"));
    if (open) words.push_back(std::move(word));
    for (const auto& one : words) {
        if (!one.starts_with('-') || one == "-" || one == "--")
            return base::fail(
                base::Error(base::code::InvalidOptions, "`" + one + "` in --slurm-options is not an option of salloc")
                    .note("write each as one word: --partition=gpu, not --partition gpu"));
    }
    return words;
}

SallocWords read_salloc(std::string_view text) {
    SallocWords words;
    for (const auto& line : lines_of(text)) {
        for (std::string_view before : {"salloc: Pending job allocation ", "salloc: Granted job allocation "}) {
            if (line.starts_with(before)) words.id = trimmed(std::string_view(line).substr(before.size()));
        }
        constexpr std::string_view error = "salloc: error: ";
        if (line.starts_with(error)) words.last_error += (words.last_error.empty() ? "" : "; ") + line.substr(error.size());
    }
    return words;
}

base::Result<std::unique_ptr<Allocation>> Allocation::take(const Wanted& wanted, const std::function<bool()>& given_up,
                                                           const std::function<void(const std::string&)>& pending) {
    std::vector<std::string> command = {"salloc",
                                        "--no-shell",
                                        "--no-bell",
                                        "--wait-all-nodes=1",
                                        "--job-name=" + wanted.name,
                                        "--comment=" + comment_of(wanted),
                                        "--ntasks=" + std::to_string(wanted.workers),
                                        "--time=" + std::to_string(wanted.minutes)};
    add_size(wanted, command);
    command.insert(command.end(), wanted.options.begin(), wanted.options.end());
    auto process = os::Process::spawn({.arguments = std::move(command),
                                       .environment = slurm_environment(),
                                       .directory = "/",
                                       .output = os::Stdio::nothing(),
                                       .error = os::Stdio::pipe()});
    if (!process) return base::fail(base::code::InternalError, process.error().message);
    std::string reason;
    {
        Waiting salloc(std::move(*process));
        auto look_again = Steady::now() + 500ms;
        for (;;) {
            if (auto ended = salloc.wait(100ms)) {
                const auto words = salloc.words();
                if (ended->success() && !words.id.empty()) return std::unique_ptr<Allocation>(new Allocation(words.id, wanted));
                // A request that was refused has no number; one that has one was taken away while it waited.
                if (words.id.empty())
                    return base::fail(base::code::CapacityError, "Slurm has no such machines: " + words.last_error);
                return base::fail(base::code::InternalError,
                                  "Slurm took the request back while it waited (job " + words.id + ": " + words.last_error + ")");
            }
            if (given_up()) return base::fail(base::code::Cancelled, "the job was stopped");
            if (Steady::now() < look_again) continue;
            look_again = Steady::now() + 1s;
            const std::string id = salloc.words().id;
            const std::string seen = id.empty() ? "" : look_at(id, "%T|%r");
            if (!seen.starts_with("PENDING|") || seen == reason) continue;
            reason = seen;
            pending("Waiting for machines of the Slurm cluster (job " + id + ": " + seen.substr(seen.find('|') + 1) + ")");
        }
    }
}

Allocation::~Allocation() {
    if (!is_over(id_)) cancel(id_);
}

bool Allocation::end() {
    cancel(id_);
    return await_end(id_, end_patience);
}

std::vector<std::string> Allocation::step_command() const {
    std::vector<std::string> command = {"srun",          "--jobid=" + id_, "--nodes=1",        "--ntasks=1", "--exact",
                                        "--export=NONE", "--chdir=/",      "--propagate=NONE", "--mpi=none"};
    add_size(wanted_, command);
    return command;
}

std::string Allocation::state() const {
    const auto deadline = Steady::now() + end_patience;
    for (auto pause = 20ms;; pause = std::min(pause * 2, 1000ms)) {
        auto shown = ask({"scontrol", "--oneliner", "show", "job", id_});
        if (!shown || !shown->status.success()) return "job " + id_ + " is unknown to Slurm";
        const std::string state = field(shown->output, "JobState"), reason = field(shown->output, "Reason");
        // How it ended is known when it has.
        if (state != "COMPLETING" || Steady::now() >= deadline)
            return "job " + id_ + " is " + state + (reason.empty() || reason == "None" ? "" : " (reason: " + reason + ")");
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace slurm
