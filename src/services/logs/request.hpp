// What the operations of CloudWatch Logs have in common: whose group, which group, where it stands in policies.
#pragma once

#include <string>
#include <string_view>

#include "gate/gate.hpp"
#include "logs/store.hpp"

namespace services::logs {

struct Parts {
    ::logs::Store* store = nullptr;
    const base::Clock* clock = nullptr;
};
using Answered = base::Result<wire::Answer>;
using Handler = Answered (*)(const Parts&, const gate::Permit&, wire::Call&);

[[nodiscard]] std::unexpected<base::Error> invalid(std::string message);  // InvalidParameterException
[[nodiscard]] wire::Answer answer(text::Json output);
[[nodiscard]] ::logs::Owner owner_of(const gate::Permit& permit, const wire::Call& call);
// logGroupName, or the name in logGroupIdentifier (a name or an ARN). Both or none is an error.
[[nodiscard]] base::Result<std::string> group_of(const wire::Call& call);
[[nodiscard]] std::string group_arn(const std::string& account, const std::string& region, std::string_view group);

// writing.cpp
[[nodiscard]] Answered create_group(const Parts& parts, const gate::Permit& permit, wire::Call& call);
[[nodiscard]] Answered delete_group(const Parts& parts, const gate::Permit& permit, wire::Call& call);
[[nodiscard]] Answered create_stream(const Parts& parts, const gate::Permit& permit, wire::Call& call);
[[nodiscard]] Answered delete_stream(const Parts& parts, const gate::Permit& permit, wire::Call& call);
[[nodiscard]] Answered put_events(const Parts& parts, const gate::Permit& permit, wire::Call& call);

}  // namespace services::logs
