// What Access Analyzer knows of its resources: analyzers with their tags, and archive rules.
//
// Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS IAM Access Analyzer".
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "gate/access_rules.hpp"
#include "gate/describer.hpp"
#include "services/access_analyzer/state.hpp"

namespace services::access_analyzer {

class Resources final : public gate::Resources {
public:
    explicit Resources(std::shared_ptr<const State> state) : state_(std::move(state)) {}
    [[nodiscard]] base::Result<gate::Description> describe(const gate::Subject& subject) const override;
    // Analyzers: of archive rules there are at most a hundred each, which are counted up with them.
    [[nodiscard]] base::Result<gate::ResourcePage> each_resource(const gate::ResourceQuery& query) const override;
    [[nodiscard]] uint64_t version() const override { return state_->version(); }

private:
    std::shared_ptr<const State> state_;
};

// The value functions of models/accessanalyzer.yaml: an ARN as it was sent. Error `ValidationException`: not of an analyzer.
[[nodiscard]] base::Result<model::NamedValues> analyzer_arn_value(const model::RequestOrigin& origin,
                                                                  std::span<const std::optional<std::string>> arn);
[[nodiscard]] base::Result<model::NamedValues> tagged_arn_value(const model::RequestOrigin& origin,
                                                                std::span<const std::optional<std::string>> arn);

// `field`: the request's member.
[[nodiscard]] base::Result<void> check_analyzer_arn(std::string_view arn, const char* field = "analyzerArn");

// The analyzer's name in its ARN; nullopt: it is none of the place's.
[[nodiscard]] std::optional<std::string> analyzer_named(const Place& place, std::string_view arn);

}  // namespace services::access_analyzer
