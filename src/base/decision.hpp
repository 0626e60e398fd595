// What a request's decision was made on, so that its handler uses nothing else.
//
// Before a decision and after it the same things are looked up: the tags of a user, say, and then the user. Rooms whose look-ups
// decisions are made on (identity, objects, training) note what each of them finds. Before they change anything they compare it: with
// `check`, where the look-ups of a change are made under the lock under which it is made; with `expect`, where the change is conditional on
// what is there (store::Batch::expect). The gate throws away what a handler answers where a look-up found something else than the first one
// did, and decides again.
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
    // A change, or an answer, is about to be made of what has this state: `DecisionOutdated` if a look-up found another. What was not looked
    // up is no matter. Holds once the request has changed something, too: of several changes, each is of what was decided on.
    template <class State>
    [[nodiscard]] static Result<void> expect(std::string_view kind, std::string_view key, State state) {
        if (here_ == nullptr) return {};
        return here_->compare(std::string(kind) + " " + std::string(key), state());
    }
    // Was it looked up?
    [[nodiscard]] static bool has_seen(std::string_view kind, std::string_view key);
    // A change was made. What the request sees from now on may be its own work, and it cannot be decided again.
    static void acted();

private:
    void add(std::string key, std::string state);
    [[nodiscard]] Result<void> compare(const std::string& key, std::string_view state) const;

    static thread_local DecisionScope* here_;  // NOLINT(readability-identifier-naming): a member like the others

    DecisionScope* outer_;
    std::map<std::string, std::string, std::less<>> seen_;
    std::optional<std::string> changed_;  // the first thing that was not what it had been
    bool acted_ = false;
};

}  // namespace base
