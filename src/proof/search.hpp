// The search for requests for one action: the solver proposes what may be true, the theories of keys and resources say whether that can be, the engine
// says whether it is.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proof/prove.hpp"

namespace proof {

class Search {
public:
    // All must outlive it.
    Search(const Question& question, const Limits& limits, const std::string& action, const policy::Context& known);

    // The formula is false, whatever the resource.
    [[nodiscard]] bool is_never() const { return root_ == never; }

    // `tries`: how often variables of unknown value may be given one.
    [[nodiscard]] Answer run(size_t tries);

private:
    enum class Found : uint8_t { yes, no, cut_off };

    bool begin();  // false: there is no resource that could be meant
    Answer next(size_t tries);
    void exclude_foreign_resources();
    std::vector<Literal> impossible(const std::vector<Literal>& literals, std::string& cut);
    template <class Contradicts>
    static std::vector<Literal> least(std::vector<Literal> literals, Contradicts&& contradicts);
    [[nodiscard]] Found find_resource(const std::vector<Literal>& literals, std::string* text = nullptr) const;
    [[nodiscard]] FoundValues find_key(const std::string& key, const std::vector<Literal>& literals) const;
    [[nodiscard]] std::vector<std::string> open_variables(const std::vector<Literal>& literals) const;
    [[nodiscard]] Answer with_values(const std::vector<std::string>& keys, const std::vector<Literal>& literals) const;
    [[nodiscard]] std::string example_of(const std::string& key, const std::vector<Literal>& literals) const;
    void add_value(policy::Context& context, const std::string& key, const std::vector<std::string>& values) const;
    [[nodiscard]] std::optional<policy::Request> confirmed(const policy::Context& known) const;
    [[nodiscard]] bool is_as_asked(const policy::Request& request) const;

    const Question& question_;
    const Limits& limits_;
    const std::string action_;
    const policy::Context& known_;
    Encoder encoder_;
    std::optional<Solver> solver_;
    std::vector<Tokens> resources_, scope_;
    Node root_ = never;
    // Of the last proposal.
    std::string resource_;
    std::map<std::string, FoundValues> values_;
    std::vector<Literal> literals_;

    bool are_foreign_excluded_ = false;
    std::string open_;  // why a proposal that may be possible was not confirmed
    size_t tries_ = 0, proposals_ = 0;
};

}  // namespace proof
