// What a deployment tells its audience.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "deploy/rpc/monitor.hpp"
#include "deploy/state.hpp"
#include "provider/provider.hpp"

namespace deploy {

// forget: leaves the state, and stays in the world: retained, only read, or held by another resource.
enum class Op {
    same,
    create,
    update,
    replace,
    create_replacement,
    delete_replaced,
    remove,
    read,
    import,
    refresh,
    discard,
    forget
};
[[nodiscard]] std::string_view name_of(Op op);  // Pulumi's words: same, create, update, replace, create-replacement, …

struct Step {
    enum class Phase { begun, done, failed };
    Op op = Op::same;
    Phase phase = Phase::begun;
    std::string urn, type, name, id, source;
    std::string reason;         // of a forget
    ResourcePtr before, after;  // null where there is none; `after` of a begun step has no outputs yet
    provider::Difference difference;
    std::optional<base::Error> error;
    std::chrono::milliseconds took{0};
    bool hidden = false;  // default providers: not in the program
};

struct Diagnostic {
    rpc::Severity severity = rpc::Severity::info;
    std::string message, urn, source;
    std::vector<std::string> notes;
    bool ephemeral = false;
};

// Called from several threads, one call at a time is not guaranteed.
class Events {
public:
    virtual ~Events() = default;
    virtual void step(const Step& step) = 0;
    virtual void diagnostic(const Diagnostic& diagnostic) = 0;
    // A line that the program printed.
    virtual void program_line(const std::string& line, bool is_error) = 0;
};

}  // namespace deploy
