// What decisions know of this server's own resources: requests, of which questions are asked.
#pragma once

#include "gate/describer.hpp"

namespace services::trainwarden {

// Whether there was such a request is told only to those who may ask: every one is taken to be there, its account's.
class Resources final : public gate::Resources {
public:
    // Nobody counts up requests, and nothing of them changes.
    [[nodiscard]] base::Result<gate::ResourcePage> each_resource(const gate::ResourceQuery&) const override {
        return gate::ResourcePage{};
    }
    [[nodiscard]] uint64_t version() const override { return 0; }
    [[nodiscard]] base::Result<gate::Description> describe(const gate::Subject& subject) const override {
        return gate::Description{.arn = std::string(subject.text),
                                 .existence = gate::Existence::there,
                                 .owner = std::string(subject.arn.account),
                                 .region = std::string(subject.arn.region)};
    }
};

}  // namespace services::trainwarden
