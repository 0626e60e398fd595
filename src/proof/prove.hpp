// Is there a request that some policies allow and others refuse? Yes, with such a request; no, proved; or not known, and why.
//
// A yes is a request that the deciding engine has answered as claimed. A no rests on the formula (encode.hpp) being the engine's own decision, which
// tests compare with it request by request. What a limit cuts off, or what a variable of unknown value leaves open, is never a no.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/request.hpp"
#include "proof/encode.hpp"

namespace proof {

struct Question {
    const Subject* subject = nullptr;
    std::vector<View> allowed;                   // each of these allows the request …
    std::vector<View> refused;                   // … and none of these
    std::vector<std::string> actions = {"*"};    // patterns, as in policies
    std::vector<std::string> except = {};        // actions that are left out: patterns
    std::vector<std::string> resources = {"*"};  // patterns
    std::string resource_account;                // who owns the resources; empty: the subject's account
    policy::Context known;                       // circumstances that are settled: aws:SourceIp, …
    std::string region = "us-east-1";
};

struct Answer {
    enum class Kind : uint8_t { no, yes, unknown };
    Kind kind = Kind::no;
    std::optional<policy::Request> witness;  // yes
    std::string reason;                      // unknown: which limit, or what is open
    explicit operator bool() const = delete;
};

[[nodiscard]] Answer prove(const Question& question, const Limits& limits = {});

}  // namespace proof
