// What decisions know of log groups and streams, and which group a request names.
#pragma once

#include "gate/describer.hpp"
#include "services/logs/request.hpp"

namespace services::logs {

// Handlers get a `Group`.
class Resources final : public gate::Resources {
public:
    explicit Resources(const ::logs::Store& store) : store_(store) {}
    [[nodiscard]] Result<gate::Description> describe(const gate::Subject& subject) const override;
    [[nodiscard]] Result<gate::Description> find(const gate::Subject& subject) const override;
    [[nodiscard]] Result<gate::Description> plan(const gate::Subject& subject) const override { return find(subject); }
    // Groups, or the streams of one: `arn:aws:logs:region:account:log-group:group:log-stream:*`.
    [[nodiscard]] Result<gate::ResourcePage> each_resource(const gate::ResourceQuery& query) const override;
    [[nodiscard]] uint64_t version() const override { return store_.version(); }

private:
    const ::logs::Store& store_;
};

// The value function of models/logs.yaml: the name of a group, from logGroupName or from logGroupIdentifier, which is a name or an
// ARN. Both or none is an error, and so is the ARN of a group elsewhere: it would be answered from the group of that name here.
[[nodiscard]] Result<model::NamedValues> log_group(const model::RequestOrigin& origin,
                                                   std::span<const std::optional<std::string>> name_and_identifier);

}  // namespace services::logs
