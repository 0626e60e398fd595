// One registration on its way through the engine, and the small questions about its properties. For the engine's own files.
#pragma once

#include <chrono>

#include "deploy/engine.hpp"

namespace deploy {

struct Engine::Context {
    const rpc::Registration& registration;
    std::string urn;
    ResourcePtr old;                                  // null: there is none
    std::shared_ptr<Resource> fresh;                  // what will be recorded
    provider::Property wanted = registration.inputs;  // the program's, with the old ones where it ignores changes
    provider::Property inputs;                        // what the provider sees: no secrets, no references, checked
    Instance instance;
    ResourcePtr dooms;        // becomes the one to delete at the moment its replacement is recorded
    bool recreated = false;   // its old self was deleted in this run to make way
    bool tainted = false;     // the state says that it must be replaced
    bool incomplete = false;  // the state says that its creation did not end well
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();

    [[nodiscard]] Step step(Op op, Step::Phase phase) const;
};

// For a provider: secrets unwrapped, references become ids (a component's: its URN), assets get the hash of their content.
[[nodiscard]] base::Result<provider::Property> for_provider(const provider::Property& value);
// `value` with the secrets of `like` (secret_texts.hpp), and what lies at the paths `also`.
[[nodiscard]] provider::Property keep_secret(provider::Property value, const provider::Property& like,
                                             const std::vector<std::string>& also = {});

}  // namespace deploy
