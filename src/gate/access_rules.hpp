// The accesses of an operation that models/SERVICE.yaml declares: its rules (model/access.hpp), run on one request's input.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "gate/describer.hpp"
#include "gate/gate.hpp"
#include "identity/caller.hpp"
#include "model/access.hpp"

namespace gate {

// The caller of a request, and the region that serves it.
struct RequestOrigin {
    const identity::Caller& caller;
    std::string_view region;
    const Describer& describer;

    // The resource that a request names, for an access to it, and to it for the actions in `also` (Describer::find).
    [[nodiscard]] base::Result<Description> find(std::string_view arn, model::ActionName action,
                                                 std::span<const std::string_view> also = {},
                                                 const policy::Context* said = nullptr) const {
        return describer.find(arn, action.text, caller.principal.account, also, said);
    }
};

struct RuledAccesses {
    std::vector<Access> accesses;
    Found found;  // of the first access's resource
};
// `input`: a struct of the operation's input. `functions`: those that the service's YAML names, in its order.
// REQUIRES: the operation has rules.
[[nodiscard]] base::Result<RuledAccesses> accesses_by_rules(const model::Operation& operation, const void* input,
                                                            const RequestOrigin& asking,
                                                            std::span<const model::ValueFunction> functions);

}  // namespace gate
