#include "slurm/launcher.hpp"

#include <filesystem>
#include <fstream>
#include <limits>
#include <utility>

#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "slurm/allocation.hpp"
#include "slurm/message.hpp"
#include "slurm/overlay.hpp"
#include "slurm/step.hpp"

namespace slurm {
namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

constexpr size_t workers_max = 254;                     // addresses of 10.77.0.0/24
constexpr std::chrono::seconds node_patience{120};      // from srun to Hello, from the task to Started
constexpr std::chrono::minutes data_patience{60};       // for what is not the workers' own runtime: their data
constexpr std::string_view marker_name = ".slurm-run";  // in the job's folder: who reads it there sees the same file system

std::string boot_of_this_machine() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string boot;
    std::getline(file, boot);
    return boot;
}

base::Result<std::string> own_program() {
    std::error_code error;
    auto path = fs::read_symlink("/proc/self/exe", error);
    if (error) return base::fail(base::code::SlurmUnavailable, "cannot learn where this program is: " + error.message());
    return path.string();
}

std::string describe(training::InputMode mode) { return mode == training::InputMode::pipe ? "Pipe" : "FastFile"; }

}  // namespace

class SlurmConfinement final : public training::Confinement {
public:
    explicit SlurmConfinement(Launcher& launcher) : launcher_(launcher) {}
    ~SlurmConfinement() override {
        for (auto& worker : workers_) {
            if (worker.is_admitted) launcher_.gateway_->dismiss(worker.hello.fingerprint);
        }
        workers_.clear();
        allocation_.reset();
        std::error_code error;
        if (!marker_.empty()) fs::remove(marker_, error);
    }

    base::Result<void> begin(const training::Plan& plan, std::vector<training::WorkerPlace>& places,
                             const training::Attempt& attempt) override {
        if (places.size() > workers_max)
            return base::fail(base::code::ClientError,
                              "On Slurm a job has at most " + std::to_string(workers_max) + " instances");
        given_up_ = attempt.given_up;
        run_ = attempt.job.run_id;
        for (const auto& channel : plan.channels) {
            if (channel.mode == training::InputMode::fast_file) mounted_.push_back(channel.name);
        }
        auto image = launcher_.images_.find(plan.image);
        if (!image) return base::fail(base::code::ClientError, image.error().message);
        image_ = std::move(*image);
        if (sandbox::is_host_image(plan.image)) shared_ = launcher_.settings_.shared;
        if (!plan.network_isolation) server_ = TRY(training::address_of(places.front().aws_endpoint));
        hosts_ = training::hosts_file(plan);
        TRY(write_marker(places.front().folder));
        allocation_ = TRY(Allocation::take(wanted(plan, places, attempt.job), attempt.given_up, attempt.pending));
        TRY(start_agents(plan));
        training::furnish_sandboxes(plan, image_, server_.has_value(), places);
        return {};
    }

    base::Result<training::LaunchedProcess> launch(const training::WorkerPlace& place, const std::string& host_name,
                                                   std::vector<std::string> command, training::Environment environment,
                                                   std::string working_directory) override {
        Worker& worker = workers_[place.index];
        Task task;
        task.command = std::move(command);
        task.environment = std::move(environment);
        task.directory = std::move(working_directory);
        task.host = host_name;
        task.folder = place.folder;
        task.hosts = hosts_;
        for (const auto& channel : mounted_) task.mounts.push_back(place.folder + "/ml/input/data/" + channel);
        task.image_root = image_.root;
        task.shared = shared_;
        task.gpus = place.gpus > 0;
        task.cpus = place.cpus;
        task.memory_bytes = place.memory_bytes;
        task.processes_max = training::processes_max;
        task.index = static_cast<uint16_t>(place.index);
        uint32_t mtu = std::numeric_limits<uint32_t>::max();
        for (const auto& one : workers_) {
            task.siblings.push_back({one.hello.address, one.hello.port, one.hello.fingerprint});
            mtu = std::min(mtu, one.hello.mtu);
        }
        task.mtu = overlay_mtu(mtu);
        if (server_) task.server = Task::Server{server_->address, server_->port};
        worker.output = TRY(Output::make());
        std::string json = to_json(task);
        if (json.size() > task_bytes_max)
            return base::fail(base::code::LaunchFailed,
                              "the worker's command and environment have more than " + std::to_string(task_bytes_max) + " bytes");
        TRY(launcher_.gateway_->admit(worker.hello.fingerprint,
                                      {.task = std::move(json),
                                       .endpoints = server_ ? launcher_.settings_.endpoints->open(place.token) : nullptr,
                                       .output = worker.output.get()}));
        worker.is_admitted = true;
        const std::string ready = TRY(ready_line(worker));
        TRY(worker.step->write(ready));
        const auto started = parse_started(TRY(worker.step->read_line(Steady::now() + node_patience, given_up_)));
        if (!started) return base::fail(base::code::InternalError, started.error().message);
        if (!started->problem.empty())
            return base::fail(base::code::LaunchFailed, started->problem + " (on node " + worker.hello.node + ")");
        auto launched = worker.step->release();
        worker.silent = std::exchange(launched.output, worker.output->take_reader());
        return launched;
    }

