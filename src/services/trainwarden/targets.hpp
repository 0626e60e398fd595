// What a question about patterns is about: the resources of this server that have policies of their own, each with its policy, and the rest.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "proof/ways.hpp"
#include "services/trainwarden/question.hpp"

namespace services::trainwarden {

// A question about many requests: patterns of actions and resources, and what is known of the circumstances. The rest is open.
struct PatternQuestion {
    std::vector<std::string> actions;
    std::vector<std::string> resources;
    policy::Context said;
};

// Is it about more than one request?
[[nodiscard]] bool is_pattern_question(std::string_view action, std::string_view resource);

// Errors: `ValidationException` for what cannot be asked, `NoSuchResource` for what this server does not have.
[[nodiscard]] base::Result<PatternQuestion> read_pattern_question(const Dependencies& parts, const std::string& action,
                                                                  const std::string& resource,
                                                                  std::span<const model::trainwarden::ContextEntry> context);

struct Targets {
    std::deque<policy::AttachedPolicy> policies;  // that the targets point to
    std::vector<proof::Target> all;
    std::vector<std::string> open;  // what is left out, in words
};

// S3's actions on buckets and objects are asked about the buckets that are there, those of STS on roles about the roles; alike ones together. All
// other actions are decided by the principal's policies alone: about resources that are there or may come.
[[nodiscard]] base::Result<Targets> targets_of(const Dependencies& parts, const PatternQuestion& question);

}  // namespace services::trainwarden
