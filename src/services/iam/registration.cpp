#include "services/iam/registration.hpp"

#include "services/iam/request.hpp"

namespace services::iam {

void Registration::add(const std::string& name, Subject subject, Handler handle) {
    gate::Operation operation;
    operation.service = "iam";
    operation.name = name;
    operation.classify = [action = "iam:" + name, subject = std::move(subject), &describer = registry_.describer()](
                             const identity::Caller& caller, wire::Call& call) -> base::Result<std::vector<gate::Access>> {
        TRY(admits(caller));
        const std::string arn = subject(caller, call.input);
        if (arn == "*") return std::vector{gate::access_to(action, gate::Description{.arn = arn}, {})};
        auto description = TRY(describer.find(arn, action, caller.principal.account));
        // Who may ask is decided by the caller's account; of another's entities the answer says that they are.
        description.owner.clear();
        return std::vector{gate::access_to(action, description, {})};
    };
    operation.handle = [handle = std::move(handle)](const gate::Permit& permit, wire::Call& call) -> base::Result<wire::Answer> {
        wire::Answer answer;
        answer.output = TRY(handle(permit, call.input));
        return answer;
    };
    registry_.add(std::move(operation));
}

}  // namespace services::iam