    std::vector<std::string> remarks(const training::WorkerPlace& place) const override {
        return {"on node " + workers_[place.index].hello.node + " of the Slurm cluster, in job " + allocation_->id()};
    }

    bool memory_was_exhausted(size_t worker) const override {
        const std::string errors = workers_[worker].step->errors();
        // Ours, or what Slurm's own control groups say (slurmstepd).
        return errors.find(word_out_of_memory) != std::string::npos || errors.find("oom_kill event") != std::string::npos ||
               errors.find("oom-kill event") != std::string::npos;
    }

    std::optional<std::string> taken_away(size_t worker) const override {
        if (has_ended_by_itself(worker)) return std::nullopt;
        std::string said = workers_[worker].step->errors();
        std::string why = "The machine of a worker was taken away by Slurm: " + allocation_->state();
        // The first of Slurm's own lines says most: `slurmstepd-n1: error: *** STEP 12.0 ON n1 CANCELLED AT … DUE TO TIME LIMIT
        // ***`.
        if (const size_t stars = said.find("*** "); stars != std::string::npos)
            why += ", " + said.substr(stars + 4, said.find(" ***", stars + 4) - stars - 4);
        else if (!said.empty())
            why += ", " + said.substr(0, said.find('\n'));
        return why;
    }

    void settle() override {
        bool all = true;
        for (size_t i = 0; i < workers_.size(); ++i) all = all && (!workers_[i].step->is_released() || has_ended_by_itself(i));
        if (all || allocation_->end()) return;
        base::log_error("the Slurm " + allocation_->state() + ", and does not end: workers of the run " + run_ +
                        " may still be running");
    }

private:
    struct Worker {
        std::unique_ptr<Step> step;
        Hello hello;
        bool is_admitted = false;  // at the gateway
        std::unique_ptr<Output> output;
        os::Descriptor silent;  // srun's output: the worker's comes over TLS
    };

    [[nodiscard]] bool has_ended_by_itself(size_t worker) const {
        return workers_[worker].step->errors().find(word_ended) != std::string::npos;
    }

    base::Result<void> write_marker(const std::string& worker_folder) {
        const std::string folder = fs::path(worker_folder).parent_path().string();
        std::error_code error;
        fs::create_directories(folder, error);
        marker_ = folder + "/" + std::string(marker_name);
        std::ofstream file(marker_, std::ios::trunc);
        file << run_;
        file.close();
        if (!file) return base::fail(base::code::InternalError, "cannot write " + marker_);
        return {};
    }

    // Slurm gives every task of an allocation the same: the most that one of the job's instance types has.
    Wanted wanted(const training::Plan& plan, const std::vector<training::WorkerPlace>& places, const training::Job& job) const {
        Wanted wanted;
        wanted.name = "trainwarden-" + job.id.name;
        wanted.job = job.id.arn();
        wanted.run = job.run_id;
        wanted.server = launcher_.settings_.server;
        wanted.workers = places.size();
        for (const auto& place : places) {
            wanted.cpus = std::max(wanted.cpus, place.cpus);
            wanted.gpus = std::max(wanted.gpus, place.gpus);
            wanted.memory_bytes = std::max(wanted.memory_bytes, place.memory_bytes);
        }
        wanted.minutes = std::chrono::ceil<std::chrono::minutes>(plan.runtime_max + data_patience).count();
        wanted.options = launcher_.options_;
        return wanted;
    }

