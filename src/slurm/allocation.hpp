// What Slurm gives a job: machines, for a time. Taken, looked at and given back by Slurm's own programs; nothing of a job but its
// name and ARN is on a command line.
//
// Why salloc --no-shell and not sbatch: sbatch wants a script to run, with a step, a process and an output file of its own on the
// first node, and Slurm looks at batch jobs up to three seconds later (SchedulerParameters=batch_sched_delay). An allocation is
// all that is needed here: the workers are srun's steps in it. What ends with salloc is only the waiting: an allocation outlives
// the process that asked for it, so that it is found by its comment when the server that asked was killed (end_leftovers).
//
// Source: Slurm 22.05's manual pages salloc(1), srun(1), squeue(1), scancel(1), scontrol(1).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/process.hpp"
#include "slurm/munge.hpp"

namespace slurm {

// Are Slurm's programs here, does its controller answer, and does munge, if the cluster uses it? Errors `SlurmUnavailable` with the remedy.
[[nodiscard]] base::Result<std::optional<Munge>> check_cluster();

// Cancels every allocation of this user whose comment names this server, and waits until Slurm has ended their processes.
// How many; error `SlurmUnavailable`.
[[nodiscard]] base::Result<size_t> end_leftovers(const std::string& server);

// `--partition=p "--comment=two words"` as a shell would cut it, without any other of its powers. Error `InvalidOptions`.
[[nodiscard]] base::Result<std::vector<std::string>> split_options(std::string_view text);

// Slurm's programs see nothing of our environment but where Slurm is.
[[nodiscard]] os::Environment slurm_environment();

struct Wanted {
    std::string name;    // --job-name
    std::string job;     // an ARN
    std::string run;     // of the attempt
    std::string server;  // whose allocation it is
    size_t workers = 1;
    unsigned cpus = 1, gpus = 0;  // of one worker
    uint64_t memory_bytes = 0;
    int64_t minutes = 0;
    std::vector<std::string> options;  // the operator's; after ours, so that they win
};

// What salloc has said so far.
struct SallocWords {
    std::string id;  // empty: not yet
    std::string last_error;
};
[[nodiscard]] SallocWords read_salloc(std::string_view text);

class Allocation {
public:
    // Waits for its turn. `pending` gets Slurm's reason whenever that changes. Errors: `CapacityError`: no machines of this
    // cluster could ever do it, as Slurm says; `InternalError`; `Cancelled`.
    [[nodiscard]] static base::Result<std::unique_ptr<Allocation>> take(const Wanted& wanted,
                                                                        const std::function<bool()>& given_up,
                                                                        const std::function<void(const std::string&)>& pending);
    ~Allocation();  // gives it back
    Allocation(const Allocation&) = delete;
    Allocation& operator=(const Allocation&) = delete;

    [[nodiscard]] const std::string& id() const { return id_; }
    // srun's, for one worker of it, up to the program.
    [[nodiscard]] std::vector<std::string> step_command() const;
    // In Slurm's words: `job 12 is CANCELLED (reason: TimeLimit)`.
    [[nodiscard]] std::string state() const;
    // Gives it back and waits until nothing in it runs any more, at most a minute; false: something does.
    bool end();

private:
    Allocation(std::string id, Wanted wanted) : id_(std::move(id)), wanted_(std::move(wanted)) {}
    std::string id_;
    Wanted wanted_;
};

}  // namespace slurm
