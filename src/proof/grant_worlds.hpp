// What policy documents tell apart of the world around a request: whose resources, in which regions, and of which account those are who ask. What a document
// names is a world of its own, and so is what it does not name; what it speaks of in a way that no world stands for leaves the question open.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proof/grant_document.hpp"

namespace proof {

struct World {
    std::string account, region;
    std::string asking;  // the account of a user or role that an identity policy hangs on
};

struct Worlds {
    std::vector<World> all;
    std::set<std::string> accounts;  // that the documents name anywhere
    std::string open;                // not empty: what no world stands for
    bool tells_addresses = false;    // aws:SourceIp matters: what a service does for its caller comes without
};

// `actions`, `resources`: patterns that are asked about, beside the documents.
[[nodiscard]] Worlds worlds_of(std::span<const GrantDocument* const> documents, DocumentKind kind,
                               std::span<const std::string> actions = {}, std::span<const std::string> resources = {});

// Every number of twelve digits in it.
void add_accounts(std::string_view text, std::set<std::string>& accounts);

// An account that none of these is.
[[nodiscard]] std::string unnamed_account(const std::set<std::string>& named);

}  // namespace proof