    base::Result<void> start_agents(const training::Plan& plan) {
        auto command = allocation_->step_command();
        for (const std::string& word :
             {launcher_.settings_.program, std::string("slurm-worker"), marker_, run_, to_argument(launcher_.munge_)})
            command.push_back(word);
        for (size_t i = 0; i < plan.hosts.size(); ++i) workers_.push_back({.step = TRY(Step::start(command))});
        const auto deadline = Steady::now() + node_patience;
        const std::string here = boot_of_this_machine();
        for (auto& worker : workers_) {
            const std::string line = TRY(worker.step->read_line(deadline, given_up_));
            worker.hello = TRY(hello_of(line));
            if (!worker.hello.problem.empty())
                return base::fail(base::code::InternalError,
                                  "The node " + worker.hello.node + " cannot run workers: " + worker.hello.problem);
            for (const auto& channel : plan.channels) {
                if (channel.mode == training::InputMode::file || worker.hello.boot == here) continue;
                return base::fail(base::code::ClientError, "The channel " + channel.name + " has the input mode " +
                                                               describe(channel.mode) +
                                                               ", which needs its workers on the server's own machine, and " +
                                                               worker.hello.node + " is another. Use the input mode File.");
            }
        }
        return {};
    }

    // A line in the clear can only say why there is no worker.
    [[nodiscard]] base::Result<Hello> hello_of(const std::string& line) const {
        const auto problem = [](const base::Error& error) { return base::fail(base::code::InternalError, error.describe()); };
        auto hello = parse_hello(line);
        if (!launcher_.munge_ || (hello && !hello->problem.empty())) return hello ? hello : problem(hello.error());
        const auto said = launcher_.munge_->decode(purpose_of_hello(run_), line);
        if (!said)
            return problem(base::Error(
                said.error().code, "Who answers for a node does not show that it is this cluster's: " + said.error().describe()));
        hello = parse_hello(*said);
        return hello ? hello : problem(hello.error());
    }

    [[nodiscard]] base::Result<std::string> ready_line(const Worker& worker) const {
        const std::string line = to_line(Ready{launcher_.gateway_->port(), launcher_.gateway_->fingerprint()});
        return launcher_.munge_ ? launcher_.munge_->encode(purpose_of_ready(run_, worker.hello.fingerprint), line) : line;
    }

    Launcher& launcher_;
    std::function<bool()> given_up_;
    std::string run_, marker_, hosts_;
    sandbox::Image image_;
    std::vector<std::string> shared_, mounted_;
    std::optional<sandbox::SocketAddress> server_;  // none: EnableNetworkIsolation
    std::unique_ptr<Allocation> allocation_;
    std::vector<Worker> workers_;
};

base::Result<std::unique_ptr<Launcher>> Launcher::open(Settings settings) {
    std::unique_ptr<Launcher> launcher(new Launcher(std::move(settings)));
    launcher->options_ = TRY(split_options(launcher->settings_.options));
    if (launcher->settings_.program.empty()) launcher->settings_.program = TRY(own_program());
    launcher->munge_ = TRY(check_cluster());
    if (!launcher->munge_)
        base::log_warn(
            "this Slurm cluster does not use munge: who can change what srun carries can put itself between server and nodes");
    if (const size_t ended = TRY(end_leftovers(launcher->settings_.server)); ended > 0)
        base::log_warn("cancelled " + std::to_string(ended) + " Slurm jobs of an earlier server");
    launcher->gateway_ = TRY(Gateway::start());
    return launcher;
}

std::unique_ptr<training::Confinement> Launcher::confine() { return std::make_unique<SlurmConfinement>(*this); }

}  // namespace slurm
