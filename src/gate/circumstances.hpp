// What requests of a principal have alike, and what is prepared for those that come after the first: what is left of the policies
// (policy/residual.hpp), and the text that their records share (audit/prepared_text.hpp). Kept with the principal, and gone with it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "audit/prepared_text.hpp"
#include "policy/evaluate.hpp"
#include "policy/request.hpp"
#include "policy/residual.hpp"

namespace gate {

// Immutable once shared.
struct Circumstances {
    static constexpr size_t texts_max = 2;  // by what allowed it; some kilobytes each

    // A statement that allowed a request. `policy`: nullptr is the resource's, which the circumstances say.
    struct GrantedBy {
        policy::Layer layer;
        uint32_t statement;
        const policy::AttachedPolicy* policy;
        explicit GrantedBy(const policy::Granting& granting)
            : layer(granting.layer),
              statement(granting.statement),
              policy(granting.layer == policy::Layer::resource ? nullptr : granting.policy) {}
        bool operator==(const GrantedBy&) const = default;
    };
    struct Text {
        policy::Layer layer;  // as Verdict
        std::vector<GrantedBy> by;
        std::shared_ptr<const audit::PreparedText> prepared;
    };

    // nullptr: there is none.
    [[nodiscard]] const std::shared_ptr<const audit::PreparedText>* text_for(const policy::Verdict& verdict) const {
        for (const Text& text : texts)
            if (text.layer == verdict.layer && std::ranges::equal(text.by, verdict.granting(), {}, {},
                                                                  [](const policy::Granting& one) { return GrantedBy(one); }))
                return &text.prepared;
        return nullptr;
    }

    std::shared_ptr<const policy::Residual> residual;
    std::vector<Text> texts;
    // Of the resource, if all requests about it have them together: kept, so that no others have their address. And whether there are
    // keys among them that do not repeat.
    policy::Context shared_keys;
    bool has_changing_keys = false;
};

}  // namespace gate
