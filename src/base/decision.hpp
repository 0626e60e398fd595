// What a request's decision was made on, so that its handler uses nothing else.
//
// Before a decision and after it the same things are looked up: the tags of a user, say, and then the user. Rooms whose look-ups
// decisions are made on note what each of them finds, and check before they change anything. The gate throws away what a handler
// answers where a look-up found something else than the first one did, and decides again. (objects::DecidedOn does the same for
// buckets and objects, with values that are handed on.)
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/outdated.hpp"
#include "base/result.hpp"

namespace base {

// While one lives, this thread serves one request, from its look-ups to its answer. Within another one, that one rests.
class DecisionScope {
public:
    DecisionScope();
    ~DecisionScope();
    DecisionScope(const DecisionScope&) = delete;
    DecisionScope& operator=(const DecisionScope&) = delete;

    // A look-up of this thread found under `key` what decisions see as `state()` (empty: nothing is there). Without a scope, and
    // once the request has changed something, this is no matter.
    template <class State>
    static void note(std::string_view kind, std::string_view key, State state) {
        if (here_ != nullptr && !here_->acted_) here_->add(std::string(kind) + " " + std::string(key), state());
    }

    // Before a change is made, under the lock under which it is made: `DecisionOutdated`. Without a scope: nothing.
    [[nodiscard]] static Result<void> check();
    // A change was made. What the request sees from now on may be its own work, and it cannot be decided again.
    static void acted();

private:
    void add(std::string key, std::string state);

    static thread_local DecisionScope* here_;  // NOLINT(readability-identifier-naming): a member like the others

    DecisionScope* outer_;
    std::map<std::string, std::string, std::less<>> seen_;
    std::optional<std::string> changed_;  // the first thing that was not what it had been
    bool acted_ = false;
};

}  // namespace base
