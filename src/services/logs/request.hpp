// What the operations of CloudWatch Logs have in common: whose group, which group, where it stands in policies.
#pragma once

#include <string>
#include <string_view>

#include "gate/operation.hpp"
#include "logs/store.hpp"
#include "model/logs/operations.hpp"
#include "model/logs/service.hpp"

namespace services::logs {

namespace m = model::logs;
using base::Result;
using gate::Permit;

struct Logs {
    ::logs::Store& store;
    const base::Clock& clock;
};

// The group that a request is about: what Resources finds.
struct Group {
    ::logs::Owner owner;
    std::string name;
    [[nodiscard]] std::string arn() const { return arn_of(name); }
    [[nodiscard]] std::string arn_of(std::string_view group) const;  // of another group of the owner
};

[[nodiscard]] std::unexpected<base::Error> invalid(std::string message);  // InvalidParameterException
[[nodiscard]] std::unexpected<base::Error> unsupported(std::string_view member);

// writing.cpp
[[nodiscard]] Result<model::Nothing> create_group(Logs&, const Permit&, const m::CreateLogGroupRequest&, Group&&);
[[nodiscard]] Result<model::Nothing> delete_group(Logs&, const Permit&, const m::DeleteLogGroupRequest&, Group&&);
[[nodiscard]] Result<model::Nothing> create_stream(Logs&, const Permit&, const m::CreateLogStreamRequest&, Group&&);
[[nodiscard]] Result<model::Nothing> delete_stream(Logs&, const Permit&, const m::DeleteLogStreamRequest&, Group&&);
[[nodiscard]] Result<m::PutLogEventsResponse> put_events(Logs&, const Permit&, const m::PutLogEventsRequest&, Group&&);

}  // namespace services::logs
