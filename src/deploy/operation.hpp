// One whole operation on a stack: opened, locked, run, its state kept.
#pragma once

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "deploy/backend.hpp"
#include "deploy/engine.hpp"
#include "deploy/project.hpp"

namespace deploy {

// Everything a stack is, in memory. Locked for as long as it lives if it was opened to change it.
class Stack {
public:
    // to_make: as to_change, and made if it is missing. to_try: a stack that is missing is an empty one, of which nothing is
    // kept.
    enum class Open { to_read, to_change, to_make, to_try };
    [[nodiscard]] static base::Result<std::unique_ptr<Stack>> open(const Project& project, const std::string& name, Open how,
                                                                   PassphraseSource passphrase, base::Clock& clock,
                                                                   crypto::Random& random);

    [[nodiscard]] const Project& project() const { return project_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] StackFile& file() { return file_; }
    [[nodiscard]] Secrets& secrets() { return *secrets_; }
    [[nodiscard]] Backend& backend() { return backend_; }
    [[nodiscard]] bool is_new() const { return is_new_; }
    // The state with its secrets opened. Read again each time.
    [[nodiscard]] base::Result<Snapshot> snapshot();
    // The deployment as it stands in the file, secrets sealed.
    [[nodiscard]] base::Result<text::Json> deployment() const { return backend_.load(project_.name, name_); }
    [[nodiscard]] base::Result<void> save(const Snapshot& snapshot);
    [[nodiscard]] base::Result<void> save(const text::Json& deployment);

    base::Clock& clock;
    crypto::Random& random;

private:
    Stack(const Project& project, std::string name, StackFile file, Backend backend, base::Clock& clock_in,
          crypto::Random& random_in)
        : clock(clock_in),
          random(random_in),
          project_(project),
          name_(std::move(name)),
          file_(std::move(file)),
          backend_(std::move(backend)) {}
    const Project& project_;
    std::string name_;
    StackFile file_;
    Backend backend_;
    PassphraseSource passphrase_;
    std::unique_ptr<Secrets> secrets_;  // under the salt of Pulumi.STACK.yaml, or the state's if that has none
    std::unique_ptr<StackLock> lock_;
    bool is_new_ = false;
};

enum class Operation { update, destroy, refresh };

struct Run {
    Operation operation = Operation::update;
    bool preview = false;
    bool after_preview = false;  // the same program has just been previewed: no second type check
    int parallel = 16;
    std::string seed;  // of automatic names; the same for a preview and its update
    ProviderFactory make_provider;
    Events* events = nullptr;
};

struct Outcome {
    bool ok = false;
    bool interrupted = false;
    provider::Property outputs;  // of the stack
    std::chrono::milliseconds took{0};
};

// An error is something that kept the operation from starting; what fails in it goes to the events and makes the outcome not ok.
[[nodiscard]] base::Result<Outcome> run(Stack& stack, const Run& how);

// The outputs of a stack by the name a StackReference gives: STACK, PROJECT/STACK or ORGANIZATION/PROJECT/STACK.
[[nodiscard]] base::Result<provider::Property> outputs_of(Stack& from, const std::string& name);

}  // namespace deploy
