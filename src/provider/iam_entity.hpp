// What IAM keeps under a name (users, roles, policies, and what hangs on them), as a table: which operations, which property is which member
// of their inputs and answers. One engine makes a ResourceType of each entry (iam_entity.cpp).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "provider/schema.hpp"

namespace provider {

// A property and a member of an operation's input; in answers a path: `PermissionsBoundary.PermissionsBoundaryArn`.
struct Member {
    std::string property, member;
};

// One operation that changes the properties named, where one of them differs.
struct Update {
    std::string operation;
    std::vector<Member> members;
    std::string none = {};                // the operation where the property is empty
    std::vector<std::string> flags = {};  // members that are `true`
};

struct IamEntity {
    std::vector<std::string> tokens;
    std::string kind;             // `user`: what calls are serialised by, with the first of `subject`; in ARNs, if `has_arn`
    std::vector<Member> subject;  // what names it in every call, and in its id, in this order
    char separator = ':';         // between the parts of the id
    std::vector<Rule> rules;      // `member`: in the input of `create`
    std::optional<NameRule> name = {};

    std::string create, read, remove;
    std::string answer = {};      // the member of the answers of create and read that holds it; empty: the answer itself
    std::string list = {};        // read is a list of this member; its item has the last of `subject`
    std::vector<Member> outputs;  // of read's answer
    std::vector<Update> updates = {};
    std::string tag = {}, untag = {};
    bool has_arn = false;  // its ARN follows from kind, path and name
    bool arn_is_id = false;
    std::vector<std::string> computed = {}, computed_by_update = {};
    bool delete_before_replace = false;
    std::vector<std::pair<const char*, const char*>> blame = {};  // of an error of create: code and property; "": any other code
    std::string conflict = {};                                    // what to do about a DeleteConflict; `{}` is the id
    std::vector<std::string> more_operations = {};

    // Code, where one needs it.
    void (*check)(const Property& inputs, std::vector<CheckFailure>& failures) = nullptr;
    void (*declares)(const Property& properties, std::vector<std::string>& things) = nullptr;
    // Brings what the resource itself declares from `olds` to `news`: after create and update, and before remove with nothing as news.
    base::Result<void> (*complete)(Aws& aws, const std::string& id, const Property& olds, const Property& news) = nullptr;
    Property nothing = {};
    base::Result<void> (*read_more)(Aws& aws, const std::string& id, const Property& known, const text::Json& entity,
                                    Property& outputs) = nullptr;
    base::Result<void> (*before_update)(Aws& aws, const std::string& id, const std::string& operation) = nullptr;
    base::Result<void> (*before_remove)(Aws& aws, const std::string& id) = nullptr;
    // After a DeleteConflict: what hangs on it goes, if that is this resource's to do. Then it is tried again.
    base::Result<void> (*empty)(Aws& aws, const std::string& id, const Property& olds) = nullptr;
};

[[nodiscard]] ResourceType iam_entity_type(IamEntity entity);

}  // namespace provider
