// Questions to compare evaluators with. Names, patterns and values are drawn from small pools, so that questions touch what the
// policies say, and now and then from noise, so that what nobody thought of is asked too. The same seed makes the same questions
// everywhere.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "question.hpp"
#include "text/json.hpp"

namespace reference {

// Numbers to choose by: from a seed, or from a fuzzer's bytes (zeros once they are used up).
class Dice {
public:
    explicit Dice(uint64_t seed) : state_(seed) {}
    explicit Dice(std::span<const uint8_t> bytes) : from_bytes_(true), bytes_(bytes) {}

    size_t below(size_t n);
    bool chance(unsigned percent) { return below(100) < percent; }
    template <class Pool>
    auto pick(const Pool& pool) {
        return pool[below(std::size(pool))];
    }
    [[nodiscard]] bool used_up() const { return from_bytes_ && bytes_.empty(); }

private:
    uint64_t state_ = 0;
    bool from_bytes_ = false;
    std::span<const uint8_t> bytes_;
};

// What may be asked.
struct Domain {
    // Everything that PolicySet and Request can hold; else what the public simulator of the peer test takes: actions on their own
    // resources, global condition keys, no documents that are refused, organization levels that allow.
    bool everything = true;
};

// RCPFullAWSAccess, which hangs at every level of an organization; the simulator adds it by itself.
extern const char* const full_resource_control;

class Generator {
public:
    Generator(Dice dice, Domain domain) : dice_(std::move(dice)), domain_(domain) {}

    // Policies of every layer, for callers of one or two accounts.
    [[nodiscard]] std::vector<Placed> policies();
    // One request to such policies, its principal included.
    void ask(Question& question);

    struct Line {
        std::string op, key;
        text::Json values;
    };
    [[nodiscard]] Line condition();
    [[nodiscard]] policy::Context context();

    [[nodiscard]] Dice& dice() { return dice_; }

private:
    [[nodiscard]] std::string principal();
    [[nodiscard]] std::string noise(std::string_view alphabet, size_t length_max);
    [[nodiscard]] std::string action_pattern(const std::string& aimed_at);
    [[nodiscard]] std::string resource_pattern(const std::string& aimed_at);
    [[nodiscard]] text::Json strings(auto&& one, size_t most = 3);
    [[nodiscard]] text::Json principals();
    [[nodiscard]] text::Json statement(const std::string& layer, unsigned deny_percent);
    [[nodiscard]] std::string document(const std::string& layer, unsigned deny_percent, bool full);
    void damage(text::Json& document, text::Json& statement);
    [[nodiscard]] std::string piece_of(std::string_view text, size_t from, bool variables);
    void crowd(text::Json& statement, const std::string& layer, const std::string& action, const std::string& resource);

    Dice dice_;
    Domain domain_;
};

}  // namespace reference
